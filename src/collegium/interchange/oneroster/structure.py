"""Take in the organisations and academic sessions of a roster."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from pydantic import ValidationError

from collegium.catalogue.states import SessionState
from collegium.db.records import Record
from collegium.errors import CollegiumError, Malformed
from collegium.interchange.oneroster.files import (
    ORG_TYPES_BACK,
    SESSION_TYPES_BACK,
)
from collegium.interchange.oneroster.roster import (
    Roster,
    any_state,
    code_for,
    find,
    put,
    sourced,
    with_source,
)
from collegium.interchange.oneroster.rows import Row
from collegium.organisations.schemas import OrganisationIn
from collegium.organisations.service import ORGANISATIONS
from collegium.rest.patch import Patch
from collegium.sessions.schemas import SessionIn
from collegium.sessions.service import SESSIONS
from collegium.universities.service import UNIVERSITIES

_ONE_DAY = datetime.timedelta(days=1)
_PATH = (
    SessionState.PLANNING,
    SessionState.REGISTRATION,
    SessionState.RUNNING,
    SessionState.CLOSED,
)


async def take_orgs(roster: Roster, rows: Iterable[Row]) -> None:
    """Take in organisations; the only one without a parent is the university."""
    ordered = _from_above(roster, list(rows))
    tops = [row for row in ordered if not row["parentSourcedId"]]
    known = await sourced(
        roster.work.transaction, "organisations", roster.university_id
    )
    taken: set[str] = set()
    for row in ordered:
        if len(tops) == 1 and row is tops[0]:
            await _meet_university(roster, row)
            continue
        try:
            await _take_org(roster, row, known, taken)
        except (CollegiumError, ValidationError) as error:
            _note(roster, row, error)


async def _meet_university(roster: Roster, row: Row) -> None:
    """Keep what the roster calls the university."""
    roster.orgs[row["sourcedId"]] = None
    work = roster.work
    before = await UNIVERSITIES.find(work.transaction, (roster.university_id,))
    codes = with_source(before, row["sourcedId"])
    if codes != before.value()["other_codes"]:
        await UNIVERSITIES.records.change(work, before, {"other_codes": codes})
    if row["name"] != before["name"]:
        roster.report.notice(
            row.line, "name", f"the university goes on being called {before['name']!r}"
        )


async def _take_org(
    roster: Roster, row: Row, known: dict[str, str], taken: set[str]
) -> None:
    parent = row["parentSourcedId"]
    if parent and not roster.refers(row, "parentSourcedId", roster.orgs):
        return
    sourced_id = row["sourcedId"]
    owner = (roster.university_id,)
    reader = roster.work.transaction
    before = await find(reader, ORGANISATIONS, owner, known, sourced_id)
    code = code_for([row["identifier"]], sourced_id, taken)
    if before is None:
        before = await ORGANISATIONS.records.lookup(reader, (*owner, code))
    type_ = row.ours("type") or ORG_TYPES_BACK.get(row["type"])
    if type_ is None:
        roster.report.fault(row.line, "type", f"{row['type']!r} is no type of org")
        return
    body = OrganisationIn.model_validate(
        {
            **_members(OrganisationIn, before),
            "code": code,
            "name": row["name"],
            "type": type_,
            "parent_id": roster.orgs[parent] if parent else None,
            "other_codes": with_source(before, sourced_id),
        }
    )
    after, action = await put(roster.work, ORGANISATIONS, owner, before, body)
    roster.orgs[sourced_id] = after.id
    roster.report.count("organisations", action, row.line)


async def take_sessions(roster: Roster, rows: Iterable[Row]) -> None:
    """Take in academic sessions; new ones are open for all that follows."""
    known = await sourced(roster.work.transaction, "sessions", roster.university_id)
    taken: set[str] = set()
    for row in _from_above(roster, list(rows)):
        try:
            await _take_session(roster, row, known, taken)
        except (CollegiumError, ValidationError) as error:
            _note(roster, row, error)


async def _take_session(
    roster: Roster, row: Row, known: dict[str, str], taken: set[str]
) -> None:
    parent = row["parentSourcedId"]
    if parent and not roster.refers(row, "parentSourcedId", roster.sessions):
        return
    sourced_id = row["sourcedId"]
    owner = (roster.university_id,)
    reader = roster.work.transaction
    code = code_for([row.ours("code"), row["title"]], sourced_id, taken)
    before = await find(reader, SESSIONS, owner, known, sourced_id)
    if before is None:
        before = await SESSIONS.records.lookup(reader, (*owner, code))
    type_ = row.ours("type") or SESSION_TYPES_BACK.get(row["type"])
    begins, ends = roster.date(row, "startDate"), roster.date(row, "endDate")
    if begins is None or ends is None:
        return
    if type_ is None:
        roster.report.fault(row.line, "type", f"{row['type']!r} is no type of session")
        return
    members = _members(SessionIn, before)
    if before is None:
        members["state"] = SessionState.REGISTRATION
    body = SessionIn.model_validate(
        {
            **members,
            "code": code if before is None or row.ours("code") else before["code"],
            "name": row["title"],
            "type": type_,
            "parent_id": roster.sessions[parent] if parent else None,
            "start_date": begins,
            # Theirs is the first day after it.
            "end_date": max(begins, ends - _ONE_DAY),
            "other_codes": with_source(before, sourced_id),
        }
    )
    after, action = await put(roster.work, SESSIONS, owner, before, body)
    roster.sessions[sourced_id] = after.id
    if before is None:
        roster.new_sessions[after.id] = row.ours("state") or None
    roster.report.count("sessions", action, row.line)


async def settle_sessions(roster: Roster, with_students: set[str]) -> None:
    """Bring new sessions to the state in which they shall be.

    Parameters
    ----------
    with_students : ids of those for which enrolments have come.
    """
    for id_, wanted in roster.new_sessions.items():
        target = SessionState.PLANNING
        if id_ in with_students:
            target = SessionState.REGISTRATION
        if wanted is not None:
            try:
                target = SessionState(wanted)
            except ValueError:
                raise Malformed(f"A session cannot be {wanted!r}.") from None
        for state in _steps(SessionState.REGISTRATION, target):
            keys = (roster.university_id, id_)
            change: Patch[SessionIn] = Patch({"state": str(state)})
            await SESSIONS.change(roster.work, any_state, keys, change)


def _steps(start: SessionState, end: SessionState) -> Sequence[SessionState]:
    first, last = _PATH.index(start), _PATH.index(end)
    if last < first:
        return _PATH[last:first][::-1]
    return _PATH[first + 1 : last + 1]


def _members(body: Any, before: Record | None) -> dict[str, Any]:
    """Return what a row says already, as a body."""
    if before is None:
        return {}
    value = before.value()
    return {name: value[name] for name in body.model_fields}


def _note(roster: Roster, row: Row, error: CollegiumError | ValidationError) -> None:
    if isinstance(error, CollegiumError):
        roster.note(row, "", error)
        return
    for item in error.errors(include_url=False, include_context=False):
        roster.report.fault(row.line, "/".join(map(str, item["loc"])), item["msg"])


def _from_above(roster: Roster, rows: list[Row]) -> list[Row]:
    """Return rows so that each stands behind its parent; note those that cannot."""
    by_id: dict[str, Row] = {}
    for row in rows:
        if row["sourcedId"] in by_id:
            first = by_id[row["sourcedId"]].line
            roster.report.fault(row.line, "sourcedId", f"stands in line {first} too")
        by_id.setdefault(row["sourcedId"], row)
    depths: dict[str, int] = {}
    ordered = []
    for row in by_id.values():
        depth = _depth(row, by_id, depths)
        if depth is None:
            detail = "leads back here"
            roster.report.fault(row.line, "parentSourcedId", detail)
        else:
            ordered.append((depth, row))
    return [row for _, row in sorted(ordered, key=itemgetter(0))]


def _depth(row: Row, by_id: dict[str, Row], depths: dict[str, int]) -> int | None:
    """Return how many rows are above one; None when they lead back to it."""
    path: list[str] = []
    at: Row | None = row
    while at is not None and at["sourcedId"] not in depths:
        if at["sourcedId"] in path:
            return None
        path.append(at["sourcedId"])
        at = by_id.get(at["parentSourcedId"])
    depth = -1 if at is None else depths[at["sourcedId"]]
    for sourced_id in reversed(path):
        depth += 1
        depths[sourced_id] = depth
    return depths[row["sourcedId"]]
