"""Who may sit where: courses, chains of classes and requests as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.errors import Malformed
from collegium.timetabling.arrays import I16, I32, NEVER_MEET, NO_MATES
from collegium.timetabling.problem import Configuration, Problem

UNLIMITED = 1 << 30


@dataclass(frozen=True)
class Enrolment:
    """The students' side of ``Model``; fields are named and shaped as there.

    Parameters
    ----------
    limit, parent, order, configuration, course : (n_classes,).
    demand : (n_classes,) students who request the class's course.
    meetings : (n_courses, n_courses) whether somebody requests both.
    """

    limit: I32
    parent: I32
    order: I32
    configuration: I32
    course: I32
    demand: I32
    meetings: NDArray[np.bool_]
    seats: I32
    students: I32
    requests: I32
    flexible: I32
    courses: I32
    course_classes: I32
    course_requests: I32
    configurations: I32
    subparts: I32
    subpart_classes: I32


def enrolment_of(problem: Problem) -> Enrolment:
    """Lay out courses and requests.

    Raises
    ------
    Malformed
        When the subparts of a configuration need each other's classes as parents.
    """
    tree = _CourseTree(problem)
    wanted = [tuple(dict.fromkeys(s.courses)) for s in problem.students]
    requests, students, seats = _requests(wanted, tree.widths)
    by_course: list[list[int]] = [[] for _ in problem.courses]
    for number, request in enumerate(requests):
        by_course[request[1]].append(number)
    ends = np.cumsum([0, *map(len, by_course)])
    courses = [
        (first, last, ends[i], ends[i + 1])
        for i, (first, last) in enumerate(tree.course_classes_at)
    ]
    flexible = [n for n, request in enumerate(requests) if tree.is_flexible[request[1]]]
    demand = np.zeros(len(problem.classes), np.int32)
    for c, course in enumerate(tree.course):
        if course >= 0:
            demand[c] = len(by_course[course])
    return Enrolment(
        limit=_limits(problem, tree),
        parent=_parents(problem, tree),
        order=_table(tree.order),
        configuration=_table(tree.configuration),
        course=_table(tree.course),
        demand=demand,
        meetings=_meetings(wanted, len(problem.courses)),
        seats=_table(seats),
        students=_table(students, 2),
        requests=_table(requests, 4),
        flexible=_table(flexible),
        courses=_table(courses, 4),
        course_classes=_table(tree.course_classes),
        course_requests=_table([n for numbers in by_course for n in numbers]),
        configurations=_table(tree.configurations, 2),
        subparts=_table(tree.subparts, 2),
        subpart_classes=_table(tree.subpart_classes),
    )


def mate_table(enrolment: Enrolment, can_meet: NDArray[np.bool_]) -> tuple[I16, I32]:
    """Say which classes can have common students whose presence matters.

    Parameters
    ----------
    can_meet : (n_classes, n_classes) whether two classes can ever be in conflict.

    Returns
    -------
    (n_classes, n_classes) NO_MATES or NEVER_MEET; (n_classes + 1,) where the rows
    of a class begin when every class has room for all its possible mates.
    """
    course = enrolment.course
    shared = enrolment.meetings[np.ix_(course, course)] & can_meet
    np.fill_diagonal(shared, val=False)
    table = np.where(shared, NO_MATES, NEVER_MEET).astype(np.int16)
    return table, np.cumsum([0, *shared.sum(axis=1)]).astype(np.int32)


class _CourseTree:
    """Courses, configurations and subparts as rows, parents' subparts first."""

    def __init__(self, problem: Problem) -> None:
        n = len(problem.classes)
        self.order, self.configuration, self.course = [0] * n, [-1] * n, [-1] * n
        self.course_classes: list[int] = []
        self.course_classes_at: list[tuple[int, int]] = []
        self.configurations: list[tuple[int, int]] = []
        self.subparts: list[tuple[int, int]] = []
        self.subpart_classes: list[int] = []
        self.widths: list[int] = []
        self.is_flexible: list[bool] = []
        for number, course in enumerate(problem.courses):
            first = len(self.course_classes)
            for configuration in course.configurations:
                self._add(problem, number, configuration)
            self.course_classes_at.append((first, len(self.course_classes)))
            widths = [len(c.subparts) for c in course.configurations]
            self.widths.append(max(widths, default=0))
            self.is_flexible.append(
                len(self.course_classes) - first > min(widths, default=0)
            )

    def is_attendable(self, problem: Problem, c: int) -> bool:
        """Say whether a chain can hold c and its parent."""
        parent = problem.classes[c].parent
        return parent is None or (
            self.configuration[parent] == self.configuration[c]
            and self.order[parent] < self.order[c]
        )

    def _add(self, problem: Problem, course: int, configuration: Configuration) -> None:
        first = len(self.subparts)
        subparts = _parents_first(problem, configuration)
        for position, classes in enumerate(subparts):
            begin = len(self.subpart_classes)
            self.subpart_classes.extend(classes)
            self.course_classes.extend(classes)
            self.subparts.append((begin, len(self.subpart_classes)))
            for c in classes:
                self.order[c] = position
                self.configuration[c] = len(self.configurations)
                self.course[c] = course
        self.configurations.append((first, len(self.subparts)))


def _parents_first(
    problem: Problem, configuration: Configuration
) -> list[tuple[int, ...]]:
    home = {
        c: position
        for position, subpart in enumerate(configuration.subparts)
        for c in subpart.classes
    }
    needs: list[set[int]] = []
    for position, subpart in enumerate(configuration.subparts):
        parents = (problem.classes[c].parent for c in subpart.classes)
        homes = {home[p] for p in parents if p is not None and p in home}
        needs.append(homes - {position})
    done: list[int] = []
    while len(done) < len(needs):
        ready = [
            p for p, need in enumerate(needs) if p not in done and need <= set(done)
        ]
        if not ready:
            raise Malformed(f"Configuration {configuration.id}: parents in a circle.")
        done.extend(ready)
    return [configuration.subparts[p].classes for p in done]


def _requests(
    wanted: Sequence[tuple[int, ...]], widths: Sequence[int]
) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int]], list[int]]:
    requests: list[tuple[int, int, int, int]] = []
    students: list[tuple[int, int]] = []
    seats: list[int] = []
    for student, courses in enumerate(wanted):
        begin = len(seats)
        for course in courses:
            first = len(seats)
            seats.extend([len(requests)] * widths[course])
            requests.append((student, course, first, len(seats)))
        students.append((begin, len(seats)))
    return requests, students, seats


def _limits(problem: Problem, tree: _CourseTree) -> I32:
    """Return the limits; 0 where nobody can attend the parent too."""
    limits = []
    for c, class_ in enumerate(problem.classes):
        limit = UNLIMITED if class_.limit is None else min(class_.limit, UNLIMITED)
        limits.append(limit if tree.is_attendable(problem, c) else 0)
    return _table(limits)


def _parents(problem: Problem, tree: _CourseTree) -> I32:
    return _table(
        [
            -1
            if class_.parent is None or not tree.is_attendable(problem, c)
            # The parent comes in an earlier subpart of the same configuration.
            else class_.parent
            for c, class_ in enumerate(problem.classes)
        ]
    )


def _meetings(wanted: Sequence[tuple[int, ...]], n: int) -> NDArray[np.bool_]:
    meetings = np.zeros((n, n), np.bool_)
    for courses in set(wanted):
        meetings[np.ix_(courses, courses)] = True
    return meetings


def _table(rows: Sequence[object], columns: int = 0) -> I32:
    table = np.asarray(rows, np.int32)
    return table.reshape(-1, columns) if columns else table
