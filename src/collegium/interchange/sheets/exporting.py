"""Rows as plain CSV that goes in again, and that no spreadsheet runs."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, BinaryIO

import msgspec

from collegium.db.database import Reader, Row
from collegium.interchange.exports import revisions_of
from collegium.interchange.sheets.columns import (
    Chosen,
    Column,
    Form,
    cell_of,
    write_cell,
)
from collegium.interchange.sheets.kinds import Kind

ROWS_AT_ONCE = 1000
MEDIA_TYPE = "text/csv; charset=utf-8"
_OF_SESSION = ("enrolments", "course_offerings", "classes")
_OF_UNIVERSITY = ("people", "courses")


class SheetExport:
    """All rows of one kind."""

    media_type = MEDIA_TYPE

    def __init__(self, kind: Kind, university_id: str) -> None:
        self._kind = kind
        self._university_id = university_id
        self.filename = f"{kind.name}.csv"
        self.is_private = kind.name == "people"

    async def revisions(self, reader: Reader) -> Sequence[object]:
        """Return the revisions of the rows and of what they refer to."""
        named = [column.table for column in self._kind.columns if column.table]
        tables = (self._kind.name, *named)
        return await revisions_of(reader, self._university_id, tables)

    async def write(self, reader: Reader, out: BinaryIO) -> None:
        """Write the rows in the order of their codes."""
        columns = await self._columns(reader)
        put = csv_writer(out)
        put(one.header for one in columns)
        selected = _selected(self._kind)
        async for rows in self._pages(reader, selected):
            for row in rows:
                put(write_cell(one, row[selected.index(one.column)]) for one in columns)

    async def _columns(self, reader: Reader) -> list[Chosen]:
        """Return the columns, with one for each language and source that occurs."""
        families = [column for column in self._kind.columns if column.is_family]
        keys: dict[str, set[str]] = {column.member: set() for column in families}
        async for rows in self._pages(reader, families):
            for row in rows:
                for column, text in zip(families, row, strict=False):
                    keys[column.member].update(_keys(column, text))
        chosen = []
        for column in self._kind.columns:
            if not column.is_family:
                chosen.append(Chosen(0, column.name, column))
            chosen.extend(
                Chosen(0, f"{column.name}.{key}", column, key)
                for key in sorted(keys.get(column.member, ()))
            )
        return chosen

    async def _pages(
        self, reader: Reader, columns: Sequence[Column]
    ) -> AsyncIterator[Sequence[Row]]:
        """Yield rows of these columns, and the code behind them."""
        select, joins = _select(columns)
        after = ""
        while True:
            rows = await reader.fetch_all(
                f"SELECT {select} FROM {self._kind.name} t{joins} "
                "WHERE t.university_id = ? AND t.code > ? ORDER BY t.code LIMIT ?",
                (self._university_id, after, ROWS_AT_ONCE),
            )
            if not rows:
                return
            yield rows
            after = rows[-1][len(columns)]
            await asyncio.sleep(0)  # let others read meanwhile


class EnrolmentExport:
    """All students of a session who have seats or wait for one."""

    media_type = MEDIA_TYPE
    filename = "enrolments.csv"
    is_private = True

    def __init__(self, university_id: str, session_id: str) -> None:
        self._ids = (university_id, session_id)

    async def revisions(self, reader: Reader) -> Sequence[object]:
        """Return the revisions of enrolments and of what they name."""
        return [
            await revisions_of(reader, self._ids[0], _OF_UNIVERSITY),
            await revisions_of(reader, self._ids[1], _OF_SESSION),
        ]

    async def write(self, reader: Reader, out: BinaryIO) -> None:
        """Write the enrolments in the order in which they were made."""
        put = csv_writer(out)
        put(("student", "course", "classes", "waitlist", "overlap"))
        codes = dict(
            map(
                tuple,
                await reader.fetch_all(
                    "SELECT id, code FROM classes "
                    "WHERE university_id = ? AND session_id = ?",
                    self._ids,
                ),
            )
        )
        after = ""
        while True:
            rows = await reader.fetch_all(
                _ENROLMENTS, (*self._ids, after, ROWS_AT_ONCE)
            )
            if not rows:
                return
            for _, student, course, classes, *flags in rows:
                named = ";".join(codes[id_] for id_ in msgspec.json.decode(classes))
                said = ("yes" if flag else "no" for flag in flags)
                put((cell_of(student), cell_of(course), cell_of(named), *said))
            after = rows[-1][0]
            await asyncio.sleep(0)  # let others read meanwhile


_ENROLMENTS = """
SELECT e.id, p.code, c.code, e.class_ids, e.is_waitlist_ok, e.is_overlap_allowed
FROM enrolments e
JOIN people p ON p.university_id = e.university_id AND p.id = e.student_id
JOIN course_offerings o
    ON o.university_id = e.university_id AND o.id = e.course_offering_id
JOIN courses c ON c.university_id = o.university_id AND c.id = o.course_id
WHERE e.university_id = ? AND e.session_id = ? AND e.id > ?
    AND e.state IN ('pending', 'queued', 'associated')
ORDER BY e.id LIMIT ?
"""


def csv_writer(out: BinaryIO) -> Any:
    """Return a function that writes one line of cells."""
    buffer = io.StringIO()
    row = csv.writer(buffer).writerow

    def put(cells: Iterable[str]) -> None:
        row(cells)
        out.write(buffer.getvalue().encode())
        buffer.seek(0)
        buffer.truncate()

    return put


def _selected(kind: Kind) -> list[Column]:
    return list(kind.columns)


def _select(columns: Sequence[Column]) -> tuple[str, str]:
    """Return what to select, and the tables to join for references."""
    parts, joins = [], []
    for number, column in enumerate(columns):
        if column.form is Form.REFERENCE:
            parts.append(f"r{number}.code")
            joins.append(
                f" LEFT JOIN {column.table} r{number} "
                f"ON r{number}.university_id = t.university_id "
                f"AND r{number}.id = t.{column.member}"
            )
        else:
            parts.append(f"t.{column.member}")
    return ", ".join((*parts, "t.code")), "".join(joins)


def _keys(column: Column, text: str) -> Iterable[str]:
    value = msgspec.json.decode(text)
    if column.form is Form.OTHER_CODE:
        return [code["code_type"] for code in value]
    return list(value)
