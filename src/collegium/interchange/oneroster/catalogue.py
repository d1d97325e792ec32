"""Take in the courses and users of a roster, many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from collegium.courses.search import mark_of
from collegium.db.addresses import is_id
from collegium.db.database import UniqueViolated
from collegium.db.records import Record
from collegium.db.rules import quoted
from collegium.errors import Conflict
from collegium.interchange.oneroster.files import CODE_TYPE
from collegium.interchange.oneroster.roster import (
    AT_ONCE,
    Roster,
    code_for,
    sourced,
    sourced_id_of,
)
from collegium.interchange.oneroster.rows import Row, note_unread
from collegium.interchange.sheets.columns import Chosen, Column, Form
from collegium.interchange.sheets.kinds import KINDS, Kind
from collegium.interchange.sheets.planning import Known, Sheet, plan_batch, rows_by
from collegium.interchange.sheets.writing import Place

_UNREAD_OF_COURSES = ("schoolYearSourcedId", "grades", "subjects")
_UNREAD_OF_USERS = (
    "userIds",
    "middleName",
    "sms",
    "phone",
    "agentSourcedIds",
    "grades",
    "password",
    "userMasterIdentifier",
    "resourceSourcedIds",
    "preferredGivenName",
    "preferredMiddleName",
    "preferredFamilyName",
    "pronouns",
)
_HEADERS = {
    "courses": {
        "code": "courseCode",
        "name": "title",
        "subject_code": "subjectCodes",
        "organisation_id": "orgSourcedId",
    },
    "people": {
        "code": "identifier",
        "name": "familyName",
        "given_name": "givenName",
        "family_name": "familyName",
        "email": "email",
    },
}


async def take_courses(roster: Roster, rows: Iterable[Row]) -> None:
    """Take in courses."""

    def values(row: Row) -> dict[str, Any] | None:
        if not roster.refers(row, "orgSourcedId", roster.orgs):
            return None
        note_unread(row, _UNREAD_OF_COURSES, roster.report)
        subjects = row.several("subjectCodes")
        if len(subjects) > 1:
            detail = f"only the first, {subjects[0]!r}, has a place here"
            roster.report.notice(row.line, "subjectCodes", detail)
        return {
            "code": [row["courseCode"]],
            "name": row["title"],
            "organisation_id": roster.orgs[row["orgSourcedId"]],
            "subject_code": subjects[0] if subjects else None,
        }

    await _Taking(roster, KINDS["courses"], roster.courses, values).take(rows)


async def take_users(roster: Roster, rows: Iterable[Row]) -> None:
    """Take in users as people."""

    def values(row: Row) -> dict[str, Any] | None:
        note_unread(row, _UNREAD_OF_USERS, roster.report)
        if row["enabledUser"] == "false":
            roster.report.notice(
                row.line, "enabledUser", "people are not disabled here"
            )
        whole = f"{row['givenName']} {row['familyName']}"
        derived = row.ours("derived").split(",")
        return {
            "code": [row["identifier"], row["username"]],
            "name": row.ours("name") or whole,
            "given_name": None if "givenName" in derived else row["givenName"],
            "family_name": None if "familyName" in derived else row["familyName"],
            "email": row["email"] or None,
        }

    await _Taking(roster, KINDS["people"], roster.people, values).take(rows)


@dataclass(slots=True)
class _Taking:
    """Rows of one kind.

    Parameters
    ----------
    ids : where to put the id of each sourcedId.
    values : returns the members of a row, with its possible codes, or None when
        something is wrong with it.
    """

    roster: Roster
    kind: Kind
    ids: dict[str, str]
    values: Any

    async def take(self, rows: Iterable[Row]) -> None:
        """Take in all rows."""
        roster, table = self.roster, self.kind.name
        known = await sourced(roster.work.transaction, table, roster.university_id)
        version = await roster.work.transaction.next_revision()
        place = Place(roster.work, self.kind, roster.university_id, version)
        sheet = _sheet(self.kind)
        taken: set[str] = set()
        is_touched = False
        for batch in _several(rows):
            found = await self._found(batch, known)
            lines, before = self._lines(batch, known, found, taken)
            mark = mark_of(roster.university_id)
            planned = plan_batch(sheet, lines, Known(before, {}), mark, roster.report)
            if planned.draft.names and not is_touched:
                await place.touch()
                is_touched = True
            try:
                await place.keep(planned.draft)
            except UniqueViolated:
                raise Conflict(
                    f"{roster.report.file}, lines {batch[0].line} to {batch[-1].line}: "
                    "a code belongs to another row already."
                ) from None
            await self._remember(lines)
            await roster.breathe()

    async def _found(
        self, batch: Sequence[Row], known: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return the rows of the table that a batch may be about, by id."""
        records, roster = self.kind.noun.records, self.roster
        columns = ", ".join(map(quoted, records.columns))
        ids = {known.get(row["sourcedId"], row["sourcedId"]) for row in batch}
        wishes = {code for row in batch for code in (self._wishes(row))}
        found = {}
        for key, values in (("id", filter(is_id, ids)), ("code", wishes)):
            for one in await rows_by(
                roster.work.transaction,
                records.table,
                columns,
                roster.university_id,
                key,
                sorted(values),
            ):
                found[one[records.positions["id"]]] = one
        return found

    def _wishes(self, row: Row) -> list[str]:
        columns = ("courseCode",) if self.kind.name == "courses" else _USER_CODES
        return [row[column] for column in columns if row[column]]

    def _lines(
        self,
        batch: Sequence[Row],
        known: Mapping[str, str],
        found: Mapping[str, Any],
        taken: set[str],
    ) -> tuple[list[tuple[int, dict[str, Any]]], dict[str, Any]]:
        """Return values of lines, and by code the rows that they are about."""
        records = self.kind.noun.records
        by_code = {one[records.positions["code"]]: one for one in found.values()}
        lines: list[tuple[int, dict[str, Any]]] = []
        before: dict[str, Any] = {}
        for row in batch:
            sourced_id = row["sourcedId"]
            if sourced_id in self.ids:
                self.roster.report.fault(row.line, "sourcedId", "stands twice")
                continue
            values = self.values(row)
            if values is None:
                continue
            code = code_for(values["code"], sourced_id, taken)
            one = found.get(known.get(sourced_id, sourced_id)) or by_code.get(code)
            if one is not None:
                before[code] = one
            record = None if one is None else Record(records, one)
            if record is None or record.id != sourced_id:
                values["other_codes"] = {CODE_TYPE: sourced_id}
            self._refuse_other(row, record)
            self.ids[sourced_id] = "" if record is None else record.id
            lines.append((row.line, {**values, "code": code}))
        return lines, before

    def _refuse_other(self, row: Row, record: Record | None) -> None:
        """Refuse a row that is known under another sourcedId."""
        if record is None:
            return
        other = sourced_id_of(record["other_codes"])
        if other is not None and other != row["sourcedId"]:
            detail = f"its code belongs to {other!r} already"
            self.roster.report.fault(row.line, "sourcedId", detail)

    async def _remember(self, lines: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """Note the ids that new rows have got."""
        roster = self.roster
        codes = {
            values["code"]: values["other_codes"][CODE_TYPE]
            for _, values in lines
            if "other_codes" in values
        }
        for id_, code in await rows_by(
            roster.work.transaction,
            self.kind.name,
            "id, code",
            roster.university_id,
            "code",
            list(codes),
        ):
            self.ids[codes[code]] = id_


_USER_CODES = ("identifier", "username")


def _sheet(kind: Kind) -> Sheet:
    chosen = [
        Chosen(0, header, Column(member, member, Form.TEXT))
        for member, header in _HEADERS[kind.name].items()
    ]
    return Sheet(kind, chosen, 0)


def _several(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, AT_ONCE)):
        yield batch
