"""Whether offerings are what their parts are, and hang together."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from collegium.db.database import Database
from collegium.db.soundness import MOST_SHOWN, Check, Finding
from collegium.offerings.parts import read_document
from collegium.offerings.repository import Place

_PAGE = 500

_MISNAMED = (
    "SELECT 'class ' || c.code || ' is called otherwise' FROM classes c "
    "JOIN instructional_offerings o ON o.university_id = c.university_id "
    "AND o.id = c.offering_id "
    "JOIN configurations f ON f.university_id = c.university_id "
    "AND f.id = c.configuration_id "
    "JOIN subparts s ON s.university_id = c.university_id AND s.id = c.subpart_id "
    "WHERE c.code <> o.code || '-' || f.code || '-' || s.code || '-' || c.suffix "
    "OR c.configuration <> f.code OR c.subpart <> s.code"
)
_ASTRAY = (
    "SELECT 'class ' || c.code || ' has a parent elsewhere' FROM classes c "
    "JOIN classes p ON p.university_id = c.university_id AND p.id = c.parent_class_id "
    "JOIN subparts s ON s.university_id = c.university_id AND s.id = c.subpart_id "
    "WHERE s.parent_subpart_id IS NULL OR s.parent_subpart_id <> p.subpart_id"
)
CLASSES = Check(
    "classes",
    "each is called by its place, and its parent is in the parent subpart",
    (_MISNAMED, _ASTRAY),
)


async def offering_findings(database: Database) -> AsyncIterator[Finding]:
    """Yield what each check of offerings has found."""
    yield await CLASSES.run(database)
    breaches = [code async for code in _stale(database)]
    shown = [f"offering {code} differs from its parts" for code in breaches]
    yield Finding("documents", shown, "each offering is what its parts are")


async def _stale(database: Database) -> AsyncIterator[str]:
    """Yield codes of offerings whose document is not what their parts say."""
    after = ("", "")
    left = MOST_SHOWN
    while left > 0:
        rows = await database.scan(
            "SELECT university_id, id, session_id, code, courses, configurations "
            "FROM instructional_offerings WHERE (university_id, id) > (?, ?) "
            f"ORDER BY university_id, id LIMIT {_PAGE}",
            after,
        )
        if not rows:
            return
        for university_id, id_, session_id, code, courses, configurations in rows:
            place = Place(university_id, session_id, id_)
            if msgspec.json.decode(configurations) != await read_document(
                database, place
            ) or await _courses(database, place) != _course_set(courses):
                yield str(code)
                left -= 1
        after = (rows[-1][0], rows[-1][1])


async def _courses(
    database: Database, place: Place
) -> set[tuple[str, bool, int | None]]:
    rows = await database.fetch_all(
        "SELECT course_id, is_controlling, reserved_seats FROM course_offerings "
        "WHERE university_id = ? AND session_id = ? AND offering_id = ?",
        (place.university_id, place.session_id, place.offering_id),
    )
    return {(row[0], bool(row[1]), row[2]) for row in rows}


def _course_set(text: str) -> set[tuple[str, bool, int | None]]:
    return {
        (course["course_id"], course["is_controlling"], course["reserved_seats"])
        for course in msgspec.json.decode(text)
    }
