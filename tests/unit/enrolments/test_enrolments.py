"""Enrolling, exchanging classes and dropping, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.asgi import Reply
from fixtures.registration import OPEN, Registration, configuration, lesson, time
from fixtures.world import HOME


def refused(reply: Reply, status: int, slug: str) -> str:
    """Check the kind of a refusal; return what it says."""
    assert (reply.status, reply.json()["type"]) == (status, f"/problems/{slug}")
    detail: str = reply.json()["detail"]
    return detail


def lecture_and_lab() -> dict[str, Any]:
    """Return a configuration of two lectures, each with its laboratory."""
    return configuration(
        ("LEC", [lesson("1", 2), lesson("2", 2)]),
        ("LAB", [lesson("1", 1, parent="1"), lesson("2", 2, parent="2")]),
    )


async def test_an_enrolment_takes_one_seat_of_each_counter(desk: Registration) -> None:
    """Each class, its parent, the configuration and the course count one more."""
    await desk.offer(0, {**lecture_and_lab(), "limit": 3})
    shown = await desk.enrol(0, 0, "A-LAB-1", "A-LEC-1")
    assert shown.json()["state"] == "associated"
    assert shown.json()["enrolled_at"] is not None
    assert await desk.codes(shown) == ["O0-A-LEC-1", "O0-A-LAB-1"]
    assert [
        await desk.enrolled(f"O0-A-{c}") for c in ("LEC-1", "LEC-2", "LAB-1", "LAB-2")
    ] == [1, 0, 1, 0]
    course = await desk.client.get(f"{OPEN}/course-offerings/COURSE0")
    assert course.json()["enrolled"] == 1


async def test_seats_change_the_tags_of_what_shows_them(desk: Registration) -> None:
    """A class and its collection have new tags once somebody has a seat."""
    await desk.offer_lectures(0, lesson("1", 2))
    before = await desk.class_("O0-A-LEC-1")
    listed = await desk.client.get(f"{OPEN}/classes")
    courses = await desk.client.get(f"{OPEN}/course-offerings")
    await desk.enrol(0, 0)
    assert (await desk.class_("O0-A-LEC-1")).etag != before.etag
    assert (await desk.client.get(f"{OPEN}/classes")).etag != listed.etag
    assert (await desk.client.get(f"{OPEN}/course-offerings")).etag != courses.etag


async def test_enrolments_are_private(desk: Registration) -> None:
    """No shared cache keeps who takes what, or wants to."""
    await desk.offer_lectures(0, lesson("1", 2))
    shown = await desk.enrol(0, 0)
    for path in (shown.path, f"{OPEN}/enrolments", f"{OPEN}/requests"):
        reply = await desk.client.get(path)
        assert reply.headers["cache-control"] == "private, no-cache"


async def test_a_full_class_is_refused(desk: Registration) -> None:
    """The one seat goes to one student; the other is told which class is full."""
    await desk.offer_lectures(0, lesson("1", 1), lesson("2", 1))
    await desk.enrol(0, 0, "A-LEC-1")
    detail = refused(await desk.ask(1, 0, "A-LEC-1"), 409, "class-full")
    assert "O0-A-LEC-1" in detail
    assert await desk.enrolled("O0-A-LEC-1") == 1
    assert await desk.codes(await desk.enrol(1, 0)) == ["O0-A-LEC-2"]


@pytest.mark.parametrize("full", ["LEC", "LAB", "configuration", "course"])
async def test_any_full_counter_refuses(desk: Registration, full: str) -> None:
    """A full parent, child, configuration or share of a course leaves no seat."""
    parts = configuration(
        ("LEC", [lesson("1", 1 if full == "LEC" else None)]),
        ("LAB", [lesson("1", 1 if full == "LAB" else None, parent="1")]),
        limit=1 if full == "configuration" else None,
    )
    seats = 1 if full == "course" else None
    courses = [
        {"course_id": "COURSE0", "reserved_seats": seats, "is_controlling": True},
        {"course_id": "COURSE1"},
    ]
    await desk.offer(0, parts, courses=courses)
    await desk.enrol(0, 0)
    refused(await desk.ask(1, 0), 409, "class-full")
    refused(await desk.ask(1, 0, "A-LEC-1", "A-LAB-1"), 409, "class-full")
    # Seats kept for one course are no limit for the other.
    other = await desk.ask(1, 1)
    assert other.status == (201 if full == "course" else 409)


async def test_one_live_enrolment_in_an_offering(desk: Registration) -> None:
    """Not twice, not as its other course, not while waiting; again after a drop."""
    courses = [{"course_id": "COURSE0"}, {"course_id": "COURSE1"}]
    parts = configuration(("LEC", [lesson("1", 1)]))
    await desk.offer(
        0, parts, courses=[{**courses[0], "is_controlling": True}, courses[1]]
    )
    shown = await desk.enrol(0, 0)
    waiting = await desk.enrol(1, 0, wait=True)
    assert waiting.json()["state"] == "queued"
    for student in (0, 1):
        for course in (0, 1):
            again = await desk.ask(student, course, wait=True)
            detail = refused(again, 409, "already-enrolled")
            assert (shown, waiting)[student].json()["id"] in detail
    await desk.drop(shown)
    assert (await desk.ask(0, 1, wait=True)).json()["state"] == "queued"


@pytest.mark.parametrize(
    "classes",
    [
        ("A-LEC-1",),
        ("A-LAB-1",),
        ("A-LEC-1", "A-LEC-2"),
        ("A-LEC-1", "A-LAB-2"),
        ("A-LEC-1", "A-LAB-1", "A-LAB-1"),
        ("A-LEC-1", "A-LAB-1", "B-ONE-1"),
        ("A-LEC-1", "B-ONE-1"),
    ],
)
async def test_classes_must_be_one_of_each_subpart(
    desk: Registration, classes: tuple[str, ...]
) -> None:
    """Missing, doubled, mixed, or without their parent, they are refused."""
    other = configuration(("ONE", [lesson("1")]), code="B")
    await desk.offer(0, lecture_and_lab(), other)
    refused(await desk.ask(0, 0, *classes), 422, "classes-unfit")
    assert await desk.enrolled("O0-A-LEC-1") == 0
    assert (await desk.ask(0, 0, "B-ONE-1")).status == 201


async def test_classes_of_another_offering_do_not_fit(desk: Registration) -> None:
    """A class of the same session is not a class of the offering."""
    await desk.offer_lectures(0, lesson("1"))
    await desk.offer_lectures(1, lesson("1"))
    asked = await desk.ask(0, 0, class_ids=["O1-A-LEC-1"])
    refused(asked, 422, "classes-unfit")


async def test_cancelled_classes_cannot_be_taken(desk: Registration) -> None:
    """Neither by name nor by choice."""
    await desk.offer_lectures(0, lesson("1", is_cancelled=True), lesson("2", 1))
    refused(await desk.ask(0, 0, "A-LEC-1"), 422, "classes-unfit")
    assert await desk.codes(await desk.enrol(0, 0)) == ["O0-A-LEC-2"]
    refused(await desk.ask(1, 0), 409, "class-full")


async def test_an_offering_without_classes_has_no_seats(desk: Registration) -> None:
    """Where a subpart has no class, nobody can take one of each."""
    await desk.offer(0, configuration(("LEC", [lesson("1")]), ("LAB", [])))
    refused(await desk.ask(0, 0, wait=True), 409, "conflict")


OVERLAPPING = [
    (time("10000", 96), time("10000", 107)),
    (time("11000", 96), time("01000", 85)),
    (time(weeks="1" * 13 + "0"), time(weeks="0" * 12 + "11")),
]
APART = [
    (time("10000", 96), time("10000", 108)),
    (time("10100", 96), time("01010", 96)),
    (time(weeks="10" * 7), time(weeks="01" * 7)),
]


@pytest.mark.parametrize(("one", "other"), OVERLAPPING)
async def test_overlapping_classes_are_refused_with_both_names(
    desk: Registration, one: dict[str, Any], other: dict[str, Any]
) -> None:
    """Named or chosen, a class at the time of another is refused; if allowed, not."""
    await desk.offer_lectures(0, lesson("1", at=one))
    await desk.offer_lectures(1, lesson("1", at=other))
    await desk.enrol(0, 0)
    for classes in ((), ("A-LEC-1",)):
        detail = refused(await desk.ask(0, 1, *classes), 409, "time-conflict")
        assert "O0-A-LEC-1" in detail
        assert "O1-A-LEC-1" in detail
    shown = await desk.enrol(0, 1, is_overlap_allowed=True)
    changed = await desk.change(shown, {"is_overlap_allowed": False})
    refused(changed, 409, "time-conflict")


@pytest.mark.parametrize(("one", "other"), APART)
async def test_classes_apart_in_slots_days_or_weeks_go_together(
    desk: Registration, one: dict[str, Any], other: dict[str, Any]
) -> None:
    """It takes the same slot of the same day of the same week to overlap."""
    await desk.offer_lectures(0, lesson("1", at=one))
    await desk.offer_lectures(1, lesson("1", at=other))
    await desk.enrol(0, 0)
    await desk.enrol(0, 1)


async def test_what_is_not_settled_overlaps_nothing(desk: Registration) -> None:
    """A class with two time options and no published time can be taken."""
    both = {"time_options": [time(), time("01000")]}
    await desk.offer_lectures(0, lesson("1", at=time()))
    await desk.offer_lectures(1, lesson("1", **both))
    await desk.enrol(0, 0)
    await desk.enrol(0, 1)


async def test_classes_of_one_enrolment_do_not_overlap(desk: Registration) -> None:
    """A lecture and a laboratory at once are refused, and not chosen."""
    parts = configuration(
        ("LEC", [lesson("1", at=time())]),
        ("LAB", [lesson("1", at=time()), lesson("2", 1, at=time("01000"))]),
    )
    await desk.offer(0, parts)
    refused(await desk.ask(0, 0, "A-LEC-1", "A-LAB-1"), 409, "time-conflict")
    assert await desk.codes(await desk.enrol(0, 0)) == ["O0-A-LEC-1", "O0-A-LAB-2"]


async def test_the_choice_keeps_parents_and_the_student_free(
    desk: Registration,
) -> None:
    """Chosen classes have seats, are a chain, and miss the student's other classes."""
    await desk.offer_lectures(1, lesson("1", at=time("01000")))
    parts = configuration(
        ("LEC", [lesson("1", 9, at=time()), lesson("2", 5, at=time("00100"))]),
        (
            "LAB",
            [
                lesson("1", 9, parent="1", at=time("01000")),
                lesson("2", 1, parent="2", at=time("00010")),
            ],
        ),
    )
    await desk.offer(0, parts)
    await desk.enrol(0, 1)
    assert await desk.codes(await desk.enrol(0, 0)) == ["O0-A-LEC-2", "O0-A-LAB-2"]
    assert await desk.codes(await desk.enrol(1, 0)) == ["O0-A-LEC-1", "O0-A-LAB-1"]


