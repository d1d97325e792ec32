"""What the state of an academic session allows."""

from __future__ import annotations

import itertools

import pytest

from collegium.catalogue.states import (
    NEXT_STATES,
    Part,
    SessionState,
    require_step,
    require_writable,
)
from collegium.db.database import Database
from collegium.db.work import Work
from collegium.errors import NotFound, StateForbids
from fixtures.asgi import AsgiClient
from fixtures.world import HOME

PLANNING, REGISTRATION, RUNNING, CLOSED = SessionState


@pytest.mark.parametrize(
    ("before", "after"), list(itertools.product(SessionState, repeat=2))
)
def test_one_step_at_a_time(before: SessionState, after: SessionState) -> None:
    """A session stays, or goes to the state just before or after its own."""
    order = list(SessionState)
    if abs(order.index(before) - order.index(after)) <= 1:
        require_step(before, after)
    else:
        with pytest.raises(StateForbids) as caught:
            require_step(before, after)
        assert set(caught.value.pointers) == {"/state"}


def test_every_state_can_be_left() -> None:
    """From each state some other can be reached."""
    assert all(NEXT_STATES[state] for state in SessionState)


ALLOWED = {
    (PLANNING, Part.STRUCTURE): True,
    (PLANNING, Part.ENROLMENT): False,
    (PLANNING, Part.TIMETABLE): True,
    (REGISTRATION, Part.STRUCTURE): True,
    (REGISTRATION, Part.ENROLMENT): True,
    (REGISTRATION, Part.TIMETABLE): True,
    (RUNNING, Part.STRUCTURE): False,
    (RUNNING, Part.ENROLMENT): True,
    (RUNNING, Part.TIMETABLE): True,
    (CLOSED, Part.STRUCTURE): False,
    (CLOSED, Part.ENROLMENT): False,
    (CLOSED, Part.TIMETABLE): False,
}


async def is_writable(
    database: Database, owner: tuple[str, str], part: Part, *, is_override: bool
) -> bool:
    """Tell whether a part of a session can be written."""
    try:
        async with database.transaction() as transaction:
            work = Work(transaction, "2030-01-01T00:00:00.000000Z")
            await require_writable(work, owner, part, is_override=is_override)
    except StateForbids:
        return False
    return True


async def test_states_gate_writes(world: AsgiClient, world_database: Database) -> None:
    """Each part can be written in its states only; with an override while running."""
    shown = await world.get(f"{HOME}/sessions/TERM")
    owner = (shown.json()["university_id"], shown.json()["id"])
    for state in SessionState:
        if state != PLANNING:
            headers = {"if-match": shown.etag}
            shown = await world.patch(
                f"{HOME}/sessions/TERM", {"state": state}, headers=headers
            )
            assert shown.status == 200, shown.body
        for part in Part:
            expected = ALLOWED[state, part]
            found = await is_writable(world_database, owner, part, is_override=False)
            assert found == expected, (state, part)
            found = await is_writable(world_database, owner, part, is_override=True)
            assert found == (expected or state == RUNNING), (state, part)


async def test_there_must_be_a_session(
    world: AsgiClient, world_database: Database
) -> None:
    """What belongs to no session cannot be written at all."""
    home = (await world.get(HOME)).json()["id"]
    with pytest.raises(NotFound):
        await is_writable(
            world_database, (home, "nothing"), Part.STRUCTURE, is_override=False
        )
