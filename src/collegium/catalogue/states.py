"""The life of an academic session, and what it allows to be written."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from collegium.db.addresses import Keys
from collegium.db.work import Work
from collegium.errors import NotFound, StateForbids


class SessionState(StrEnum):
    """Where an academic session is in its life."""

    PLANNING = "planning"
    REGISTRATION = "registration"
    RUNNING = "running"
    CLOSED = "closed"


class Part(StrEnum):
    """What belongs to a session and is gated by its state."""

    STRUCTURE = "structure"
    """Offerings, configurations, subparts, classes, distribution constraints."""
    ENROLMENT = "enrolment"
    """Requests, enrolments, waitlists."""
    TIMETABLE = "timetable"
    """Publications."""


NEXT_STATES: Mapping[SessionState, frozenset[SessionState]] = {
    SessionState.PLANNING: frozenset({SessionState.REGISTRATION}),
    SessionState.REGISTRATION: frozenset({SessionState.PLANNING, SessionState.RUNNING}),
    SessionState.RUNNING: frozenset({SessionState.REGISTRATION, SessionState.CLOSED}),
    SessionState.CLOSED: frozenset({SessionState.RUNNING}),
}
"""To which states a session may go from each: one step, forward or back."""

WRITABLE: Mapping[Part, frozenset[SessionState]] = {
    Part.STRUCTURE: frozenset({SessionState.PLANNING, SessionState.REGISTRATION}),
    Part.ENROLMENT: frozenset({SessionState.REGISTRATION, SessionState.RUNNING}),
    Part.TIMETABLE: frozenset(
        {SessionState.PLANNING, SessionState.REGISTRATION, SessionState.RUNNING}
    ),
}
"""In which states each part may be written."""

OVERRIDABLE = frozenset({SessionState.RUNNING})
"""Where somebody who may can write all the same; a closed session stays as it is."""


async def require_writable(
    work: Work, session: Keys, part: Part, *, is_override: bool = False
) -> None:
    """Refuse a write that the state of its academic session does not allow.

    The state cannot change between this check and the end of the transaction.

    Parameters
    ----------
    work : the request's; the write follows in the same transaction.
    session : ids of the university and of the session.
    part : what is to be written.
    is_override : the caller may write in a running session, and says so.

    Raises
    ------
    NotFound
        When the session is not there.
    StateForbids
        When its state does not allow the write.
    """
    row = await work.transaction.fetch_one(
        "SELECT state FROM sessions WHERE university_id = ? AND id = ?"
        + work.transaction.share_lock,
        session,
    )
    if row is None:
        raise NotFound(f"There is no academic session {session[-1]!r}.")
    state = SessionState(row[0])
    allowed = WRITABLE[part] | (OVERRIDABLE if is_override else frozenset())
    if state not in allowed:
        raise StateForbids(
            f"The academic session is {state}; its {part} can be changed while it is "
            f"{' or '.join(sorted(allowed))}."
        )


def require_step(before: SessionState, after: SessionState) -> None:
    """Refuse a change of state that skips a step.

    Raises
    ------
    StateForbids
        When the state after does not follow the one before.
    """
    if after != before and after not in NEXT_STATES[before]:
        raise StateForbids(
            f"From {before} an academic session goes to "
            f"{' or '.join(sorted(NEXT_STATES[before]))}, not to {after}.",
            pointers={"/state": f"cannot follow {before}"},
        )
