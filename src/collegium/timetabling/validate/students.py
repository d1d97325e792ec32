"""Students: in the right classes, no class too full, and how often they clash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collegium.timetabling.problem import Course, HardRule, Problem
from collegium.timetabling.validate.clashes import Calendar, Walks
from collegium.timetabling.validate.placed import Placed
from collegium.timetabling.validate.report import Violation


def judge_students(problem: Problem, placed: Placed, found: list[Violation]) -> None:
    """Say which classes are too full and which students sit in the wrong ones."""
    attended: list[list[int]] = [[] for _ in problem.students]
    for index, students in enumerate(placed.attending):
        _judge_limit(problem, index, len(students), found)
        for student in students:
            attended[student].append(index)
    offer = _Offer(problem)
    for student, classes in enumerate(attended):
        _judge_student(problem, student, classes, offer, found)


def student_conflicts(problem: Problem, placed: Placed) -> int:
    """Return how many pairs of classes cannot be attended, summed over students.

    Notes
    -----
    Each class is compared with all later ones at once; a clash counts as often as
    the later class occurs among all the classes of this one's students. Time grows
    with the square of the classes and of the classes per student.
    """
    taught = [
        (meeting, students)
        for meeting, students in zip(placed.meetings, placed.attending, strict=True)
        if meeting is not None and students
    ]
    if not taught:
        return 0
    meetings = [meeting for meeting, _ in taught]
    attended = _attended(len(problem.students), [students for _, students in taught])
    calendar, walks = Calendar(meetings), Walks(problem.rooms, meetings)
    conflicts = 0
    for position, (_, students) in enumerate(taught):
        clash = np.zeros(len(taught), np.bool_)
        clash[position + 1 :] = calendar.clashes_later(position, walks.later(position))
        together = np.concatenate([attended[student] for student in students])
        conflicts += int(np.count_nonzero(clash[together]))
    return conflicts


def _attended(
    n_students: int, attending: Sequence[set[int]]
) -> list[NDArray[np.int64]]:
    """Return for each student the positions of the classes attended."""
    attended: list[list[int]] = [[] for _ in range(n_students)]
    for position, students in enumerate(attending):
        for student in students:
            attended[student].append(position)
    return [np.array(positions, np.int64) for positions in attended]


def _judge_limit(
    problem: Problem, index: int, n_students: int, found: list[Violation]
) -> None:
    class_ = problem.classes[index]
    if class_.limit is not None and n_students > class_.limit:
        found.append(
            Violation(
                HardRule.LIMIT,
                f"Class {class_.id} has {n_students} students, "
                f"its limit is {class_.limit}.",
                (class_.id,),
            )
        )


class _Offer:
    """For each class its course, configuration and subpart, numbered throughout."""

    def __init__(self, problem: Problem) -> None:
        n_classes = len(problem.classes)
        self.course, self.subpart = [-1] * n_classes, [-1] * n_classes
        self.configuration = [-1] * n_classes
        self.n_subparts: list[int] = []  # of each configuration
        n_subparts = 0
        for course, offered in enumerate(problem.courses):
            for configuration in offered.configurations:
                for subpart in configuration.subparts:
                    for index in subpart.classes:
                        self.course[index] = course
                        self.configuration[index] = len(self.n_subparts)
                        self.subpart[index] = n_subparts
                    n_subparts += 1
                self.n_subparts.append(len(configuration.subparts))

    def is_complete(self, course: Course, attended: list[int]) -> bool:
        """Whether it is one class of each subpart of one configuration, no more."""
        if not attended:
            return any(not c.subparts for c in course.configurations)
        configurations = {self.configuration[index] for index in attended}
        subparts = {self.subpart[index] for index in attended}
        return (
            len(configurations) == 1
            and len(subparts) == len(attended) == self.n_subparts[min(configurations)]
        )


def _judge_student(
    problem: Problem,
    student: int,
    classes: list[int],
    offer: _Offer,
    found: list[Violation],
) -> None:
    requested = problem.students[student].courses
    by_course: dict[int, list[int]] = {course: [] for course in requested}
    for index in classes:
        attended = by_course.get(offer.course[index])
        if attended is None:
            _say(problem, student, [index], HardRule.COURSE_NOT_REQUESTED, found)
        else:
            attended.append(index)
    for course, attended in by_course.items():
        if not offer.is_complete(problem.courses[course], attended):
            _say_incomplete(problem, student, course, attended, found)
    _judge_parents(problem, student, set(classes), found)


def _judge_parents(
    problem: Problem, student: int, attended: set[int], found: list[Violation]
) -> None:
    for index in sorted(attended):
        parent = problem.classes[index].parent
        if parent is not None and parent not in attended:
            _say(problem, student, [index, parent], HardRule.PARENT_NOT_ATTENDED, found)


def _say_incomplete(
    problem: Problem,
    student: int,
    course: int,
    attended: list[int],
    found: list[Violation],
) -> None:
    ids = tuple(problem.classes[i].id for i in attended)
    listed = f"classes {', '.join(ids)}" if ids else "no class"
    identity = problem.students[student].id
    found.append(
        Violation(
            HardRule.SECTIONING,
            f"Student {identity} attends {listed} of course "
            f"{problem.courses[course].id}, not one class of every subpart of one "
            "configuration.",
            ids,
            (identity,),
        )
    )


def _say(
    problem: Problem,
    student: int,
    classes: list[int],
    kind: HardRule,
    found: list[Violation],
) -> None:
    ids = tuple(problem.classes[i].id for i in classes)
    identity = problem.students[student].id
    what = {
        HardRule.COURSE_NOT_REQUESTED: "of a course that was not requested",
        HardRule.PARENT_NOT_ATTENDED: f"but not its parent class {ids[-1]}",
    }[kind]
    found.append(
        Violation(
            kind, f"Student {identity} attends class {ids[0]} {what}.", ids, (identity,)
        )
    )
