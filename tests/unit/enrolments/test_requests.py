"""Course requests, and the course offerings that they name."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.registration import OPEN, Registration, lesson
from fixtures.world import HOME


async def offered(desk: Registration) -> None:
    """Offer three courses."""
    for course in range(3):
        await desk.offer_lectures(course, lesson("1"))


REQUEST = {
    "student_id": "S0",
    "course_offering_id": "COURSE0",
    "priority": 2,
    "alternatives": ["COURSE2", "COURSE1"],
    "is_waitlist_ok": True,
}


async def test_a_request_keeps_ids_in_order(desk: Registration) -> None:
    """Courses by code come back as ids of course offerings, alternatives in order."""
    await offered(desk)
    made = await desk.client.post(f"{OPEN}/requests", REQUEST)
    assert made.status == 201, made.body
    shown = await desk.client.get(made.headers["location"])
    ids = [
        (await desk.client.get(f"{OPEN}/course-offerings/COURSE{n}")).json()["id"]
        for n in range(3)
    ]
    student = (await desk.client.get(f"{HOME}/people/S0")).json()["id"]
    assert {name: shown.json()[name] for name in REQUEST} == {
        **REQUEST,
        "student_id": student,
        "course_offering_id": ids[0],
        "alternatives": [ids[2], ids[1]],
    }
    again = await desk.client.post(f"{OPEN}/requests", REQUEST)
    assert again.json()["type"] == "/problems/already-exists"
    changed = await desk.change(shown, {"alternatives": [], "priority": 0})
    assert (changed.status, changed.json()["alternatives"]) == (200, [])
    now = await desk.client.get(shown.path)
    gone = await desk.client.delete(shown.path, headers={"if-match": now.etag})
    assert gone.status == 204


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"course_offering_id": "COURSE9"}, "/course_offering_id"),
        ({"alternatives": ["COURSE9"]}, "/alternatives/0"),
        ({"alternatives": ["COURSE1", "COURSE1"]}, "/alternatives/1"),
        ({"alternatives": ["COURSE0"]}, "/alternatives/0"),
        ({"student_id": "NOBODY"}, "/student_id"),
        ({"priority": -1}, "/priority"),
    ],
)
async def test_bad_requests_are_refused(
    desk: Registration, changes: dict[str, Any], pointer: str
) -> None:
    """What is not offered, named twice, or not there is refused by its pointer."""
    await offered(desk)
    refused = await desk.client.post(f"{OPEN}/requests", {**REQUEST, **changes})
    assert refused.status == 422, refused.body
    assert [e["pointer"] for e in refused.json()["errors"]] == [pointer]