async def test_a_swap_is_all_or_nothing(desk: Registration) -> None:
    """New seats for old ones; where one is full, the old ones stay."""
    await desk.offer(0, lecture_and_lab())
    shown = await desk.enrol(0, 0, "A-LEC-2", "A-LAB-2")
    other = await desk.enrol(1, 0, "A-LEC-1", "A-LAB-1")
    wanted = {"class_ids": ["O0-A-LEC-1", "O0-A-LAB-1"]}
    refused(await desk.change(shown, wanted), 409, "class-full")
    assert await desk.codes(shown) == ["O0-A-LEC-2", "O0-A-LAB-2"]
    await desk.drop(other)
    changed = await desk.change(shown, wanted)
    assert changed.status == 200, changed.body
    assert await desk.codes(shown) == ["O0-A-LEC-1", "O0-A-LAB-1"]
    assert [
        await desk.enrolled(f"O0-A-{c}") for c in ("LEC-1", "LEC-2", "LAB-1", "LAB-2")
    ] == [1, 0, 1, 0]
    unfit = {"class_ids": ["O0-A-LEC-1", "O0-A-LAB-2"]}
    refused(await desk.change(shown, unfit), 422, "classes-unfit")


async def test_a_put_of_what_was_read_changes_nothing(desk: Registration) -> None:
    """The same classes in another order are the same; the tag stays."""
    await desk.offer(0, {**lecture_and_lab(), "limit": 1})
    shown = await desk.enrol(0, 0)
    body = {
        name: shown.json()[name]
        for name in ("student_id", "course_offering_id", "class_ids")
    }
    body["class_ids"].reverse()
    again = await desk.client.put(shown.path, body, headers={"if-match": shown.etag})
    assert (again.status, again.etag) == (200, shown.etag), again.body


