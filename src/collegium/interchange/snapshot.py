"""A session as a timetabling problem, at one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.catalogue.weekly import bits
from collegium.db.database import Reader, Row
from collegium.interchange.names import names_of
from collegium.interchange.snapshot_rooms import read_rooms
from collegium.timetabling.problem import (
    Class,
    Configuration,
    Course,
    Distribution,
    DistributionType,
    Problem,
    RoomOption,
    Student,
    Subpart,
    Time,
    TimeOption,
    Weights,
)

DEFAULT_WEIGHTS = Weights(time=1, room=1, distribution=10, student=5)
"""Of a session that was not imported."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A problem, and which rows its parts are.

    Parameters
    ----------
    class_ids, room_ids : of ``problem.classes`` and ``problem.rooms``, in order.
    """

    problem: Problem
    class_ids: tuple[str, ...]
    room_ids: tuple[str, ...]


async def read_snapshot(
    reader: Reader, university_id: str, session_id: str, *, with_students: bool = True
) -> Snapshot:
    """Return a session as a problem.

    Cancelled classes are left out. Names are those of the file that the session was
    filled from; other parts are called by their codes.

    Parameters
    ----------
    reader : a snapshot or a transaction, so that all parts are of one moment.
    with_students : False leaves them out.
    """
    of_session = (university_id, session_id)
    session = await reader.fetch_one(
        "SELECT s.n_days, s.n_weeks, s.slots_per_day, coalesce(p.name, s.code), "
        "p.time_weight, p.room_weight, p.distribution_weight, p.student_weight "
        "FROM sessions s LEFT JOIN session_problems p "
        "ON p.university_id = s.university_id AND p.session_id = s.id "
        "WHERE s.university_id = ? AND s.id = ?",
        of_session,
    )
    assert session is not None
    n_days, n_weeks, slots_per_day, name, *weights = session
    rooms = await read_rooms(reader, university_id, session_id, n_days, n_weeks)
    rows = await _class_rows(reader, of_session)
    courses, offerings, order = await _courses(reader, of_session, rows)
    rows = [rows[index] for index in order]
    class_index = {row[0]: index for index, row in enumerate(rows)}
    room_index = {id_: index for index, id_ in enumerate(rooms.ids)}
    return Snapshot(
        Problem(
            name=name,
            n_days=n_days,
            n_weeks=n_weeks,
            slots_per_day=slots_per_day,
            weights=DEFAULT_WEIGHTS if weights[0] is None else Weights(*weights),
            rooms=rooms.rooms,
            courses=courses,
            classes=_classes(rows, class_index, room_index),
            distributions=await _distributions(reader, of_session, class_index),
            students=await _students(reader, of_session, offerings)
            if with_students
            else (),
        ),
        tuple(class_index),
        rooms.ids,
    )


async def _class_rows(reader: Reader, of_session: tuple[str, str]) -> list[Row]:
    return list(
        await reader.fetch_all(
            "SELECT id, external_id, code, subpart_id, parent_class_id, "
            '"limit", needs_room, room_options, time_options FROM classes '
            "WHERE university_id = ? AND session_id = ? AND is_cancelled = 0 "
            "ORDER BY position, id",
            of_session,
        )
    )


async def _courses(
    reader: Reader, of_session: tuple[str, str], classes: Sequence[Row]
) -> tuple[tuple[Course, ...], dict[str, int], list[int]]:
    """Return courses, the course of each offering, and the classes in their order."""
    offerings = await reader.fetch_all(
        "SELECT id, external_id, code FROM instructional_offerings "
        "WHERE university_id = ? AND session_id = ? ORDER BY position, id",
        of_session,
    )
    configurations = await _grouped(reader, of_session, "configurations", "offering_id")
    subparts = await _grouped(reader, of_session, "subparts", "configuration_id")
    members: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(classes):
        members[row[3]].append(index)
    order: list[int] = []
    names = names_of((external, code, id_) for id_, external, code in offerings)
    courses = tuple(
        Course(
            course,
            tuple(
                Configuration(
                    configuration,
                    tuple(
                        Subpart(subpart, _placed(members[subpart_id], order))
                        for subpart_id, subpart in _named(subparts[configuration_id])
                    ),
                )
                for configuration_id, configuration in _named(configurations[row[0]])
            ),
        )
        for row, course in zip(offerings, names, strict=True)
    )
    return courses, {row[0]: index for index, row in enumerate(offerings)}, order


def _placed(members: Sequence[int], order: list[int]) -> tuple[int, ...]:
    """Put classes at the end of the order; return their places in it."""
    first = len(order)
    order.extend(members)
    return tuple(range(first, len(order)))


async def _grouped(
    reader: Reader, of_session: tuple[str, str], table: str, owner: str
) -> dict[str, list[Row]]:
    rows = await reader.fetch_all(
        f"SELECT {owner}, id, external_id, code FROM {table} "
        "WHERE university_id = ? AND session_id = ? ORDER BY position, id",
        of_session,
    )
    found: dict[str, list[Row]] = defaultdict(list)
    for owner_id, *row in rows:
        found[owner_id].append(row)
    return found


def _named(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return the id and the name of each row."""
    names = names_of((external, code, id_) for id_, external, code in rows)
    return [(row[0], name) for row, name in zip(rows, names, strict=True)]


