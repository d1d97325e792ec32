"""The sample university of the demo, put in as any client would."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from collegium.cli.api import Api
from collegium.timetabling.generate import SampleUniversity, sample_university
from collegium.timetabling.itc2019 import write_problem

CODE = "SAMPLE"
SEED = 1
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """What was stored.

    Parameters
    ----------
    problem : hash of the instance.
    instance : its XML.
    """

    name: str
    problem: str
    instance: bytes
    n_courses: int
    n_classes: int
    n_rooms: int
    n_students: int


async def add_sample(api: Api) -> Sample:
    """Make up a university, store it with its courses, and upload its problem.

    What an earlier demo has stored in the same database stays as it is.
    """
    made = await asyncio.to_thread(sample_university, seed=SEED)
    instance = await asyncio.to_thread(write_problem, made.problem)
    if not (await api.get(f"/v1/universities?code={CODE}"))["items"]:
        await _add_university(api, made)
    return Sample(
        made.name,
        await api.put_blob(instance),
        instance,
        len(made.courses),
        len(made.problem.classes),
        len(made.problem.rooms),
        len(made.problem.students),
    )


async def _add_university(api: Api, made: SampleUniversity) -> None:
    await api.post("/v1/universities", {"code": CODE, "name": made.name})
    for first in range(0, len(made.courses), AT_ONCE):
        await asyncio.gather(
            *(
                api.post(
                    f"/v1/universities/{CODE}/courses",
                    {"code": course.code, "name": course.title},
                )
                for course in made.courses[first : first + AT_ONCE]
            )
        )
