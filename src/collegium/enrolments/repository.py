"""SQL of enrolments and of what they take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.catalogue.weekly import bits
from collegium.db.addresses import Keys, is_id
from collegium.db.database import Reader, Row
from collegium.db.work import Work
from collegium.enrolments.chains import Offered, OfferedClass
from collegium.enrolments.conflicts import Taken
from collegium.timetabling.problem import Time

_PLACED = (
    "LEFT JOIN current_publications n ON n.university_id = c.university_id "
    "AND n.session_id = c.session_id "
    "LEFT JOIN publications b ON b.university_id = n.university_id "
    "AND b.session_id = n.session_id AND b.number = n.number "
    "LEFT JOIN placements p ON p.university_id = b.university_id "
    "AND p.publication_id = b.id AND p.class_id = c.id "
)
_WHEN = "c.time_options, p.days, p.start, p.length, p.weeks"


def time_of(options: str, placement: Sequence[Any]) -> Time | None:
    """Return when a class meets, None while that is not settled.

    Parameters
    ----------
    options : its time options, JSON.
    placement : days, start, length, weeks of its place in the publication in force;
        without one they are None, and its only option counts if it has but one.
    """
    days, start, length, weeks = placement
    if days is None:
        found = msgspec.json.decode(options)
        if len(found) != 1:
            return None
        days, start, length, weeks = (
            found[0][name] for name in ("days", "start", "length", "weeks")
        )
    return Time(days=bits(days), start=start, length=length, weeks=bits(weeks))


async def read_offered(reader: Reader, session: Keys, offering_id: str) -> Offered:
    """Return the classes of an offering and the seats that are left."""
    where = "WHERE c.university_id = ? AND c.session_id = ? AND c.offering_id = ?"
    key = (*session, offering_id)
    subparts: dict[str, list[str]] = {}
    for id_, configuration_id in await reader.fetch_all(
        f"SELECT c.id, c.configuration_id FROM subparts c {where} "
        "ORDER BY c.position, c.id",
        key,
    ):
        subparts.setdefault(configuration_id, []).append(id_)
    free = await reader.fetch_all(
        f'SELECT c.id, c."limit" - c.enrolled FROM configurations c {where}', key
    )
    course_free = await reader.fetch_all(
        f"SELECT c.id, c.reserved_seats - c.enrolled FROM course_offerings c {where}",
        key,
    )
    rows = await reader.fetch_all(
        "SELECT c.id, c.code, c.configuration_id, c.subpart_id, c.parent_class_id, "
        f'c."limit" - c.enrolled, c.is_cancelled, {_WHEN} '
        f"FROM classes c {_PLACED}{where}",
        key,
    )
    classes = {row[0]: _class(row) for row in rows}
    return Offered(subparts, _numbers(free), _numbers(course_free), classes)


def _class(row: Row) -> OfferedClass:
    id_, code, configuration, subpart, parent, free, is_cancelled, *when = row
    return OfferedClass(
        id=id_,
        code=code,
        configuration_id=configuration,
        subpart_id=subpart,
        parent_id=parent,
        free=free,
        is_cancelled=bool(is_cancelled),
        time=time_of(when[0], when[1:]),
    )


def _numbers(rows: Sequence[Row]) -> dict[str, int | None]:
    return {row[0]: row[1] for row in rows}


async def read_taken(
    reader: Reader, session: Keys, student_id: str, *, apart_from: str
) -> list[Taken]:
    """Return what a student takes and may not miss, when that is settled.

    Parameters
    ----------
    reader : where to look.
    session : ids of the university and of the session.
    student_id : whose.
    apart_from : id of an enrolment that does not count.
    """
    rows = await reader.fetch_all(
        taken_sql(
            "c.code",
            "e.university_id = ? AND e.session_id = ? AND e.student_id = ? "
            "AND e.state = 'associated' AND e.is_overlap_allowed = 0 AND e.id <> ?",
        )
        + " ORDER BY c.code",
        (*session, student_id, apart_from),
    )
    times = [(row[0], time_of(row[1], row[2:])) for row in rows]
    return [Taken(code, time) for code, time in times if time is not None]


def taken_sql(columns: str, where: str) -> str:
    """Return a question for classes ``c`` that enrolments ``e`` take, and their times.

    Each row is the columns and what ``time_of`` takes.
    """
    return (
        f"SELECT {columns}, {_WHEN} FROM enrolments e "
        "JOIN class_enrolments x ON x.university_id = e.university_id "
        "AND x.enrolment_id = e.id "
        "JOIN classes c ON c.university_id = x.university_id AND c.id = x.class_id "
        f"{_PLACED}WHERE {where}"
    )


async def find_course_offering(
    reader: Reader, session: Keys, key: str
) -> tuple[str, str] | None:
    """Return ids of a course offering and of its offering, None when there is none.

    Parameters
    ----------
    reader : where to look.
    session : ids of the university and of the session.
    key : id of the course offering, or id or code of its course.
    """
    which = "(id = ? OR course_id = ?)"
    if not is_id(key):
        which = (
            "course_id = (SELECT id FROM courses WHERE university_id = ? AND code = ?)"
        )
    row = await reader.fetch_one(
        "SELECT id, offering_id FROM course_offerings "
        f"WHERE university_id = ? AND session_id = ? AND {which}",
        (*session, key if is_id(key) else session[0], key),
    )
    return None if row is None else (row[0], row[1])


async def live_enrolment(
    reader: Reader, session: Keys, student_id: str, offering_id: str
) -> str | None:
    """Return the id of a student's live enrolment in an offering, None without one."""
    row = await reader.fetch_one(
        "SELECT id FROM enrolments WHERE university_id = ? AND session_id = ? "
        "AND student_id = ? AND offering_id = ? "
        "AND state IN ('pending', 'queued', 'associated')",
        (*session, student_id, offering_id),
    )
    return None if row is None else str(row[0])


