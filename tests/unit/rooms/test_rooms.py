"""Buildings, rooms and travel times."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.asgi import AsgiClient
from fixtures.world import HOME

ROOMS = f"{HOME}/rooms"
TRAVEL = f"{HOME}/travel-times"
ROOM = {"code": "NEW", "capacity": 30}
TIME = {
    "days": "10000",
    "start": 96,
    "length": 24,
    "weeks": "1" * 14,
    "session_id": "TERM",
}


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({}, None),
        ({"weeks": None}, None),
        ({"start": 264}, None),
        ({"start": 265}, {"/unavailability/1/length"}),
        ({"days": "1000000"}, {"/unavailability/1/days"}),
        ({"weeks": "1" * 13}, {"/unavailability/1/weeks"}),
        ({"session_id": "NONE"}, {"/unavailability/1/session_id"}),
        ({"session_id": None}, {"/unavailability/1"}),
        ({"weeks": None, "session_id": None, "days": "0000001"}, None),
    ],
)
async def test_times_fit_their_session(
    world: AsgiClient, change: dict[str, Any], pointers: set[str] | None
) -> None:
    """A time of a session has its weeks, days and slots; one of none has no weeks."""
    times = [TIME, {**TIME, **change}]
    reply = await world.post(ROOMS, {**ROOM, "unavailability": times})
    if pointers is None:
        assert reply.status == 201, reply.body
    else:
        assert reply.status == 422
        assert {error["pointer"] for error in reply.json()["errors"]} == pointers


async def test_sessions_that_no_time_names_can_go(world: AsgiClient) -> None:
    """A session is kept by a room's times, and let go with the last of them."""
    grid = {"n_weeks": 14, "n_days": 5}
    dates = {"start_date": "2031-02-03", "end_date": "2031-06-27"}
    body = {"code": "SPRING", "name": "Spring Term", **dates, **grid}
    assert (await world.post(f"{HOME}/sessions", body)).status == 201
    time = {**TIME, "session_id": "SPRING"}
    room = await world.post(ROOMS, {**ROOM, "unavailability": [time, time]})
    term = await world.get(f"{HOME}/sessions/SPRING")
    refused = await world.delete(term.path, headers={"if-match": term.etag})
    assert refused.status == 409
    await world.patch(
        f"{ROOMS}/NEW", {"unavailability": []}, headers={"if-match": room.etag}
    )
    gone = await world.delete(term.path, headers={"if-match": term.etag})
    assert gone.status == 204


async def test_a_number_is_unique_in_its_building(world: AsgiClient) -> None:
    """Two rooms of one building differ by number; elsewhere it may be the same."""
    for code, building, status in (
        ("A", "MAIN", 201),
        ("B", "ANNEX", 201),
        ("C", None, 201),
        ("D", None, 201),
        ("E", "MAIN", 409),
    ):
        body = {"code": code, "capacity": 1, "building_id": building, "number": "101"}
        reply = await world.post(ROOMS, body)
        assert reply.status == status
    assert {error["pointer"] for error in reply.json()["errors"]} == {
        "/building_id",
        "/number",
    }


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"capacity": -1}, "/capacity"),
        ({"capacity": 2**63}, "/capacity"),
        ({"exam_capacity": -1}, "/exam_capacity"),
        ({"features": ["a", "a"]}, ""),
        ({"features": ["A b"]}, "/features/0"),
        ({"room_type": "cellar"}, "/room_type"),
        ({"building_id": ""}, "/building_id"),
        ({"number": ""}, "/number"),
    ],
)
async def test_impossible_rooms_are_refused(
    world: AsgiClient, change: dict[str, Any], pointer: str
) -> None:
    """Seats are counted from none upwards, features named once."""
    reply = await world.post(ROOMS, {**ROOM, **change})
    assert reply.status == 422
    assert [error["pointer"] for error in reply.json()["errors"]] == [pointer]


async def test_a_campus_is_a_branch(world: AsgiClient) -> None:
    """A building stands on an organisation of type branch, which stays one."""
    path = f"{HOME}/buildings"
    building = {"code": "NEW", "name": "New"}
    refused = await world.post(path, {**building, "campus_id": "DEPT"})
    assert refused.status == 422
    assert refused.json()["errors"][0]["pointer"] == "/campus_id"
    campus = await world.get(f"{HOME}/organisations/CAMPUS")
    headers = {"if-match": campus.etag}
    assert (await world.post(path, {**building, "campus_id": "CAMPUS"})).status == 201
    refused = await world.patch(campus.path, {"type": "school"}, headers=headers)
    assert refused.status == 409
    assert refused.json()["type"] == "/problems/still-referenced"
    renamed = await world.patch(campus.path, {"name": "Hill"}, headers=headers)
    assert renamed.status == 200


@pytest.mark.parametrize(
    "place",
    [
        {"latitude": 91, "longitude": 0},
        {"latitude": 0, "longitude": -181},
        {"latitude": 1},
        {"longitude": 1},
    ],
)
async def test_buildings_stand_on_earth(
    world: AsgiClient, place: dict[str, float]
) -> None:
    """Coordinates come in pairs, within the range of latitudes and longitudes."""
    body = {"code": "NEW", "name": "New", **place}
    assert (await world.post(f"{HOME}/buildings", body)).status == 422


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [("building", "MAIN", "ANNEX"), ("room", "ROOM0", "ROOM1")],
)
async def test_travel_times_are_symmetric(
    world: AsgiClient, kind: str, one: str, other: str
) -> None:
    """A pair is one row whichever end comes first, and has a time once."""
    there = {f"from_{kind}_id": one, f"to_{kind}_id": other, "slots": 2}
    back = {f"from_{kind}_id": other, f"to_{kind}_id": one, "slots": 2}
    made = await world.post(TRAVEL, there)
    assert made.status == 201
    assert (await world.post(TRAVEL, back)).status == 409
    path = f"{TRAVEL}/{made.json()['id']}"
    same = await world.put(path, back, headers={"if-match": made.etag})
    assert (same.status, same.etag) == (200, made.etag)


@pytest.mark.parametrize(
    "ends",
    [
        {},
        {"from_room_id": "ROOM0"},
        {"from_room_id": "ROOM0", "to_building_id": "MAIN"},
        {"from_room_id": "ROOM0", "to_room_id": "ROOM0"},
        {
            "from_room_id": "ROOM0",
            "to_room_id": "ROOM1",
            "from_building_id": "MAIN",
            "to_building_id": "ANNEX",
        },
    ],
)
async def test_travel_times_have_two_ends(
    world: AsgiClient, ends: dict[str, str]
) -> None:
    """A time is between two buildings or two rooms, not one, and nothing mixed."""
    assert (await world.post(TRAVEL, {**ends, "slots": 1})).status == 422
