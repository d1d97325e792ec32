"""Taking jobs in and asking them to end: rules and state changes."""

from __future__ import annotations

from collections.abc import Mapping

import uuid_utils
from pydantic import JsonValue, ValidationError
from pydantic_core import to_json

from collegium.blobs.repository import keep_for_job, stored
from collegium.db.database import Reader
from collegium.db.work import Work
from collegium.errors import Malformed, NotFound, StateForbids
from collegium.jobs import repository
from collegium.jobs.repository import Job
from collegium.jobs.schemas import JobIn
from collegium.workloads.base import JobWorkload

JobWorkloads = Mapping[str, JobWorkload]


async def find_job(
    reader: Reader, job_id: str, *, university_id: str | None = None
) -> Job:
    """Return a job.

    Parameters
    ----------
    reader : where to look.
    job_id : which.
    university_id : whose it must be; None for anybody's.

    Raises
    ------
    NotFound
        When there is none of that id.
    """
    job = await repository.find(reader, job_id, university_id=university_id)
    if job is None:
        raise NotFound(f"There is no job {job_id!r}.")
    return job


async def submit(
    work: Work,
    workloads: JobWorkloads,
    body: JobIn,
    *,
    university_id: str | None = None,
) -> Job:
    """Add a job, with all that it reads kept for it.

    Parameters
    ----------
    work : the request's.
    workloads : what can be done.
    body : what is to be done.
    university_id : whose keys may see it; None for operators only.

    Raises
    ------
    Malformed
        When no workload has that name, the input is not acceptable to it, or a blob
        that it names is not stored.
    """
    workload = workloads.get(body.workload)
    if workload is None:
        known = ", ".join(sorted(workloads))
        raise Malformed(
            f"No workload is called {body.workload!r}; known: {known}.",
            pointers={"/workload": "unknown"},
        )
    job_input, needs = _read_input(workload, body.input)
    missing = set(needs) - await stored(work.transaction, needs)
    if missing:
        raise Malformed(
            f"There is no blob {min(missing)}: PUT /v1/blobs/{{sha256}} first.",
            pointers={"/input": "names a blob that is not stored"},
        )
    job_id = str(uuid_utils.uuid7())
    job = await repository.add(
        work, job_id, body.workload, job_input, university_id=university_id
    )
    for sha256 in needs:
        await keep_for_job(work.transaction, job_id, sha256)
    return job


async def cancel(work: Work, job_id: str, *, university_id: str | None = None) -> Job:
    """Ask a job to end; asking again changes nothing.

    Parameters
    ----------
    work : the request's.
    job_id : which.
    university_id : whose it must be; None for anybody's.

    Raises
    ------
    NotFound
        When there is none of that id.
    StateForbids
        When it has ended by itself already.
    """
    job = await find_job(work.transaction, job_id, university_id=university_id)
    if job.state in {"succeeded", "failed"}:
        raise StateForbids(f"The job has {job.state} already.")
    if job.is_cancel_requested or job.is_final:
        return job
    return await repository.ask_to_cancel(work, job)


def _read_input(workload: JobWorkload, value: JsonValue) -> tuple[str, list[str]]:
    """Return the input as JSON text, and the blobs that it names."""
    try:
        job = workload.JobInput.model_validate_json(to_json(value), strict=True)
    except ValidationError as error:
        pointers = {
            "/input" + "".join(f"/{part}" for part in item["loc"]): item["msg"]
            for item in error.errors(include_url=False, include_context=False)
        }
        raise Malformed(
            f"The input does not match what {workload.name} takes.", pointers=pointers
        ) from None
    return job.model_dump_json(), list(workload.needs(job))
