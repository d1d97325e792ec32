"""A session as a timetabling problem, at one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.catalogue.weekly import bits
from collegium.db.database import Row
from collegium.interchange.names import names_of
from collegium.interchange.snapshot_rooms import build_rooms
from collegium.interchange.snapshot_rows import SessionRows
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


def build_snapshot(rows: SessionRows) -> Snapshot:
    """Return a session as a problem.

    Cancelled classes are left out. Names are those of the file that the session was
    filled from; other parts are called by their codes.

    Parameters
    ----------
    rows : all of one moment.

    Notes
    -----
    Takes up to a second for a thousand classes: not for the event loop.
    """
    n_days, n_weeks, slots_per_day, name, *weights = rows.session
    rooms = build_rooms(rows.rooms, rows.travel, rows.session_id, n_days, n_weeks)
    courses, offerings, order = _courses(rows)
    classes = [rows.classes[index] for index in order]
    class_index = {row[0]: index for index, row in enumerate(classes)}
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
            classes=_classes(classes, class_index, room_index),
            distributions=_distributions(rows.distributions, class_index),
            students=_students(rows, offerings),
        ),
        tuple(class_index),
        rooms.ids,
    )


def _courses(
    rows: SessionRows,
) -> tuple[tuple[Course, ...], dict[str, int], list[int]]:
    """Return courses, the course of each offering, and the classes in their order."""
    configurations = _grouped(rows.configurations)
    subparts = _grouped(rows.subparts)
    members: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows.classes):
        members[row[3]].append(index)
    order: list[int] = []
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
                for configuration_id, configuration in _named(
                    configurations[offering_id]
                )
            ),
        )
        for offering_id, course in _named(rows.offerings)
    )
    return courses, {row[0]: i for i, row in enumerate(rows.offerings)}, order


def _placed(members: Sequence[int], order: list[int]) -> tuple[int, ...]:
    """Put classes at the end of the order; return their places in it."""
    first = len(order)
    order.extend(members)
    return tuple(range(first, len(order)))


def _grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return rows by their first column, without it."""
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


def _distributions(
    rows: Sequence[Row], class_index: Mapping[str, int]
) -> tuple[Distribution, ...]:
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


def _students(rows: SessionRows, offerings: Mapping[str, int]) -> tuple[Student, ...]:
    """Return the students of the session, and all others who want to take a course."""
    last = len(rows.students)
    students = sorted(
        rows.students, key=lambda row: (last if row[3] is None else row[3], row[2])
    )
    wanted: dict[str, dict[int, None]] = defaultdict(dict)
    for student_id, offering_id in rows.requests:
        wanted[student_id][offerings[offering_id]] = None
    names = names_of((row[1], row[2], row[0]) for row in students)
    return tuple(
        Student(name, tuple(wanted[row[0]]))
        for row, name in zip(students, names, strict=True)
    )
