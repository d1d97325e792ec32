"""What some lines of a file would make of the rows that are there.

The questions that need the database come first, all at once for a batch; what follows
is pure, so that it can run off the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uuid_utils
from pydantic import ValidationError

from collegium.courses.search import words_of
from collegium.db.database import Reader, Row
from collegium.db.rules import quoted, stored_form
from collegium.interchange.delimited import Line
from collegium.interchange.reports import Action, Report
from collegium.interchange.sheets.columns import (
    Chosen,
    Form,
    merged_codes,
    merged_texts,
    read_cell,
)
from collegium.interchange.sheets.kinds import Kind


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file whose header has been understood.

    Parameters
    ----------
    width : cells of the header.
    """

    kind: Kind
    chosen: Sequence[Chosen]
    width: int

    @property
    def code(self) -> Chosen:
        """The column of the code."""
        return next(c for c in self.chosen if c.column.member == "code")

    def header_of(self, location: Sequence[Any]) -> str:
        """Return the header of what a model complains about."""
        of_member = [c for c in self.chosen if c.column.member == location[0]]
        keyed = [c for c in of_member if c.key in map(str, location[1:])]
        found = keyed or of_member
        return found[0].header if found else ""


class Draft(msgspec.Struct):
    """What a batch does; small enough to be put aside until all have been looked at.

    Parameters
    ----------
    names : of the columns that a file decides, in the order of values.
    added : id and values of new rows.
    changed : id, version and new values of rows that are there.
    words : id, title and body of courses for the search; see ``courses.search``.
    """

    names: list[str] = []
    added: list[tuple[str, list[Any]]] = []
    changed: list[tuple[str, int, list[Any]]] = []
    words: list[tuple[str, str, str]] = []