def _classes(
    rows: Sequence[Row], class_index: Mapping[str, int], room_index: Mapping[str, int]
) -> tuple[Class, ...]:
    names = names_of((row[1], row[2], row[0]) for row in rows)
    times: dict[tuple[str, int, int, str], Time] = {}
    return tuple(
        Class(
            id=name,
            limit=row[5],
            parent=class_index.get(row[4]),
            needs_room=bool(row[6]),
            rooms=tuple(
                RoomOption(room_index[option["room_id"]], option["penalty"])
                for option in msgspec.json.decode(row[7])
            ),
            times=tuple(
                TimeOption(_time(option, times), option["penalty"])
                for option in msgspec.json.decode(row[8])
            ),
        )
        for row, name in zip(rows, names, strict=True)
    )


def _time(
    option: Mapping[str, Any], known: dict[tuple[str, int, int, str], Time]
) -> Time:
    key = (option["days"], option["start"], option["length"], option["weeks"])
    time = known.get(key)
    if time is None:
        time = known[key] = Time(bits(key[0]), key[1], key[2], bits(key[3]))
    return time


async def _distributions(
    reader: Reader, of_session: tuple[str, str], class_index: Mapping[str, int]
) -> tuple[Distribution, ...]:
    rows = await reader.fetch_all(
        "SELECT type, parameters, is_required, penalty, class_ids FROM distributions "
        "WHERE university_id = ? AND session_id = ? ORDER BY position, id",
        of_session,
    )
    return tuple(
        Distribution(
            type=DistributionType(row[0]),
            parameters=tuple(msgspec.json.decode(row[1])),
            required=bool(row[2]),
            penalty=row[3],
            classes=tuple(
                class_index[class_id]
                for class_id in msgspec.json.decode(row[4])
                if class_id in class_index
            ),
        )
        for row in rows
    )


async def _students(
    reader: Reader, of_session: tuple[str, str], offerings: Mapping[str, int]
) -> tuple[Student, ...]:
    """Return the students of the session, and all others who want to take a course."""
    people = await reader.fetch_all(
        "SELECT p.id, s.external_id, p.code, s.position FROM people p "
        "LEFT JOIN session_students s ON s.university_id = p.university_id "
        "AND s.student_id = p.id AND s.session_id = ? "
        "WHERE p.university_id = ? AND (s.student_id IS NOT NULL OR p.id IN ("
        "SELECT student_id FROM course_requests WHERE university_id = ? "
        "AND session_id = ?))",
        (of_session[1], of_session[0], *of_session),
    )
    last = len(people)
    people = sorted(
        people, key=lambda row: (last if row[3] is None else row[3], row[2])
    )
    wanted: dict[str, dict[int, None]] = defaultdict(dict)
    for student_id, offering_id in await reader.fetch_all(
        "SELECT r.student_id, c.offering_id FROM course_requests r "
        "JOIN course_offerings c ON c.university_id = r.university_id "
        "AND c.id = r.course_offering_id "
        "WHERE r.university_id = ? AND r.session_id = ? ORDER BY r.priority, r.id",
        of_session,
    ):
        wanted[student_id][offerings[offering_id]] = None
    names = names_of((row[1], row[2], row[0]) for row in people)
    return tuple(
        Student(name, tuple(wanted[row[0]]))
        for row, name in zip(people, names, strict=True)
    )
