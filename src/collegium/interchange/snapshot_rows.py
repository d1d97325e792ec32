"""The rows of a session that make its timetabling problem, read at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collegium.db.database import Reader, Row


@dataclass(frozen=True, slots=True)
class SessionRows:
    """What is stored of a session; names stand as external id and code.

    Parameters
    ----------
    session : days, weeks, slots a day, name, and four weights or None.
    offerings : id, external id, code.
    configurations, subparts : id of the owner, id, external id, code.
    classes : id, external id, code, subpart, parent, limit, needs room, room options,
        time options.
    distributions : type, parameters, is required, penalty, classes.
    students : id, external id, code, position.
    requests : student and offering, the most wanted first.
    rooms : id, external id, code, position, capacity, building, unavailability.
    travel : two rooms, two buildings, slots.
    """

    session_id: str
    session: Row
    offerings: Sequence[Row]
    configurations: Sequence[Row]
    subparts: Sequence[Row]
    classes: Sequence[Row]
    distributions: Sequence[Row]
    students: Sequence[Row]
    requests: Sequence[Row]
    rooms: Sequence[Row]
    travel: Sequence[Row]


async def read_rows(
    reader: Reader, university_id: str, session_id: str, *, with_students: bool = True
) -> SessionRows:
    """Return the rows of a session.

    Parameters
    ----------
    reader : a snapshot or a transaction, so that all rows are of one moment.
    with_students : False leaves them out.
    """
    ids = (university_id, session_id)
    session = await reader.fetch_one(_SESSION, ids)
    assert session is not None
    return SessionRows(
        session_id=session_id,
        session=session,
        offerings=await reader.fetch_all(_OFFERINGS, ids),
        configurations=await reader.fetch_all(_CONFIGURATIONS, ids),
        subparts=await reader.fetch_all(_SUBPARTS, ids),
        classes=await reader.fetch_all(_CLASSES, ids),
        distributions=await reader.fetch_all(_DISTRIBUTIONS, ids),
        students=await reader.fetch_all(_STUDENTS, (session_id, university_id, *ids))
        if with_students
        else (),
        requests=await reader.fetch_all(_REQUESTS, ids) if with_students else (),
        rooms=await reader.fetch_all(_ROOMS, (session_id, university_id, *ids)),
        travel=await reader.fetch_all(_TRAVEL, (university_id,)),
    )


_SESSION = """
SELECT s.n_days, s.n_weeks, s.slots_per_day, coalesce(p.name, s.code), p.time_weight,
    p.room_weight, p.distribution_weight, p.student_weight
FROM sessions s LEFT JOIN session_problems p
    ON p.university_id = s.university_id AND p.session_id = s.id
WHERE s.university_id = ? AND s.id = ?
"""
_OFFERINGS = """
SELECT id, external_id, code FROM instructional_offerings
WHERE university_id = ? AND session_id = ? ORDER BY position, id
"""
_CONFIGURATIONS = """
SELECT offering_id, id, external_id, code FROM configurations
WHERE university_id = ? AND session_id = ? ORDER BY position, id
"""
_SUBPARTS = """
SELECT configuration_id, id, external_id, code FROM subparts
WHERE university_id = ? AND session_id = ? ORDER BY position, id
"""
_CLASSES = """
SELECT id, external_id, code, subpart_id, parent_class_id, "limit", needs_room,
    room_options, time_options
FROM classes
WHERE university_id = ? AND session_id = ? AND is_cancelled = 0 ORDER BY position, id
"""
_DISTRIBUTIONS = """
SELECT type, parameters, is_required, penalty, class_ids FROM distributions
WHERE university_id = ? AND session_id = ? ORDER BY position, id
"""
_STUDENTS = """
SELECT p.id, s.external_id, p.code, s.position
FROM people p LEFT JOIN session_students s
    ON s.university_id = p.university_id AND s.student_id = p.id AND s.session_id = ?
WHERE p.university_id = ? AND (s.student_id IS NOT NULL OR p.id IN (
    SELECT student_id FROM course_requests WHERE university_id = ? AND session_id = ?))
ORDER BY p.id
"""
_REQUESTS = """
SELECT r.student_id, c.offering_id
FROM course_requests r JOIN course_offerings c
    ON c.university_id = r.university_id AND c.id = r.course_offering_id
WHERE r.university_id = ? AND r.session_id = ? ORDER BY r.priority, r.id
"""
_ROOMS = """
SELECT r.id, s.external_id, r.code, s.position, r.capacity, r.building_id,
    r.unavailability
FROM rooms r LEFT JOIN session_rooms s
    ON s.university_id = r.university_id AND s.room_id = r.id AND s.session_id = ?
WHERE r.university_id = ? AND (s.room_id IS NOT NULL OR r.id IN (
    SELECT o.room_id FROM class_rooms o JOIN classes c
        ON c.university_id = o.university_id AND c.id = o.class_id
    WHERE c.university_id = ? AND c.session_id = ?))
ORDER BY r.id
"""
_TRAVEL = """
SELECT from_room_id, to_room_id, from_building_id, to_building_id, slots
FROM travel_times WHERE university_id = ? ORDER BY id
"""
