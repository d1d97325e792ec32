"""Turns on the waitlist, and limits that change while students are enrolled."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.asgi import Reply
from fixtures.registration import OPEN, Registration, configuration, lesson, time


async def states(desk: Registration, *shown: Reply) -> str:
    """Return the first letters of the states of enrolments: a or q."""
    return "".join([(await desk.state(one))[0] for one in shown])


async def set_limit(
    desk: Registration, code: str, limit: int | None, **more: Any
) -> Reply:
    """Return the answer to a change of a class's limit."""
    path = f"{OPEN}/classes/{code}/limit"
    now = await desk.client.get(path)
    body = {"limit": limit, **more}
    return await desk.client.put(path, body, headers={"if-match": now.etag})


async def test_turns_are_taken_in_order(desk: Registration) -> None:
    """Each drop seats the one who has waited longest, at once."""
    await desk.offer_lectures(0, lesson("1", 1))
    all_ = [await desk.enrol(student, 0, wait=True) for student in range(4)]
    assert [one.json()["waitlist_seq"] for one in all_] == [None, 1, 2, 3]
    assert await states(desk, *all_) == "aqqq"
    for number in range(3):
        await desk.drop(all_[number])
        rest = all_[number + 1 :]
        assert await states(desk, *rest) == "a" + "q" * (len(rest) - 1)
        assert await desk.enrolled("O0-A-LEC-1") == 1
    seated = (await desk.client.get(all_[3].path)).json()
    assert seated["enrolled_at"] is not None
    assert seated["waitlist_seq"] is None
    assert len(seated["class_ids"]) == 1


async def test_a_turn_is_never_used_again(desk: Registration) -> None:
    """Who leaves the waitlist and comes back waits behind all others."""
    await desk.offer_lectures(0, lesson("1", 1))
    _, first, second = [await desk.enrol(n, 0, wait=True) for n in range(3)]
    await desk.drop(second)
    again = await desk.enrol(2, 0, wait=True)
    assert again.json()["waitlist_seq"] == 3
    await desk.drop(first)
    assert (await desk.enrol(1, 0, wait=True)).json()["waitlist_seq"] == 4


async def test_courses_of_one_offering_share_one_order(desk: Registration) -> None:
    """Whoever came first gets the seat, as whichever course."""
    courses = [
        {"course_id": "COURSE0", "is_controlling": True},
        {"course_id": "COURSE1"},
    ]
    parts = configuration(("LEC", [lesson("1", 1)]))
    await desk.offer(0, parts, courses=courses)
    seat = await desk.enrol(0, 0)
    first, second = await desk.enrol(1, 1, wait=True), await desk.enrol(2, 0, wait=True)
    await desk.drop(seat)
    assert await states(desk, first, second) == "aq"


async def test_who_waits_for_another_class_keeps_the_turn(desk: Registration) -> None:
    """A seat goes to the first who waits for it; earlier turns stay as they are."""
    await desk.offer_lectures(0, lesson("1", 1), lesson("2", 1))
    one, two = await desk.enrol(0, 0, "A-LEC-1"), await desk.enrol(1, 0, "A-LEC-2")
    first = await desk.enrol(2, 0, "A-LEC-1", wait=True)
    second = await desk.enrol(3, 0, "A-LEC-2", wait=True)
    third = await desk.enrol(4, 0, wait=True)
    await desk.drop(two)
    assert await states(desk, first, second, third) == "qaq"
    await desk.drop(one)
    assert await states(desk, first, third) == "aq"


async def test_who_is_busy_keeps_the_turn_until_free(desk: Registration) -> None:
    """The seat goes to the next; the busy one is asked first the next time.

    And is seated elsewhere as soon as the class that was in the way is dropped.
    """
    await desk.offer_lectures(0, lesson("1", 1, at=time()))
    await desk.offer_lectures(1, lesson("1", at=time()))
    seat = await desk.enrol(0, 0)
    busy, idle = await desk.enrol(1, 0, wait=True), await desk.enrol(2, 0, wait=True)
    elsewhere = await desk.enrol(1, 1)
    await desk.drop(seat)
    assert await states(desk, busy, idle) == "qa"
    await desk.drop(idle)
    assert await desk.state(busy) == "queued"
    await desk.drop(elsewhere)
    assert await desk.state(busy) == "associated"


