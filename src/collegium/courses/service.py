"""What may be done with courses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from collegium.catalogue.nouns import UNIVERSITY, Noun, referred
from collegium.courses import repository, search
from collegium.courses.schemas import CourseIn
from collegium.db.addresses import Keys, Reference
from collegium.db.database import Database
from collegium.db.records import Record, Records
from collegium.db.tables import courses
from collegium.db.work import Work
from collegium.errors import Malformed

_NEEDED = Reference("course", "courses", "course")


class Courses(Noun[CourseIn]):
    """Courses, whose prerequisites are courses."""

    async def values(
        self, work: Work, ids: Keys, body: CourseIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get, with prerequisites by id."""
        values = await super().values(work, ids, body, before)
        owners = {"university_id": ids[0]}
        for rule, pointer in _course_rules(values["prerequisites"]):
            rule["course"] = await referred(
                work,
                owners,
                _NEEDED,
                rule["course"],
                f"{pointer}/course",
            )
        return values

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Keep its words and which courses its rule names; refuse one that leads back.

        Raises
        ------
        Malformed
            When the course would be, over any number of steps, its own prerequisite.
        """
        shown = [(after.id, after.value())]
        await search.index(work.transaction, after["university_id"], shown)
        text = after["prerequisites"]
        if before is not None and before["prerequisites"] == text:
            return
        rules = _course_rules(None if text is None else msgspec.json.decode(text))
        needed = {rule["course"] for rule, _ in rules}
        await repository.set_prerequisites(work, after, sorted(needed))
        if needed and await repository.needs_itself(work.transaction, after):
            raise Malformed(
                "The course would be its own prerequisite.",
                pointers={"/prerequisites": "leads back to this course"},
            )


async def found_courses(
    database: Database, university: str, text: str, limit: int
) -> tuple[list[Record], bool]:
    """Return the courses that match a text, the best first, and whether that is all."""
    (university_id,) = await COURSES.records.scope(database, (university,))
    found = await search.search(database, university_id, text, limit)
    ids = [row[1] for row in found.rows]
    records = await repository.several(COURSES.records, database, university_id, ids)
    return records, found.is_complete


def _course_rules(
    rule: dict[str, Any] | None, pointer: str = "/prerequisites"
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each part of a rule that names a course, with its JSON pointer."""
    if rule is None:
        return
    if rule["kind"] == "course":
        yield rule, pointer
    for number, part in enumerate(rule.get("rules", ())):
        yield from _course_rules(part, f"{pointer}/rules/{number}")


COURSES = Courses(
    Records(courses, noun="course", parents=(UNIVERSITY,)),
    CourseIn,
    references=(Reference("organisation_id", "organisations", "organisation"),),
)
