"""What an import of a roster knows while it goes from file to file."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collegium.catalogue.nouns import Noun
from collegium.catalogue.schemas import Body
from collegium.db.addresses import Keys, is_id
from collegium.db.database import Reader
from collegium.db.records import Record
from collegium.db.work import Work
from collegium.errors import Conflict, Malformed, NotFound
from collegium.interchange.bulk import Observe
from collegium.interchange.names import codes_of
from collegium.interchange.oneroster.archives import Archive
from collegium.interchange.oneroster.files import CODE_TYPE
from collegium.interchange.oneroster.rows import Row
from collegium.interchange.reports import Action, Report, said

AT_ONCE = 500
_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._~+&-]*[A-Za-z0-9._~+&-])?")
_LONGEST_CODE = 64


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a class of the roster is here."""

    session_id: str
    offering_id: str
    class_id: str


@dataclass(slots=True)
class Roster:
    """One archive on its way in.

    Parameters
    ----------
    orgs : id of each by sourcedId, None for the university itself.
    sessions, courses, people : id of each by sourcedId.
    new_sessions : ids of those that the archive has brought, and in which state they
        shall end; None where it does not say.
    """

    work: Work
    university_id: str
    archive: Archive
    report: Report
    observe: Observe
    orgs: dict[str, str | None] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    courses: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    classes: dict[str, Seat] = field(default_factory=dict)
    new_sessions: dict[str, str | None] = field(default_factory=dict)

    async def breathe(self) -> None:
        """Tell how far it is, and let others read."""
        self.observe(self.report.lines, self.archive.position())
        await asyncio.sleep(0)

    def refers(self, row: Row, column: str, known: Iterable[str]) -> bool:
        """Tell whether a cell names something that there is; note it when not."""
        if row[column] in known:
            return True
        self.report.fault(row.line, column, f"there is no {row[column]!r} in the files")
        return False

    def date(self, row: Row, column: str) -> datetime.date | None:
        """Return the date in a cell, None without one or when it is none."""
        if not row[column]:
            return None
        try:
            return datetime.date.fromisoformat(row[column])
        except ValueError:
            self.report.fault(row.line, column, "is no date as in 2030-09-01")
            return None

    def note(self, row: Row, column: str, error: Exception) -> None:
        """Note why a row cannot be taken in."""
        if isinstance(error, Malformed | NotFound | Conflict):
            pointers = "; ".join(f"{p[1:]} {t}" for p, t in error.pointers.items())
            detail = said(error) + (f" ({pointers})" if pointers else "")
            self.report.fault(row.line, column, detail)
            return
        raise error


async def sourced(reader: Reader, table: str, university_id: str) -> dict[str, str]:
    """Return ids by sourcedId of the rows that came from a roster."""
    found: dict[str, str] = {}
    after = ""
    while True:
        rows = await reader.fetch_all(
            f"SELECT id, other_codes FROM {table} WHERE university_id = ? AND id > ? "
            f"AND other_codes LIKE '%\"{CODE_TYPE}\"%' ORDER BY id LIMIT {AT_ONCE}",
            (university_id, after),
        )
        if not rows:
            return found
        for id_, text in rows:
            sourced_id = sourced_id_of(text)
            if sourced_id is not None:
                found[sourced_id] = id_
        after = rows[-1][0]
        await asyncio.sleep(0)  # let others read meanwhile


def sourced_id_of(other_codes: str) -> str | None:
    """Return the sourcedId among the names elsewhere of a row."""
    for code in msgspec.json.decode(other_codes):
        if code["code_type"] == CODE_TYPE:
            return str(code["code"])
    return None


async def find(
    reader: Reader, noun: Noun[Any], owner: Keys, known: dict[str, str], sourced_id: str
) -> Record | None:
    """Return the row of a sourcedId: it came with it, or it is the row's own id."""
    id_ = known.get(sourced_id)
    if id_ is None and is_id(sourced_id):
        id_ = sourced_id
    return None if id_ is None else await noun.records.lookup(reader, (*owner, id_))


async def put(
    work: Work, noun: Noun[Any], owner: Keys, before: Record | None, body: Body
) -> tuple[Record, Action]:
    """Add a row, or make one what a body says."""
    if before is None:
        return await noun.add(work, owner, body), "create"
    after, _ = await noun.assign(work, any_state, (*owner, before.id), body)
    return after, "unchanged" if after.version == before.version else "update"


def any_state(etag: str | None) -> None:
    """Let any state be changed: the files say what is to be."""


def with_source(before: Record | None, sourced_id: str) -> list[dict[str, str]]:
    """Return the names elsewhere of a row, with its sourcedId unless that is its id."""
    if before is not None and before.id == sourced_id:
        return list(before.value()["other_codes"])
    codes = [] if before is None else before.value()["other_codes"]
    kept = [code for code in codes if code["code_type"] != CODE_TYPE]
    return [*kept, {"code_type": CODE_TYPE, "code": sourced_id}]


def code_for(wishes: Sequence[str], sourced_id: str, taken: set[str]) -> str:
    """Return the first wish that can be a code and is free, else one made up.

    Parameters
    ----------
    taken : codes of the rows before; this one is added.
    """
    for wish in wishes:
        is_code = len(wish) <= _LONGEST_CODE and _CODE.fullmatch(wish) is not None
        if is_code and not is_id(wish) and wish not in taken:
            taken.add(wish)
            return wish
    code = stem = codes_of([sourced_id], "")[0]
    number = 1
    while code in taken:
        number += 1
        code = f"{stem}.{number}"
    taken.add(code)
    return code