async def test_a_swap_frees_a_seat_for_who_waits(desk: Registration) -> None:
    """The seat that a swap leaves goes to the waitlist in the same transaction."""
    await desk.offer_lectures(0, lesson("1", 1), lesson("2", 1))
    shown = await desk.enrol(0, 0, "A-LEC-1")
    waiting = await desk.enrol(1, 0, "A-LEC-1", wait=True)
    await desk.change(shown, {"class_ids": ["O0-A-LEC-2"]})
    assert await desk.codes(waiting) == ["O0-A-LEC-1"]
    assert await states(desk, shown, waiting) == "aa"


async def test_who_waits_can_wait_for_something_else(desk: Registration) -> None:
    """A changed wish keeps its turn, and is granted at once where it can be."""
    await desk.offer_lectures(0, lesson("1", 1), lesson("2", 1))
    await desk.enrol(0, 0, "A-LEC-1")
    waiting = await desk.enrol(1, 0, "A-LEC-1", wait=True)
    changed = await desk.change(waiting, {"class_ids": ["O0-A-LEC-2"]})
    assert changed.json()["state"] == "associated"
    assert await desk.enrolled("O0-A-LEC-2") == 1


async def test_a_time_conflict_is_no_reason_to_wait(desk: Registration) -> None:
    """Who is busy at that time is refused, seats or not."""
    await desk.offer_lectures(0, lesson("1", 1, at=time()))
    await desk.offer_lectures(1, lesson("1", at=time()))
    await desk.enrol(0, 0)
    await desk.enrol(1, 1)
    refused = await desk.ask(1, 0, wait=True)
    assert refused.json()["type"] == "/problems/time-conflict"


@pytest.mark.parametrize("way", ["class", "limit", "offering", "new class"])
async def test_a_raised_limit_seats_who_waits(desk: Registration, way: str) -> None:
    """More seats, by whichever resource, go to the waitlist at once."""
    await desk.offer_lectures(0, lesson("1", 1))
    await desk.enrol(0, 0)
    first, second, third = [await desk.enrol(n, 0, wait=True) for n in (1, 2, 3)]
    if way == "class":
        reply = await desk.change(await desk.class_("O0-A-LEC-1"), {"limit": 3})
        assert reply.json()["enrolled"] == 3
    elif way == "limit":
        reply = await set_limit(desk, "O0-A-LEC-1", 3)
    elif way == "offering":
        offering = await desk.client.get(f"{OPEN}/offerings/O0")
        parts = configuration(("LEC", [lesson("1", 3)]))
        reply = await desk.change(offering, {"configurations": [parts]})
    else:
        place = {"offering_id": "O0", "configuration": "A", "subpart": "LEC"}
        body = {**place, "suffix": "2", "limit": 2}
        reply = await desk.client.post(f"{OPEN}/classes", body)
    assert reply.status in (200, 201), reply.body
    assert await states(desk, first, second, third) == "aaq"
    again = await desk.client.get(
        f"{OPEN}/classes/{reply.json()['id']}{'/limit' if way == 'limit' else ''}"
        if way != "offering"
        else reply.path
    )
    assert (again.body, again.etag) == (reply.body, reply.etag)


