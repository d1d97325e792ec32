"""Take a problem into a session: all of it, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.catalogue.states import Part, require_writable
from collegium.courses import search
from collegium.db.database import UniqueViolated
from collegium.db.rules import quoted
from collegium.db.work import Work
from collegium.errors import Conflict, Malformed
from collegium.interchange.draft import Codes, Draft, Fault
from collegium.interchange.holdings import read_holdings
from collegium.interchange.plan import plan_import
from collegium.timetabling.problem import Problem

ROWS_AT_ONCE = 500
"""Between two looks at other requests."""
SHOWN_FAULTS = 20

_WITH_STATE = (
    "rooms",
    "travel_times",
    "courses",
    "people",
    "instructional_offerings",
    "course_offerings",
    "configurations",
    "subparts",
    "classes",
    "distributions",
    "course_requests",
)
_WITHOUT_STATE = (
    "room_unavailability",
    "session_problems",
    "session_rooms",
    "session_students",
    "class_rooms",
    "distribution_classes",
)
_OF_UNIVERSITY = frozenset({"rooms", "travel_times", "courses", "people"})

Observe = Callable[[int, int], None]
"""Told how many rows of how many have been written."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import has done, or would do.

    Parameters
    ----------
    added, met : how many of each kind are new, and were there already.
    faults : what stops it; empty when nothing does.
    """

    added: dict[str, int]
    met: dict[str, int]
    faults: list[Fault]

    def require_faultless(self) -> None:
        """Refuse what has faults.

        Raises
        ------
        Malformed
            Naming the first of them.
        """
        if not self.faults:
            return
        shown = self.faults[:SHOWN_FAULTS]
        said = "; ".join(f"{fault.where} {fault.detail}" for fault in shown)
        more = len(self.faults) - len(shown)
        rest = f"; and {more} more" if more else ""
        raise Malformed(f"Nothing was taken in: {said}{rest}.")


async def import_problem(
    work: Work,
    university_id: str,
    session_id: str,
    problem: Problem,
    *,
    prefix: str = "",
    is_dry_run: bool = False,
    observe: Observe | None = None,
) -> ImportReport:
    """Fill an empty session with a problem, unless the report has faults.

    Parameters
    ----------
    work : the request's; what is written becomes visible when it ends.
    prefix : before each code of rooms, courses and people, to keep apart those of
        several files; equal codes mean that it is the same room, course or person.
    is_dry_run : only report.
    observe : told of progress.

    Raises
    ------
    Conflict
        When somebody else has added the same codes at the same time.
    NotFound
        When there is no such session.
    StateForbids
        When the session's structure may not change.
    """
    await require_writable(work, (university_id, session_id), Part.STRUCTURE)
    codes = Codes.of(problem, prefix)
    holdings = await read_holdings(
        work.transaction,
        university_id,
        session_id,
        rooms=codes.rooms,
        courses=codes.courses,
        people=codes.students,
    )
    draft = await asyncio.to_thread(
        plan_import,
        problem,
        codes,
        holdings,
        university_id=university_id,
        session_id=session_id,
    )
    if not draft.faults and not is_dry_run:
        try:
            await _write(work, draft, observe or (lambda done, total: None))
        except UniqueViolated:
            raise Conflict(
                "Somebody else has added the same meanwhile: nothing was taken in; "
                "try again."
            ) from None
        _note(work, university_id, session_id, draft)
    return ImportReport(dict(draft.added), dict(draft.met), draft.faults)


def _note(work: Work, university_id: str, session_id: str, draft: Draft) -> None:
    """Have one event recorded for all rows, with their numbers."""
    counts = {"added": dict(draft.added), "met": dict(draft.met)}
    work.note(
        "import",
        "sessions",
        session_id,
        university_id=university_id,
        after=msgspec.json.encode(counts),
    )


async def _write(work: Work, draft: Draft, observe: Observe) -> None:
    version = await work.transaction.next_revision()
    state = {"version": version, "created_at": work.now, "updated_at": work.now}
    total = sum(map(len, draft.rows.values()))
    done = 0
    for table in (*_WITH_STATE, *_WITHOUT_STATE):
        rows = draft.rows.get(table, [])
        more = state if table in _WITH_STATE else {}
        for first in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[first : first + ROWS_AT_ONCE]
            await _insert(work, table, part, more)
            done += len(part)
            observe(done, total)
            await asyncio.sleep(0)  # let others read meanwhile
        if rows and table in _WITH_STATE:
            await _touch(work, draft, table, version)
    await _block_rooms(work, draft, version)
    await _index_courses(work, draft)


async def _insert(
    work: Work, table: str, rows: list[dict[str, Any]], state: dict[str, Any]
) -> None:
    names = (*rows[0], *state)
    places = ", ".join("?" for _ in names)
    tail = tuple(state.values())
    await work.transaction.execute_many(
        f"INSERT INTO {table} ({', '.join(map(quoted, names))}) VALUES ({places})",
        [(*row.values(), *tail) for row in rows],
    )


async def _touch(work: Work, draft: Draft, table: str, version: int) -> None:
    """Give a collection a new revision; here for all its new rows at once."""
    column = "university_id" if table in _OF_UNIVERSITY else "session_id"
    await work.transaction.execute(
        "INSERT INTO collections (scope, name, revision) VALUES (?, ?, ?) "
        "ON CONFLICT (scope, name) DO UPDATE SET revision = excluded.revision",
        (draft.place[column], table, version),
    )


async def _block_rooms(work: Work, draft: Draft, version: int) -> None:
    if not draft.blocked:
        return
    university_id = draft.place["university_id"]
    await work.transaction.execute_many(
        "UPDATE rooms SET unavailability = ?, version = ?, updated_at = ? "
        "WHERE university_id = ? AND id = ?",
        [
            (text, version, work.now, university_id, room_id)
            for room_id, text in draft.blocked
        ],
    )
    await _touch(work, draft, "rooms", version)


async def _index_courses(work: Work, draft: Draft) -> None:
    """Make new courses findable by words."""
    empty: dict[str, Any] = {
        "subject_code": None,
        "number": None,
        "titles": {},
        "descriptions": {},
    }
    await search.index(
        work.transaction,
        draft.place["university_id"],
        [
            (
                row["id"],
                {
                    **row,
                    **empty,
                    "other_codes": msgspec.json.decode(row["other_codes"]),
                },
            )
            for row in draft.rows.get("courses", [])
        ],
    )