async def test_an_enrolment_stays_with_its_student(desk: Registration) -> None:
    """It cannot be handed to another student, or moved to another course."""
    await desk.offer_lectures(0, lesson("1"))
    await desk.offer_lectures(1, lesson("1"))
    shown = await desk.enrol(0, 0)
    for changes in ({"student_id": "S1"}, {"course_offering_id": "COURSE1"}):
        refused(await desk.change(shown, changes), 422, "malformed")


async def test_a_drop_gives_the_seats_back(desk: Registration) -> None:
    """A dropped enrolment is gone, and its seats are free."""
    await desk.offer(0, lecture_and_lab())
    shown = await desk.enrol(0, 0, "A-LEC-1", "A-LAB-1")
    await desk.drop(shown)
    assert (await desk.client.get(shown.path)).status == 404
    assert await desk.enrolled("O0-A-LAB-1") == 0
    await desk.enrol(1, 0, "A-LEC-1", "A-LAB-1")


async def test_writes_need_the_present_tag(desk: Registration) -> None:
    """Without If-Match 428, with an old tag 412; nothing has changed."""
    await desk.offer_lectures(0, lesson("1"), lesson("2"))
    shown = await desk.enrol(0, 0, "A-LEC-1")
    wanted = {"class_ids": ["O0-A-LEC-2"]}
    for headers, status in (({}, 428), ({"if-match": '"0.0"'}, 412)):
        swap = await desk.client.patch(shown.path, wanted, headers=headers)
        gone = await desk.client.delete(shown.path, headers=headers)
        assert (swap.status, gone.status) == (status, status)
    assert (await desk.client.get(shown.path)).etag == shown.etag