async def set_classes(
    work: Work, session: Keys, enrolment_id: str, pairs: Iterable[tuple[str, str]]
) -> None:
    """Keep which classes an enrolment takes; pairs of a class and its subpart."""
    await work.transaction.execute(
        "DELETE FROM class_enrolments WHERE university_id = ? AND enrolment_id = ?",
        (session[0], enrolment_id),
    )
    await work.transaction.execute_many(
        "INSERT INTO class_enrolments (university_id, session_id, enrolment_id, "
        "class_id, subpart_id) VALUES (?, ?, ?, ?, ?)",
        [(*session, enrolment_id, class_id, subpart) for class_id, subpart in pairs],
    )


async def next_turn(
    work: Work, session: Keys, offering_id: str, course_offering_id: str
) -> int:
    """Return a turn on the waitlist of an offering, behind all that there ever were.

    One sequence serves all courses of the offering: they wait for the same classes.
    """
    row = await work.transaction.fetch_one(
        "SELECT coalesce(max(last_waitlist_seq), 0) + 1 FROM course_offerings "
        "WHERE university_id = ? AND session_id = ? AND offering_id = ?",
        (*session, offering_id),
    )
    assert row is not None
    await work.transaction.execute(
        "UPDATE course_offerings SET last_waitlist_seq = ? "
        "WHERE university_id = ? AND id = ?",
        (row[0], session[0], course_offering_id),
    )
    return int(row[0])


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody on a waitlist.

    Parameters
    ----------
    enrolment_id, student_id, course_offering_id : who, and as what.
    class_ids : what they wait for; empty when any classes will do.
    is_overlap_allowed : they may be needed in two places at once.
    """

    enrolment_id: str
    student_id: str
    course_offering_id: str
    class_ids: tuple[str, ...]
    is_overlap_allowed: bool


async def read_queue(reader: Reader, session: Keys, offering_id: str) -> list[Waiting]:
    """Return those who wait for an offering, in order of their turns."""
    rows = await reader.fetch_all(
        "SELECT id, student_id, course_offering_id, class_ids, is_overlap_allowed "
        "FROM enrolments WHERE university_id = ? AND session_id = ? "
        "AND offering_id = ? AND state = 'queued' ORDER BY waitlist_seq, id",
        (*session, offering_id),
    )
    return [
        Waiting(
            row[0], row[1], row[2], tuple(msgspec.json.decode(row[3])), bool(row[4])
        )
        for row in rows
    ]


async def waited_for_by_student(
    reader: Reader, session: Keys, student_id: str
) -> list[str]:
    """Return ids of the offerings that a student waits for."""
    rows = await reader.fetch_all(
        "SELECT offering_id FROM enrolments WHERE university_id = ? AND session_id = ? "
        "AND student_id = ? AND state = 'queued'",
        (*session, student_id),
    )
    return [row[0] for row in rows]


async def waited_for_by_students_of(
    reader: Reader, session: Keys, offering_id: str
) -> list[str]:
    """Return ids of the offerings that students of an offering wait for.

    Also of those who wait for it themselves: they may just have lost their seats.
    """
    rows = await reader.fetch_all(
        "SELECT DISTINCT q.offering_id FROM enrolments e JOIN enrolments q "
        "ON q.university_id = e.university_id AND q.session_id = e.session_id "
        "AND q.student_id = e.student_id AND q.state = 'queued' "
        "WHERE e.university_id = ? AND e.session_id = ? AND e.offering_id = ? "
        "AND e.state IN ('associated', 'queued')",
        (*session, offering_id),
    )
    return [row[0] for row in rows]


async def last_of_class(
    reader: Reader, session: Keys, class_id: str, count: int
) -> list[str]:
    """Return ids of those who got their seats in a class last, the last first."""
    rows = await reader.fetch_all(
        "SELECT e.id FROM class_enrolments x JOIN enrolments e "
        "ON e.university_id = x.university_id AND e.id = x.enrolment_id "
        "WHERE x.university_id = ? AND x.class_id = ? AND e.session_id = ? "
        "AND e.state = 'associated' "
        "ORDER BY e.enrolled_at DESC, e.id DESC LIMIT ?",
        (session[0], class_id, session[1], count),
    )
    return [row[0] for row in rows]


async def unfit_student(reader: Reader, session: Keys, offering_id: str) -> str | None:
    """Return the id of an enrolment whose classes are no chain any more."""
    row = await reader.fetch_one(
        "SELECT e.id FROM enrolments e "
        "WHERE e.university_id = ? AND e.session_id = ? AND e.offering_id = ? "
        f"AND e.state = 'associated' AND ({UNFIT}) LIMIT 1",
        (*session, offering_id),
    )
    return None if row is None else str(row[0])


UNFIT = (
    "(SELECT count(*) FROM class_enrolments x WHERE x.university_id = e.university_id "
    "AND x.enrolment_id = e.id) <> (SELECT count(*) FROM subparts s "
    "WHERE s.university_id = e.university_id "
    "AND s.configuration_id = e.configuration_id) "
    "OR EXISTS (SELECT 1 FROM class_enrolments x "
    "JOIN classes c ON c.university_id = x.university_id AND c.id = x.class_id "
    "WHERE x.university_id = e.university_id AND x.enrolment_id = e.id "
    "AND (c.configuration_id <> e.configuration_id OR c.subpart_id <> x.subpart_id "
    "OR (c.parent_class_id IS NOT NULL AND NOT EXISTS (SELECT 1 "
    "FROM class_enrolments y WHERE y.university_id = x.university_id "
    "AND y.enrolment_id = x.enrolment_id AND y.class_id = c.parent_class_id))))"
)
"""Condition on an enrolment ``e``: its classes are not one of each subpart with their
parents. That no subpart is there twice is a unique key."""
