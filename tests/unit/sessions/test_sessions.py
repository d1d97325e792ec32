"""Academic sessions."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.asgi import AsgiClient, Reply
from fixtures.world import HOME

SESSIONS = f"{HOME}/sessions"
NEW = {
    "code": "NEW",
    "name": "New",
    "start_date": "2031-02-05",
    "end_date": "2031-06-27",
}


async def patched(client: AsgiClient, shown: Reply, **changes: Any) -> Reply:
    """Change some members of what was shown last."""
    path = f"{SESSIONS}/{shown.json()['id']}"
    return await client.patch(path, changes, headers={"if-match": shown.etag})


async def test_weeks_follow_from_the_dates(world: AsgiClient) -> None:
    """Without more the first week begins on a Monday, and the last has the last day."""
    session = (await world.post(SESSIONS, NEW)).json()
    assert (session["first_week_date"], session["n_weeks"]) == ("2031-02-03", 21)
    assert (session["n_days"], session["slots_per_day"]) == (7, 288)
    assert session["state"] == "planning"
    year = {**NEW, "code": "LONG", "end_date": "2040-01-01"}
    assert (await world.post(SESSIONS, year)).json()["n_weeks"] == 53


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"end_date": "2031-02-04"}, ""),
        ({"start_date": "2031-02-30"}, "/start_date"),
        ({"start_date": 0}, "/start_date"),
        ({"n_weeks": 0}, "/n_weeks"),
        ({"n_weeks": 54}, "/n_weeks"),
        ({"n_days": 8}, "/n_days"),
        ({"slots_per_day": 1441}, "/slots_per_day"),
        ({"state": "open"}, "/state"),
        ({"holidays": [{"start_date": "2031-04-14"}]}, "/holidays/0/end_date"),
        (
            {"holidays": [{"start_date": "2031-04-14", "end_date": "2031-04-13"}]},
            "/holidays/0",
        ),
    ],
)
async def test_impossible_sessions_are_refused(
    world: AsgiClient, change: dict[str, Any], pointer: str
) -> None:
    """Dates are in the calendar and in order; weeks, days and slots are bounded."""
    reply = await world.post(SESSIONS, {**NEW, **change})
    assert reply.status == 422
    assert {error["pointer"] for error in reply.json()["errors"]} == {pointer}


async def test_states_follow_each_other(world: AsgiClient) -> None:
    """A session lives step by step, and a skipped step changes nothing."""
    shown = await world.post(SESSIONS, NEW)
    skipped = await patched(world, shown, state="closed")
    assert (skipped.status, skipped.json()["type"]) == (409, "/problems/state-forbids")
    for state in ("registration", "running", "closed", "running"):
        shown = await patched(world, shown, state=state)
        assert (shown.status, shown.json()["state"]) == (200, state)
    replaced = await world.put(f"{SESSIONS}/NEW", NEW, headers={"if-match": shown.etag})
    assert replaced.status == 409  # a PUT without a state means planning


async def test_only_plans_are_deleted(world: AsgiClient) -> None:
    """A session in registration stays; back in planning it can be deleted."""
    shown = await world.post(SESSIONS, NEW)
    shown = await patched(world, shown, state="registration")
    path = f"{SESSIONS}/NEW"
    refused = await world.delete(path, headers={"if-match": shown.etag})
    assert refused.json()["type"] == "/problems/state-forbids"
    shown = await patched(world, shown, state="planning")
    gone = await world.delete(path, headers={"if-match": shown.etag})
    assert gone.status == 204


async def test_the_grid_is_fixed_with_registration(world: AsgiClient) -> None:
    """Weeks, days and slots change in planning, and not after."""
    shown = await world.post(SESSIONS, NEW)
    shown = await patched(world, shown, n_weeks=12, n_days=6, slots_per_day=96)
    assert (shown.status, shown.json()["n_weeks"]) == (200, 12)
    shown = await patched(world, shown, state="registration")
    refused = await patched(world, shown, n_weeks=13, n_days=5)
    assert refused.json()["type"] == "/problems/state-forbids"
    assert {error["pointer"] for error in refused.json()["errors"]} == {
        "/n_weeks",
        "/n_days",
    }
    named = await patched(world, shown, name="Newer")
    assert named.status == 200


async def test_a_grid_in_use_is_fixed(world: AsgiClient) -> None:
    """What a room's times are counted in does not change under them; a child may be."""
    shown = await world.post(SESSIONS, NEW)
    child = {**NEW, "code": "CHILD", "parent_id": "NEW"}
    assert (await world.post(SESSIONS, child)).status == 201
    shown = await patched(world, shown, n_weeks=12)
    assert shown.status == 200
    time = {"days": "1000000", "start": 0, "length": 1, "session_id": "NEW"}
    room = {"code": "TAKEN", "capacity": 1, "unavailability": [time]}
    assert (await world.post(f"{HOME}/rooms", room)).status == 201
    refused = await patched(world, shown, n_weeks=13)
    assert refused.json()["type"] == "/problems/state-forbids"
    assert "room unavailability" in refused.json()["detail"]


async def test_sessions_form_trees(world: AsgiClient) -> None:
    """A session is never, over however many steps, part of itself."""
    for code, parent in (("YEAR", None), ("HALF", "YEAR"), ("MONTH", "HALF")):
        body = {**NEW, "code": code, "parent_id": parent}
        assert (await world.post(SESSIONS, body)).status == 201
    year = await world.get(f"{SESSIONS}/YEAR")
    for parent in ("YEAR", "HALF", "MONTH"):
        refused = await patched(world, year, parent_id=parent)
        assert refused.status == 422
        assert refused.json()["errors"][0]["pointer"] == "/parent_id"
    assert (await world.get(f"{SESSIONS}/YEAR")).etag == year.etag
    moved = await patched(world, await world.get(f"{SESSIONS}/MONTH"), parent_id="YEAR")
    assert moved.json()["parent_id"] == year.json()["id"]
