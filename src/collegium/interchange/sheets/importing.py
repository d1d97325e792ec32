"""Take in a file of rows that are found by code: all of them, or none."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import msgspec
import numpy as np

from collegium.courses import search
from collegium.db.database import Reader, ReferenceViolated, UniqueViolated
from collegium.db.work import Work
from collegium.errors import Conflict, TooLarge
from collegium.interchange.aside import Aside
from collegium.interchange.bulk import Observe
from collegium.interchange.delimited import Dialect, Line, batches, read_lines
from collegium.interchange.reports import Report
from collegium.interchange.sheets.headers import choose_columns
from collegium.interchange.sheets.kinds import Kind
from collegium.interchange.sheets.planning import (
    Draft,
    Planned,
    Sheet,
    look_up,
    plan_batch,
    read_values,
)
from collegium.interchange.sheets.writing import Place

LINES_AT_ONCE = 1000
"""Between two looks at other requests."""
MOST_LINES = 5_000_000


class SheetImport:
    """One file of one kind of rows, on its way in.

    The file is looked at first, without keeping anybody waiting; what it would do is
    put aside, on disk, and then done in one go.

    Parameters
    ----------
    mapping : column by header; what it does not name is told by the headers.
    is_dry_run : nothing is put aside.
    """

    has_check = True

    def __init__(
        self,
        kind: Kind,
        file: BinaryIO,
        dialect: Dialect,
        mapping: Mapping[str, str],
        *,
        is_dry_run: bool = False,
    ) -> None:
        self._kind = kind
        self._file = file
        self._dialect = dialect
        self._mapping = mapping
        self._aside = None if is_dry_run else Aside(Draft)

    async def check(
        self, reader: Reader, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Note what the file would do and what is wrong with it; write nothing."""
        seen = _Seen()
        async for planned in self._planned(reader, university_id, report, observe):
            seen.add(planned)
            if self._aside is not None and not report.fault_count:
                self._aside.put(planned.draft)
        for line, first in seen.repeated():
            report.fault(line, "", f"says again what line {first} is about")

    async def write(
        self, work: Work, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Write what the check has put aside.

        Raises
        ------
        Conflict
            When somebody else has changed what the file is about, since the check.
        """
        assert self._aside is not None
        version = await work.transaction.next_revision()
        place = Place(work, self._kind, university_id, version)
        # On PostgreSQL, whoever would change the collection waits from here on.
        await place.touch()
        written = 0
        try:
            for draft in self._aside:
                await place.keep(draft)
                written += len(draft.added) + len(draft.changed)
                observe(written, self._file.tell())
                await asyncio.sleep(0)  # let others read meanwhile
        except (UniqueViolated, ReferenceViolated):
            raise Conflict(
                "Something that must be unique is taken, or something that the file "
                "names is gone: a number in a building, or what somebody else has "
                "done meanwhile. Nothing was taken in."
            ) from None
        if written == 0:
            return
        # One event for all rows: each of them in it would double the database.
        work.note(
            "import",
            self._kind.noun.records.table,
            university_id,
            university_id=university_id,
            after=msgspec.json.encode({"written": written}),
        )

    def close(self) -> None:
        """Let go of what has been put aside."""
        if self._aside is not None:
            self._aside.close()

    async def _planned(
        self, reader: Reader, university_id: str, report: Report, observe: Observe
    ) -> AsyncIterator[Planned]:
        """Yield what each batch of lines would do."""
        self._file.seek(0)
        lines = read_lines(self._file, self._dialect)
        sheet = self._sheet(next(lines, None), report)
        several = batches(lines, LINES_AT_ONCE)
        mark = search.mark_of(university_id)
        while True:
            values = await asyncio.to_thread(_next, sheet, several, report)
            if values is None:
                return
            known = await look_up(reader, sheet, university_id, values)
            yield await asyncio.to_thread(
                plan_batch, sheet, values, known, mark, report
            )
            observe(report.lines, self._file.tell())

    def _sheet(self, header: Line | None, report: Report) -> Sheet:
        cells = [] if header is None else header.cells
        chosen, left = choose_columns(cells, self._kind.columns, self._mapping)
        for name in left:
            report.notice(1, name, "no column has this name: it is not read")
        return Sheet(self._kind, chosen, len(cells))


def _next(
    sheet: Sheet, several: Iterator[Sequence[Line]], report: Report
) -> list[tuple[int, dict[str, Any]]] | None:
    lines = next(several, None)
    if lines is None:
        return None
    report.lines += len(lines)
    if report.lines > MOST_LINES:
        raise TooLarge(f"A file may have {MOST_LINES} lines.")
    return read_values(sheet, lines, report)


class _Seen:
    """Which keys have come before: 16 bytes a line, whatever the keys are.

    Two keys of the same 64-bit hash would be taken for one: among a million lines with
    a chance of one in 37 million, and then the file is refused, not taken in wrongly.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._lines = array("q")

    def add(self, planned: Planned) -> None:
        """Note the keys of a batch."""
        for line, key in planned.keys:
            self._hashes.append(hash(key))
            self._lines.append(line)

    def repeated(self) -> Iterator[tuple[int, int]]:
        """Yield each line whose key has come before, and the line where."""
        if not self._hashes:
            return
        hashes = np.frombuffer(self._hashes, np.int64)
        lines = np.frombuffer(self._lines, np.int64)
        order = np.argsort(hashes, kind="stable")
        is_again = hashes[order][1:] == hashes[order][:-1]
        pairs = [
            (int(lines[order[at + 1]]), int(lines[order[at]]))
            for at in np.flatnonzero(is_again)
        ]
        yield from sorted(pairs)
