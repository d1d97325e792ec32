"""What an export asks the database: names first, then rows page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from collegium.db.database import Reader, Row
from collegium.interchange.oneroster.roster import sourced_id_of

ROWS_AT_ONCE = 1000


@dataclass(slots=True)
class Names:
    """What other rows are called in a roster.

    Parameters
    ----------
    root : sourcedId of the university.
    orgs, sessions : sourcedId by id.
    years : by session, the year in which its school year ends.
    """

    university_id: str
    code: str
    name: str
    root: str
    orgs: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    years: dict[str, str] = field(default_factory=dict)

    def org(self, id_: str | None) -> str:
        """Return the sourcedId of an organisation, or of the whole."""
        return self.root if id_ is None else self.orgs[id_]


async def university(reader: Reader, university_id: str) -> tuple[object, ...]:
    """Return code, name, other codes and version of the university."""
    row = await reader.fetch_one(
        "SELECT code, name, other_codes, version FROM universities WHERE id = ?",
        (university_id,),
    )
    assert row is not None
    return tuple(row)


async def session_revisions(
    reader: Reader, university_id: str, tables: Sequence[str]
) -> list[tuple[str, str, int]]:
    """Return the revisions of the collections of all sessions."""
    places = ", ".join("?" for _ in tables)
    rows = await reader.fetch_all(
        "SELECT c.scope, c.name, c.revision FROM sessions s "
        "JOIN collections c ON c.scope = s.id "
        f"WHERE s.university_id = ? AND c.name IN ({places}) ORDER BY 1, 2",
        (university_id, *tables),
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def read_names(reader: Reader, university_id: str) -> Names:
    """Return the names of the university, its organisations and its sessions."""
    code, name, other_codes, _ = await university(reader, university_id)
    root = sourced_id_of(str(other_codes)) or university_id
    names = Names(university_id, str(code), str(name), root)
    async for rows in pages(reader, "organisations", "other_codes", university_id):
        for id_, _, text in rows:
            names.orgs[id_] = sourced_id_of(text) or id_
    parents: dict[str, str | None] = {}
    ends: dict[str, str] = {}
    columns = "other_codes, parent_id, end_date"
    async for rows in pages(reader, "sessions", columns, university_id):
        for id_, _, text, parent, end in rows:
            names.sessions[id_] = sourced_id_of(text) or id_
            parents[id_], ends[id_] = parent, end
    for id_ in parents:
        top = id_
        while (above := parents[top]) is not None:
            top = above
        names.years[id_] = ends[top][:4]
    return names


async def pages(
    reader: Reader, table: str, columns: str, university_id: str
) -> AsyncIterator[Sequence[Row]]:
    """Yield rows in the order of their codes: id, code and these columns."""
    after = ""
    while True:
        rows = await reader.fetch_all(
            f"SELECT id, code, {columns} FROM {table} "
            "WHERE university_id = ? AND code > ? ORDER BY code LIMIT ?",
            (university_id, after, ROWS_AT_ONCE),
        )
        if not rows:
            return
        yield rows
        after = rows[-1][1]
        await asyncio.sleep(0)  # let others read meanwhile


async def memberships_of(
    reader: Reader, university_id: str, people: Sequence[str]
) -> dict[str, list[Row]]:
    """Return by person: organisation, role, first and last day."""
    places = ", ".join("?" for _ in people)
    rows = await reader.fetch_all(
        "SELECT m.person_id, m.organisation_id, m.role, m.start_date, m.end_date "
        "FROM memberships m LEFT JOIN organisations o "
        "ON o.university_id = m.university_id AND o.id = m.organisation_id "
        f"WHERE m.university_id = ? AND m.person_id IN ({places}) "
        "ORDER BY coalesce(o.code, ''), m.role",
        (university_id, *people),
    )
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


async def teachers_among(
    reader: Reader, university_id: str, people: Sequence[str]
) -> set[str]:
    """Return those of these people who teach a class."""
    places = ", ".join("?" for _ in people)
    rows = await reader.fetch_all(
        "SELECT DISTINCT person_id FROM teaching_assignments "
        f"WHERE university_id = ? AND person_id IN ({places})",
        (university_id, *people),
    )
    return {row[0] for row in rows}


async def session_codes(reader: Reader, university_id: str) -> Sequence[Row]:
    """Return id and whether its problem came from a file, of each session."""
    return await reader.fetch_all(
        "SELECT s.id, p.session_id IS NOT NULL FROM sessions s "
        "LEFT JOIN session_problems p "
        "ON p.university_id = s.university_id AND p.session_id = s.id "
        "WHERE s.university_id = ? ORDER BY s.code",
        (university_id,),
    )


async def offerings_of(
    reader: Reader, university_id: str, session_id: str
) -> AsyncIterator[Sequence[Row]]:
    """Yield id, code, name, courses, configurations of a session's offerings."""
    after = ""
    while True:
        rows = await reader.fetch_all(
            "SELECT id, code, name, courses, configurations "
            "FROM instructional_offerings "
            "WHERE university_id = ? AND session_id = ? AND code > ? "
            "ORDER BY code LIMIT 100",
            (university_id, session_id, after),
        )
        if not rows:
            return
        yield rows
        after = rows[-1][1]
        await asyncio.sleep(0)  # let others read meanwhile


async def courses_named(
    reader: Reader, university_id: str, ids: Sequence[str]
) -> dict[str, Row]:
    """Return by id: name, organisation, and other codes of courses."""
    places = ", ".join("?" for _ in ids)
    rows = await reader.fetch_all(
        "SELECT id, name, organisation_id, other_codes FROM courses "
        f"WHERE university_id = ? AND id IN ({places})",
        (university_id, *ids),
    )
    return {row[0]: row for row in rows}


async def classes_of(
    reader: Reader, university_id: str, offering_id: str
) -> Sequence[Row]:
    """Return id, external id, code and place of an offering's classes that meet."""
    return await reader.fetch_all(
        "SELECT id, external_id, code, configuration, subpart, suffix FROM classes "
        "WHERE university_id = ? AND offering_id = ? AND is_cancelled = 0 "
        "ORDER BY code",
        (university_id, offering_id),
    )


async def students_in(
    reader: Reader, university_id: str, class_id: str
) -> Sequence[Row]:
    """Return id and other codes of a class's students, and their course."""
    return await reader.fetch_all(
        "SELECT p.id, p.other_codes, o.course_id FROM class_enrolments c "
        "JOIN enrolments e ON e.university_id = c.university_id "
        "AND e.id = c.enrolment_id "
        "JOIN people p ON p.university_id = e.university_id AND p.id = e.student_id "
        "JOIN course_offerings o ON o.university_id = e.university_id "
        "AND o.id = e.course_offering_id "
        "WHERE c.university_id = ? AND c.class_id = ? AND e.state = 'associated' "
        "ORDER BY p.code",
        (university_id, class_id),
    )


async def teachers_of(
    reader: Reader, university_id: str, class_id: str
) -> Sequence[Row]:
    """Return id and other codes of a class's teachers, and whether each leads."""
    return await reader.fetch_all(
        "SELECT p.id, p.other_codes, t.is_lead FROM teaching_assignments t "
        "JOIN people p ON p.university_id = t.university_id AND p.id = t.person_id "
        "WHERE t.university_id = ? AND t.class_id = ? ORDER BY p.code",
        (university_id, class_id),
    )