@dataclass(slots=True)
class Planned:
    """A batch as it is being planned.

    Parameters
    ----------
    keys : line, and what tells its row from those of other lines.
    """

    draft: Draft
    keys: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says about a batch.

    Parameters
    ----------
    rows : by code, the columns of the kind's table.
    ids : by table and code, what references lead to.
    """

    rows: Mapping[str, Row]
    ids: Mapping[tuple[str, str], str]


def read_values(
    sheet: Sheet, lines: Sequence[Line], report: Report
) -> list[tuple[int, dict[str, Any]]]:
    """Return the values of lines by member; those without a code are left out."""
    found = []
    for line in lines:
        if len(line.cells) != sheet.width:
            detail = f"has {len(line.cells)} cells, the header {sheet.width}"
            report.fault(line.number, "", detail)
            continue
        values: dict[str, Any] = {}
        for chosen in sheet.chosen:
            read_cell(chosen, line.cells[chosen.index], values)
        if values["code"] is None:
            report.fault(line.number, sheet.code.header, "is empty")
            continue
        found.append((line.number, values))
    return found


async def look_up(
    reader: Reader,
    sheet: Sheet,
    university_id: str,
    lines: Sequence[tuple[int, dict[str, Any]]],
) -> Known:
    """Return what is there already under the codes of lines."""
    records = sheet.kind.noun.records
    codes = [values["code"] for _, values in lines]
    columns = ", ".join(map(quoted, records.columns))
    rows = await rows_by(reader, records.table, columns, university_id, "code", codes)
    code_at = records.positions["code"]
    ids: dict[tuple[str, str], str] = {}
    for chosen in sheet.chosen:
        column = chosen.column
        if column.form is Form.REFERENCE:
            wanted = {values[column.member] for _, values in lines} - {None}
            for id_, code in await rows_by(
                reader, column.table, "id, code", university_id, "code", sorted(wanted)
            ):
                ids[column.table, code] = id_
    return Known({row[code_at]: row for row in rows}, ids)


async def rows_by(
    reader: Reader,
    table: str,
    columns: str,
    university_id: str,
    key: str,
    values: Sequence[str],
) -> Sequence[Row]:
    """Return the rows of a university in which a column has one of these values."""
    if not values:
        return ()
    places = ", ".join("?" for _ in values)
    return await reader.fetch_all(
        f"SELECT {columns} FROM {table} WHERE university_id = ? "
        f"AND {key} IN ({places})",
        (university_id, *values),
    )


def plan_batch(
    sheet: Sheet,
    lines: Sequence[tuple[int, dict[str, Any]]],
    known: Known,
    mark: str,
    report: Report,
) -> Planned:
    """Return what lines would do; note what is wrong with them.

    Parameters
    ----------
    mark : of the university, for the words of courses.
    """
    planned = Planned(Draft())
    for number, values in lines:
        if _resolve(sheet, number, values, known, report):
            _plan_line(sheet, number, values, known, mark, report, planned)
    return planned


def _plan_line(
    sheet: Sheet,
    number: int,
    values: dict[str, Any],
    known: Known,
    mark: str,
    report: Report,
    planned: Planned,
) -> None:
    kind = sheet.kind
    row = known.rows.get(values["code"])
    before = None if row is None else _shown(kind, row)
    try:
        body = kind.body.model_validate(_wanted(sheet, values, before))
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False):
            column = sheet.header_of(item["loc"] or ("",))
            report.fault(number, column, _complaint(item))
        return
    after = body.model_dump(mode="json")
    stored = _stored(kind, {**after, **kind.derived(after)})
    planned.keys.append((number, values["code"]))
    planned.keys.extend(_unique_keys(kind, number, after))
    action = _draw(kind, row, stored, after, mark, planned.draft)
    report.count(kind.name, action, number)


def _draw(
    kind: Kind,
    row: Row | None,
    stored: dict[str, Any],
    after: Mapping[str, Any],
    mark: str,
    draft: Draft,
) -> Action:
    """Put a row into the draft; return what happens to it."""
    if row is None:
        id_ = str(uuid_utils.uuid7())
        draft.added.append((id_, list(stored.values())))
    else:
        positions = kind.noun.records.positions
        if all(row[positions[column]] == value for column, value in stored.items()):
            return "unchanged"
        id_ = row[positions["id"]]
        version = row[positions["version"]]
        draft.changed.append((id_, version, list(stored.values())))
    draft.names = list(stored)
    if kind.name == "courses":
        draft.words.append((id_, *words_of(mark, after)))
    return "create" if row is None else "update"


def _resolve(
    sheet: Sheet, number: int, values: dict[str, Any], known: Known, report: Report
) -> bool:
    """Put ids for the codes of other rows; tell whether all are there."""
    is_known = True
    for chosen in sheet.chosen:
        column = chosen.column
        code = values.get(column.member)
        if column.form is not Form.REFERENCE or code is None:
            continue
        id_ = known.ids.get((column.table, code))
        if id_ is None:
            report.fault(number, chosen.header, f"there is no {column.noun} {code!r}")
            is_known = False
        else:
            values[column.member] = id_
    return is_known


def _shown(kind: Kind, row: Row) -> dict[str, Any]:
    """Return the members of a row's body as values."""
    records = kind.noun.records
    value: dict[str, Any] = msgspec.json.decode(records.shape(None).encode(row))
    return {member: value[member] for member in kind.body.model_fields}


def _wanted(
    sheet: Sheet, values: Mapping[str, Any], before: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the body of a line: what it says, over what the row has already."""
    wanted = dict(before or {})
    for member, value in values.items():
        if isinstance(value, dict):
            if member == "other_codes":
                wanted[member] = merged_codes(wanted.get(member, ()), value)
            else:
                wanted[member] = merged_texts(wanted.get(member, {}), value)
        elif value is not None:
            wanted[member] = value
        else:
            wanted.pop(member, None)  # an empty cell asks for the default
    if sheet.kind.name == "people" and "name" not in values:
        names = (wanted.get("given_name"), wanted.get("family_name"))
        whole = " ".join(filter(None, names))
        if whole and (before is None or {"given_name", "family_name"} & set(values)):
            wanted["name"] = whole
    return wanted


def _stored(kind: Kind, values: Mapping[str, Any]) -> dict[str, Any]:
    json_columns = kind.noun.records.json_columns
    return {
        column: stored_form(value, is_json=column in json_columns)
        for column, value in values.items()
    }


def _unique_keys(
    kind: Kind, number: int, values: Mapping[str, Any]
) -> list[tuple[int, str]]:
    return [
        (number, f"{first}\0{values[first]}\0{values[second]}")
        for first, second in kind.unique
        if values[first] is not None and values[second] is not None
    ]


def _complaint(item: Any) -> str:
    if item["type"] == "missing":
        return "is empty, and a new row needs it"
    said: str = item["msg"]
    said = said.removeprefix("Value error, ")
    return said[:1].lower() + said[1:]
