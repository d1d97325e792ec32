"""Students who move between classes are somewhere at every moment, and only once."""

from __future__ import annotations

import asyncio
from typing import Any

from fixtures.asgi import AsgiClient

STUDENTS = 8
MOVES = 5
SESSION = "/v1/universities/NOWHERE/sessions/T"


async def enrolled(catalogue: AsgiClient) -> list[str]:
    """Make a course of two classes with all students in the first; return their ids."""

    async def post(path: str, body: dict[str, Any]) -> Any:
        reply = await catalogue.post(f"/v1/universities/NOWHERE{path}", body)
        assert reply.status == 201, reply.body
        return reply.json()

    term = {"code": "T", "name": "T", "start_date": "2031-09-01", "n_weeks": 14}
    term |= {"end_date": "2031-12-19", "state": "registration"}
    await post("/sessions", term)
    await post("/courses", {"code": "C", "name": "C"})
    classes = [{"suffix": suffix, "limit": STUDENTS} for suffix in "12"]
    subpart = {"code": "LEC", "classes": classes}
    configuration = {"code": "A", "subparts": [subpart], "limit": STUDENTS}
    offering = {"code": "C", "courses": [{"course_id": "C"}]}
    await post("/sessions/T/offerings", {**offering, "configurations": [configuration]})
    found = []
    for number in range(STUDENTS):
        await post("/people", {"code": f"S{number}", "name": f"S{number}"})
        body = {"student_id": f"S{number}", "course_offering_id": "C"}
        made = await post(
            "/sessions/T/enrolments", {**body, "class_ids": ["C-A-LEC-1"]}
        )
        found.append(made["id"])
    return found


async def test_nobody_is_counted_twice_or_not_at_all(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """While all move at once every read of the classes has the same total."""
    ids = await enrolled(catalogue)
    totals: list[int] = []
    is_over = asyncio.Event()

    async def move(id_: str) -> None:
        for turn in range(MOVES):
            path = f"{SESSION}/enrolments/{id_}"
            tag = (await catalogue.get(path)).etag
            body = {"class_ids": [f"C-A-LEC-{2 - turn % 2}"]}
            reply = await catalogue.patch(path, body, headers={"if-match": tag})
            assert reply.status == 200, reply.body

    async def watch() -> None:
        while not is_over.is_set():
            page = (await catalogue.get(f"{SESSION}/classes")).json()["items"]
            totals.append(sum(item["enrolled"] for item in page))
            rows = (await catalogue.get(f"{SESSION}/enrolments")).json()["items"]
            assert [len(row["class_ids"]) for row in rows] == [1] * STUDENTS
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(move(id_) for id_ in ids))
    is_over.set()
    await watching
    assert len(totals) > 2
    assert set(totals) == {STUDENTS}
