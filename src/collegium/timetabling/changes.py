"""What happens to a problem after its timetable was published.

Applying changes gives a new problem; ``carry_over`` says the published timetable
in the new one's indices, without the places that no longer exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from collegium.errors import NotFound
from collegium.timetabling.problem import (
    Class,
    Configuration,
    Course,
    Problem,
    Subpart,
    Time,
)
from collegium.timetabling.solution import UNASSIGNED, Solution


@dataclass(frozen=True, slots=True)
class RoomClosed:
    """A room is not to be had at a time."""

    room_id: str
    time: Time


@dataclass(frozen=True, slots=True)
class TimeForbidden:
    """A class must not meet at any time that overlaps this one."""

    class_id: str
    time: Time


@dataclass(frozen=True, slots=True)
class ClassAdded:
    """A class more in a subpart; its parent and rooms are indices of the problem."""

    subpart_id: str
    class_: Class


Change = RoomClosed | TimeForbidden | ClassAdded


def apply_changes(problem: Problem, changes: Iterable[Change]) -> Problem:
    """Return the problem after the changes, one after the other.

    Raises
    ------
    NotFound
        When a change names what the problem does not have.
    """
    for change in changes:
        match change:
            case RoomClosed():
                problem = _close_room(problem, change)
            case TimeForbidden():
                problem = _forbid_time(problem, change)
            case ClassAdded():
                problem = _add_class(problem, change)
    return problem


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """A published timetable in the indices of a changed problem.

    Parameters
    ----------
    lost : classes that had a place which is not listed any more; they are
        unassigned, and so are those that are new.
    """

    solution: Solution
    lost: tuple[int, ...]


def carry_over(old: Problem, published: Solution, new: Problem) -> CarriedOver:
    """Say a timetable in the indices of a changed problem.

    Classes, rooms, students and times are recognised by their ids and values;
    students keep the classes that still exist.
    """
    lost = []
    numbers = {class_.id: c for c, class_ in enumerate(old.classes)}
    times = np.full(len(new.classes), UNASSIGNED, np.int32)
    rooms = np.full(len(new.classes), UNASSIGNED, np.int32)
    for c, class_ in enumerate(new.classes):
        before = numbers.get(class_.id)
        if before is None or published.times[before] == UNASSIGNED:
            continue
        time = _same_time(old, published, before, class_)
        room = _same_room(old, published, before, new, class_)
        if time != UNASSIGNED and (room != UNASSIGNED or not class_.needs_room):
            times[c], rooms[c] = time, room
        else:
            lost.append(c)
    index = {class_.id: c for c, class_ in enumerate(new.classes)}
    attended = {
        student.id: [
            index[old.classes[c].id] for c in classes if old.classes[c].id in index
        ]
        for student, classes in zip(old.students, published.students, strict=True)
    }
    students = tuple(tuple(sorted(attended.get(s.id, ()))) for s in new.students)
    return CarriedOver(Solution(times, rooms, students), tuple(lost))


def _same_time(old: Problem, published: Solution, before: int, class_: Class) -> int:
    time = old.classes[before].times[published.times[before]].time
    for i, option in enumerate(class_.times):
        if option.time == time:
            return i
    return UNASSIGNED


def _same_room(
    old: Problem, published: Solution, before: int, new: Problem, class_: Class
) -> int:
    if published.rooms[before] == UNASSIGNED:
        return UNASSIGNED
    room = old.classes[before].rooms[published.rooms[before]].room
    for i, option in enumerate(class_.rooms):
        if new.rooms[option.room].id == old.rooms[room].id:
            return i
    return UNASSIGNED


def _close_room(problem: Problem, change: RoomClosed) -> Problem:
    if change.room_id not in {room.id for room in problem.rooms}:
        raise NotFound(f"There is no room {change.room_id}.")
    rooms = tuple(
        replace(room, unavailable=(*room.unavailable, change.time))
        if room.id == change.room_id
        else room
        for room in problem.rooms
    )
    return replace(problem, rooms=rooms)


def _forbid_time(problem: Problem, change: TimeForbidden) -> Problem:
    if change.class_id not in {class_.id for class_ in problem.classes}:
        raise NotFound(f"There is no class {change.class_id}.")
    classes = tuple(
        replace(
            class_,
            times=tuple(
                option
                for option in class_.times
                if not _overlap(option.time, change.time)
            ),
        )
        if class_.id == change.class_id
        else class_
        for class_ in problem.classes
    )
    return replace(problem, classes=classes)


def _overlap(a: Time, b: Time) -> bool:
    common = a.days & b.days and a.weeks & b.weeks
    return bool(common) and a.start < b.end and b.start < a.end


def _add_class(problem: Problem, change: ClassAdded) -> Problem:
    number = len(problem.classes)
    found = False

    def grown(subpart: Subpart) -> Subpart:
        nonlocal found
        if subpart.id != change.subpart_id:
            return subpart
        found = True
        return replace(subpart, classes=(*subpart.classes, number))

    def with_subparts(configuration: Configuration) -> Configuration:
        subparts = tuple(grown(subpart) for subpart in configuration.subparts)
        return replace(configuration, subparts=subparts)

    def with_configurations(course: Course) -> Course:
        configurations = tuple(with_subparts(c) for c in course.configurations)
        return replace(course, configurations=configurations)

    courses = tuple(with_configurations(course) for course in problem.courses)
    if not found:
        raise NotFound(f"There is no subpart {change.subpart_id}.")
    return replace(problem, courses=courses, classes=(*problem.classes, change.class_))
