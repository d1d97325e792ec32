"""Which courses need which, and several courses at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collegium.db.database import Reader
from collegium.db.records import Record, Records
from collegium.db.work import Work


async def several(
    records: Records, reader: Reader, university_id: str, ids: Sequence[str]
) -> list[Record]:
    """Return the courses of these ids, in this order, without those that are gone."""
    if not ids:
        return []
    rows = await reader.fetch_all(
        f"SELECT {', '.join(records.columns)} FROM courses "
        f"WHERE university_id = ? AND id IN ({', '.join('?' for _ in ids)})",
        (university_id, *ids),
    )
    found = {record.id: record for record in (Record(records, row) for row in rows)}
    return [found[id_] for id_ in ids if id_ in found]


async def set_prerequisites(work: Work, course: Record, ids: Iterable[str]) -> None:
    """Keep which courses a course's rule names."""
    of_course = (course["university_id"], course.id)
    await work.transaction.execute(
        "DELETE FROM course_prerequisites WHERE university_id = ? AND course_id = ?",
        of_course,
    )
    await work.transaction.execute_many(
        "INSERT INTO course_prerequisites (university_id, course_id, prerequisite_id) "
        "VALUES (?, ?, ?)",
        [(*of_course, id_) for id_ in ids],
    )


async def needs_itself(reader: Reader, course: Record) -> bool:
    """Tell whether a course is, over any number of steps, its own prerequisite."""
    row = await reader.fetch_one(
        "WITH RECURSIVE needed (id) AS ("
        " SELECT prerequisite_id FROM course_prerequisites"
        " WHERE university_id = ? AND course_id = ?"
        " UNION"
        " SELECT p.prerequisite_id FROM course_prerequisites p"
        " JOIN needed ON p.course_id = needed.id WHERE p.university_id = ?"
        ") SELECT 1 FROM needed WHERE id = ? LIMIT 1",
        (course["university_id"], course.id, course["university_id"], course.id),
    )
    return row is not None
