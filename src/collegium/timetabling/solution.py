"""A timetable in two forms: as a file says it, and as indices into a problem.

``Timetable`` is what somebody claims (ids, days, weeks, room): it may be wrong in
any way and is what the validator judges. ``Solution`` is what the solver works
with and what travels between coordinator and workers: it can only name listed
times and rooms.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from collegium.errors import Malformed
from collegium.timetabling.problem import Problem

UNASSIGNED = -1


@dataclass(frozen=True, slots=True)
class Placement:
    """One class in a timetable as claimed: days and weeks are bit sets."""

    class_id: str
    days: int
    start: int
    weeks: int
    room_id: str | None = None
    student_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timetable:
    """A solution as its file says it; nothing about it has been checked.

    Parameters
    ----------
    n_days, n_weeks : how many days and weeks its bit strings speak of; 0 when it
        does not say, and then they are written as short as the bits allow.
    """

    name: str
    placements: tuple[Placement, ...]
    n_days: int = 0
    n_weeks: int = 0
    runtime_s: float | None = None
    cores: int | None = None
    technique: str = ""
    author: str = ""
    institution: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """Raw criteria, their weighted total, and the number of hard violations."""

    time: int
    room: int
    distribution: int
    student: int
    total: int
    hard: int = 0

    @property
    def is_feasible(self) -> bool:
        """Whether no hard constraint is violated."""
        return self.hard == 0

    @property
    def rank(self) -> tuple[int, int]:
        """Smaller is better: first feasibility, then the total."""
        return (self.hard, self.total)


@dataclass(frozen=True, slots=True)
class Solution:
    """A timetable as indices.

    Parameters
    ----------
    times : (n_classes,) int32, index into ``Class.times``, -1 when unassigned.
    rooms : (n_classes,) int32, index into ``Class.rooms``, -1 when it has none.
    students : for each student the class indices attended, ascending.
    """

    times: NDArray[np.int32]
    rooms: NDArray[np.int32]
    students: tuple[tuple[int, ...], ...] = field(default=())

    def to_json(self) -> bytes:
        """Return the form that travels: compact JSON with sorted keys."""
        body = {
            "rooms": self.rooms.tolist(),
            "students": self.students,
            "times": self.times.tolist(),
        }
        return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes, problem: Problem) -> Solution:
        """Read what ``to_json`` wrote, trusting nothing.

        Raises
        ------
        Malformed
            When it is not such a body or names what the problem does not have.
        """
        try:
            body = json.loads(data)
            times = _indices(body["times"], [len(c.times) for c in problem.classes])
            rooms = _indices(body["rooms"], [len(c.rooms) for c in problem.classes])
            students = tuple(_attended(s, problem) for s in body["students"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise Malformed(f"Not a solution: {error}") from error
        if len(students) != len(problem.students):
            raise Malformed("Not a solution of this problem: students differ.")
        return cls(times, rooms, students)


def timetable_of(problem: Problem, solution: Solution) -> Timetable:
    """Say a solution with the ids of its problem; unassigned classes are left out."""
    attending: list[list[str]] = [[] for _ in problem.classes]
    for student, classes in zip(problem.students, solution.students, strict=True):
        for index in classes:
            attending[index].append(student.id)
    placements = []
    for index, class_ in enumerate(problem.classes):
        time, room = int(solution.times[index]), int(solution.rooms[index])
        if time == UNASSIGNED:
            continue
        at = class_.times[time].time
        room_id = None
        if room != UNASSIGNED:
            room_id = problem.rooms[class_.rooms[room].room].id
        placements.append(
            Placement(
                class_.id, at.days, at.start, at.weeks, room_id, tuple(attending[index])
            )
        )
    return Timetable(problem.name, tuple(placements), problem.n_days, problem.n_weeks)


def solution_of(problem: Problem, timetable: Timetable) -> Solution:
    """Find the indices of what a timetable names; what it lacks stays unassigned.

    Raises
    ------
    Malformed
        When a class, time, room or student is not one that the problem lists.
    """
    class_index = {c.id: i for i, c in enumerate(problem.classes)}
    student_index = {s.id: i for i, s in enumerate(problem.students)}
    times = np.full(len(problem.classes), UNASSIGNED, np.int32)
    rooms = np.full(len(problem.classes), UNASSIGNED, np.int32)
    attended: list[set[int]] = [set() for _ in problem.students]
    for placement in timetable.placements:
        try:
            index = class_index[placement.class_id]
            times[index] = _time_index(problem, index, placement)
            rooms[index] = _room_index(problem, index, placement)
            for student_id in placement.student_ids:
                attended[student_index[student_id]].add(index)
        except (KeyError, ValueError) as error:
            raise Malformed(
                f"Class {placement.class_id}: not in the problem: {error}"
            ) from error
    return Solution(times, rooms, tuple(tuple(sorted(s)) for s in attended))


def _indices(values: Sequence[int], bounds: Sequence[int]) -> NDArray[np.int32]:
    if len(values) != len(bounds):
        raise ValueError("wrong number of classes")
    for value, bound in zip(values, bounds, strict=True):
        if type(value) is not int or not UNASSIGNED <= value < bound:
            raise ValueError(f"index {value!r} out of range")
    return np.asarray(values, np.int32)


def _attended(values: Sequence[int], problem: Problem) -> tuple[int, ...]:
    for value in values:
        if type(value) is not int or not 0 <= value < len(problem.classes):
            raise ValueError(f"class {value!r} does not exist")
    return tuple(sorted(values))


def _time_index(problem: Problem, index: int, placement: Placement) -> int:
    wanted = (placement.days, placement.start, placement.weeks)
    for i, option in enumerate(problem.classes[index].times):
        time = option.time
        if (time.days, time.start, time.weeks) == wanted:
            return i
    raise ValueError(f"time {wanted}")


def _room_index(problem: Problem, index: int, placement: Placement) -> int:
    if placement.room_id is None:
        return UNASSIGNED
    for i, option in enumerate(problem.classes[index].rooms):
        if problem.rooms[option.room].id == placement.room_id:
            return i
    raise ValueError(f"room {placement.room_id}")