async def test_a_repeated_request_enrols_once(desk: Registration) -> None:
    """With the same Idempotency-Key the answer is the same and one seat is taken."""
    await desk.offer_lectures(0, lesson("1", 5))
    body = {"student_id": "S0", "course_offering_id": "COURSE0"}
    key = {"idempotency-key": '"once"'}
    first = await desk.client.post(f"{OPEN}/enrolments", body, headers=key)
    again = await desk.client.post(f"{OPEN}/enrolments", body, headers=key)
    assert (again.status, again.body) == (first.status, first.body) == (201, first.body)
    assert await desk.enrolled("O0-A-LEC-1") == 1


@pytest.mark.parametrize("state", ["planning", "running", "closed"])
async def test_the_state_of_the_session_gates_enrolment(
    desk: Registration, state: str
) -> None:
    """Students enrol in registration and while it runs, not before and not after."""
    await desk.offer_lectures(0, lesson("1"))
    shown = await desk.enrol(0, 0)
    session = await desk.client.get(OPEN)
    for step in ["running", "closed"] if state == "closed" else [state]:
        assert (await desk.change(session, {"state": step})).status == 200
    asked = await desk.ask(1, 0)
    request = {"student_id": "S1", "course_offering_id": "COURSE0"}
    wanted = await desk.client.post(f"{OPEN}/requests", request)
    now = await desk.client.get(shown.path)
    gone = await desk.client.delete(shown.path, headers={"if-match": now.etag})
    if state == "running":
        assert (asked.status, wanted.status, gone.status) == (201, 201, 204)
        return
    for reply in (asked, wanted, gone):
        refused(reply, 409, "state-forbids")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("student_id", "NOBODY"),
        ("course_offering_id", "COURSE9"),
        ("class_ids", ["O0-A-LEC-9"]),
        ("state", "associated"),
        ("is_waitlist_ok", 1),
    ],
)
async def test_bad_enrolments_are_refused(
    desk: Registration, member: str, value: Any
) -> None:
    """What is not there, not ours to set, or of another type is named."""
    await desk.offer_lectures(0, lesson("1"))
    asked = await desk.ask(0, 0, **{member: value})
    refused(asked, 422, "malformed")
    assert asked.json()["errors"][0]["pointer"].startswith(f"/{member}")


async def test_people_with_enrolments_stay(desk: Registration) -> None:
    """Neither a student nor an offering that is taken can be deleted."""
    await desk.offer_lectures(0, lesson("1"))
    await desk.enrol(0, 0)
    for path in (
        f"{HOME}/people/S0",
        f"{OPEN}/offerings/O0",
        f"{OPEN}/classes/O0-A-LEC-1",
    ):
        now = await desk.client.get(path)
        gone = await desk.client.delete(path, headers={"if-match": now.etag})
        refused(gone, 409, "still-referenced")


async def test_structure_that_would_break_enrolments_is_refused(
    desk: Registration,
) -> None:
    """A new subpart, or a parent that students do not attend, cannot come."""
    await desk.offer(0, configuration(("LEC", [lesson("1"), lesson("2")])))
    await desk.enrol(0, 0, "A-LEC-1")
    offering = await desk.client.get(f"{OPEN}/offerings/O0")
    parts = configuration(("LEC", [lesson("1"), lesson("2")]), ("LAB", [lesson("1")]))
    refused(await desk.change(offering, {"configurations": [parts]}), 409, "conflict")
    assert (await desk.client.get(offering.path)).etag == offering.etag
