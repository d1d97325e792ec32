"""Which rows of its university a limited key may see and change.

A student's key sees and changes only what is the student's own; a scheduler's key
changes only the courses of its organisation and of what is below, and what belongs to
those courses alone. Everything else about access is decided before a route is entered
(``rest.gate``); this is about rows, which only the database knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collegium.catalogue.nouns import Noun
from collegium.db.addresses import Keys, Reference, find_id
from collegium.db.database import Reader
from collegium.db.records import Guard, Record, Records
from collegium.db.work import Work
from collegium.errors import Forbidden, NotFound
from collegium.rest.access import Principal, Role

_PERSONAL = {
    "people": "id",
    "memberships": "person_id",
    "course_requests": "student_id",
    "enrolments": "student_id",
}
"""By table, the column that tells whose a row is."""
_PERSON = Reference("student_id", "people", "person")

_OFFERINGS = {
    "instructional_offerings": "(?)",
    "classes": (
        "(SELECT offering_id FROM classes WHERE university_id = {university} "
        "AND id = ?)"
    ),
    "distributions": (
        "(SELECT c.offering_id FROM distribution_classes d JOIN classes c "
        "ON c.university_id = d.university_id AND c.id = d.class_id "
        "WHERE d.university_id = {university} AND d.distribution_id = ?)"
    ),
    "teaching_assignments": (
        "(SELECT c.offering_id FROM teaching_assignments t JOIN classes c "
        "ON c.university_id = t.university_id AND c.id = t.class_id "
        "WHERE t.university_id = {university} AND t.id = ?)"
    ),
}
"""By table, the offerings that a row belongs to."""
_WITHIN = (
    "WITH RECURSIVE within (id) AS ("
    " SELECT id FROM organisations WHERE university_id = ? AND id = ?"
    " UNION"
    " SELECT o.id FROM organisations o JOIN within ON o.parent_id = within.id"
    " WHERE o.university_id = ?"
    ") "
)


def own_rows(principal: Principal, records: Records) -> Mapping[str, Any]:
    """Return what columns must be in the rows that somebody may see; empty for all."""
    if records.table == "universities" and principal.university_id is not None:
        return {"id": principal.university_id}
    column = _PERSONAL.get(records.table)
    if principal.person_id is None or column is None:
        return {}
    return {column: principal.person_id}


class Reached:
    """A noun as a limited key may use it.

    Parameters
    ----------
    noun : what may be done without limits.
    principal : whose key it is.
    """

    def __init__(self, noun: Noun[Any], principal: Principal) -> None:
        self._noun = noun
        self._principal = principal

    async def find(self, reader: Reader, keys: Keys) -> Record:
        """Return a row that may be seen."""
        record = await self._noun.find(reader, keys)
        self._require_seen(record, keys)
        return record

    async def add(self, work: Work, keys: Keys, body: Any) -> Record:
        """Add a row that is within reach."""
        await self._require_own_body(work, keys, body)
        record = await self._noun.add(work, keys, body)
        await require_reach(work.transaction, self._principal, record)
        return record

    async def assign(
        self, work: Work, guard: Guard, keys: Keys, body: Any
    ) -> tuple[Record, bool]:
        """Make a row within reach what the body says, and leave it within reach."""
        before = await self._noun.records.lookup(work.transaction, keys)
        await self._require_before(work, before, keys)
        await self._require_own_body(work, keys[:-1], body)
        record, is_new = await self._noun.assign(work, guard, keys, body)
        await require_reach(work.transaction, self._principal, record)
        return record, is_new

    async def change(
        self, work: Work, guard: Guard, keys: Keys, changes: Any
    ) -> Record:
        """Change a row within reach, and leave it within reach."""
        before = await self._noun.records.lookup(work.transaction, keys)
        await self._require_before(work, before, keys)
        record = await self._noun.change(work, guard, keys, changes)
        await require_reach(work.transaction, self._principal, record)
        return record

    async def remove(self, work: Work, guard: Guard, keys: Keys) -> None:
        """Delete a row within reach."""
        before = await self._noun.records.lookup(work.transaction, keys)
        await self._require_before(work, before, keys)
        await self._noun.remove(work, guard, keys)

    def _require_seen(self, record: Record, keys: Keys) -> None:
        """Refuse a row that is not seen with the words for one that is not there."""
        own = own_rows(self._principal, self._noun.records)
        if any(record[column] != value for column, value in own.items()):
            raise NotFound(f"There is no {self._noun.records.noun} {keys[-1]!r}.")

    async def _require_before(
        self, work: Work, before: Record | None, keys: Keys
    ) -> None:
        if before is not None:
            self._require_seen(before, keys)
            await require_reach(work.transaction, self._principal, before)

    async def _require_own_body(self, work: Work, keys: Keys, body: Any) -> None:
        """Refuse a body about another student before anything is looked up for it."""
        if self._principal.person_id is None:
            return
        named = getattr(body, "student_id", None)
        ids = await self._noun.records.scope(work.transaction, keys)
        if named is not None:
            named = await find_id(
                work.transaction, _PERSON, {"university_id": ids[0]}, named
            )
        if named != self._principal.person_id:
            raise Forbidden("A student's key is for the student's own matters.")


async def require_reach(reader: Reader, principal: Principal, record: Record) -> None:
    """Refuse to change a row that is not within reach of a key.

    Raises
    ------
    Forbidden
        When it is another person's, or of courses of other organisations.
    """
    if principal.role is Role.STUDENT:
        column = _PERSONAL.get(record.table)
        if column is None or record[column] != principal.person_id:
            raise Forbidden("A student's key is for the student's own matters.")
    elif principal.role is Role.SCHEDULER and await _is_outside(
        reader, principal, record
    ):
        raise Forbidden(
            "A scheduler's key is for the courses of its organisation and of those "
            "below it, and for what belongs to these courses alone."
        )


async def _is_outside(reader: Reader, principal: Principal, record: Record) -> bool:
    """Tell whether a row belongs, if only in part, to another organisation."""
    university = principal.university_id
    params = [university, principal.organisation_id, university]
    outside = (
        "SELECT 1 FROM courses c WHERE c.university_id = ? AND {which} AND "
        "(c.organisation_id IS NULL "
        "OR c.organisation_id NOT IN (SELECT id FROM within)) LIMIT 1"
    )
    if record.table == "courses":
        which = "c.id = ?"
        params += [university, record.id]
    elif record.table in _OFFERINGS:
        offerings = _OFFERINGS[record.table].format(university="?")
        which = (
            "c.id IN (SELECT course_id FROM course_offerings "
            f"WHERE university_id = ? AND offering_id IN {offerings})"
        )
        params += [university, university]
        params += [university] * (offerings.count("?") - 1) + [record.id]
    else:
        return True
    row = await reader.fetch_one(_WITHIN + outside.format(which=which), params)
    return row is not None