async def test_a_limit_below_the_enrolled_is_refused(desk: Registration) -> None:
    """By whichever resource, it stays as it is, and nobody loses a seat."""
    await desk.offer_lectures(0, lesson("1", 3))
    all_ = [await desk.enrol(n, 0) for n in range(3)]
    shown = await desk.class_("O0-A-LEC-1")
    offering = await desk.client.get(f"{OPEN}/offerings/O0")
    parts = configuration(("LEC", [lesson("1", 2)]))
    for reply in (
        await desk.change(shown, {"limit": 2}),
        await desk.change(offering, {"configurations": [parts]}),
        await set_limit(desk, "O0-A-LEC-1", 2),
    ):
        assert reply.status == 409
        assert reply.json()["type"] == "/problems/below-enrolment"
    assert await states(desk, *all_) == "aaa"
    assert (await desk.class_("O0-A-LEC-1")).etag == shown.etag
    assert (await set_limit(desk, "O0-A-LEC-1", 3)).status == 200


async def test_forced_below_the_enrolled_the_last_wait(desk: Registration) -> None:
    """Those enrolled last wait, behind those who waited, in order of enrolment."""
    parts = configuration(
        ("LEC", [lesson("1", 4)]), ("LAB", [lesson("1", 4, parent="1")])
    )
    await desk.offer(0, parts)
    seated = [await desk.enrol(n, 0) for n in range(4)]
    waiting = await desk.enrol(4, 0, wait=True)
    changed = await set_limit(desk, "O0-A-LEC-1", 2, is_forced=True)
    assert changed.status == 200, changed.body
    assert (changed.json()["limit"], changed.json()["enrolled"]) == (2, 2)
    assert await states(desk, *seated, waiting) == "aaqqq"
    assert [
        (await desk.client.get(one.path)).json()["waitlist_seq"]
        for one in (waiting, *seated[2:])
    ] == [1, 2, 3]
    assert await desk.enrolled("O0-A-LAB-1") == 2
    document = (await desk.client.get(f"{OPEN}/offerings/O0")).json()
    lecture = document["configurations"][0]["subparts"][0]["classes"][0]
    assert lecture["limit"] == 2
    await set_limit(desk, "O0-A-LEC-1", 4)
    assert await states(desk, *seated, waiting) == "aaaqa"


async def test_who_loses_a_seat_gets_what_it_stood_in_the_way_of(
    desk: Registration,
) -> None:
    """Somebody busy in the class that is cut gets the seat that is free elsewhere."""
    await desk.offer_lectures(0, lesson("1", 1, at=time()))
    await desk.offer_lectures(1, lesson("1", 1, at=time()))
    other = await desk.enrol(1, 1)
    waiting = await desk.enrol(0, 1, wait=True)
    seated = await desk.enrol(0, 0)
    await desk.drop(other)
    assert await desk.state(waiting) == "queued", "busy at that time"
    changed = await set_limit(desk, "O0-A-LEC-1", 0, is_forced=True)
    assert changed.status == 200, changed.body
    assert await desk.state(seated) == "queued"
    assert await desk.state(waiting) == "associated"


async def test_a_running_session_lets_limits_change(desk: Registration) -> None:
    """The limit alone can change while the session runs, and no more once closed."""
    await desk.offer_lectures(0, lesson("1", 3))
    session = await desk.client.get(OPEN)
    await desk.change(session, {"state": "running"})
    whole = await desk.change(await desk.class_("O0-A-LEC-1"), {"limit": 5})
    assert whole.json()["type"] == "/problems/state-forbids"
    assert (await set_limit(desk, "O0-A-LEC-1", 5)).status == 200
    await desk.change(session, {"state": "closed"})
    late = await set_limit(desk, "O0-A-LEC-1", 6)
    assert late.json()["type"] == "/problems/state-forbids"


async def test_a_limit_needs_the_present_tag(desk: Registration) -> None:
    """It is the tag of the class: who enrols meanwhile changes it."""
    await desk.offer_lectures(0, lesson("1", 3))
    path = f"{OPEN}/classes/O0-A-LEC-1/limit"
    before = await desk.client.get(path)
    await desk.enrol(0, 0)
    for headers, status in (({}, 428), ({"if-match": before.etag}, 412)):
        late = await desk.client.put(path, {"limit": 1}, headers=headers)
        assert late.status == status
