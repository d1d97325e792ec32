"""What is taught and who takes it: courses, their classes, students' requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from collegium.timetabling.generate.university import SampleSize

CLASSES_PER_COURSE = 3.5
SECTIONS_PER_LECTURE = 4
_CORE_COURSES = 4
_ELECTIVES = 8
_COURSES_PER_CURRICULUM = 6
_ONLINE_EVERY = 5


class Form(StrEnum):
    """How a course is taught; sections are what its students divide into."""

    LECTURE_RECITATION = "lecture, recitations"
    TWO_WAYS = "lecture and recitations, or online"
    SEMINAR = "seminars"
    LECTURE_LAB = "lecture, laboratories"
    HALVES = "two half-semester modules"
    FULL = "lecture, recitations, laboratories"


class Kind(StrEnum):
    """What a class is."""

    LECTURE = "Lecture"
    RECITATION = "Recitation"
    LAB = "Laboratory"
    SEMINAR = "Seminar"
    FIRST_HALF = "First module"
    SECOND_HALF = "Second module"
    ONLINE = "Online group"


@dataclass(slots=True)
class Section:
    """A class to be; its index is that of the class.

    Parameters
    ----------
    twin : a class that it takes place together with: at the same time in another
        room, or the first half of what this is the second half of.
    """

    course: int
    kind: Kind
    number: int
    parent: int | None = None
    twin: int | None = None
    students: list[int] = field(default_factory=list)
    limit: int | None = None
    instructor: int = 0


@dataclass(slots=True)
class Curriculum:
    """All that is taught.

    Parameters
    ----------
    requests : for each student the courses, ascending.
    layout : for each course its configurations, of subparts, of sections.
    """

    forms: list[Form]
    requests: list[list[int]]
    sections: list[Section] = field(default_factory=list)
    layout: list[list[list[list[int]]]] = field(default_factory=list)


def draft_curriculum(size: SampleSize, chance: Random) -> Curriculum:
    """Return courses of exactly as many classes, with every student in theirs."""
    n_courses = max(3, round(size.n_classes / CLASSES_PER_COURSE))
    forms = [list(Form)[index % len(Form)] for index in range(n_courses)]
    curriculum = Curriculum(forms, _requests(size.n_students, n_courses, chance))
    takers = _takers(curriculum.requests, n_courses, chance)
    lectures, sections = _numbers(size.n_classes, forms, [len(t) for t in takers])
    for course, form in enumerate(forms):
        _add_course(curriculum, course, form, lectures[course], sections[course])
        _enrol(curriculum, course, form, takers[course], sections[course])
    for section in curriculum.sections:
        section.limit = _limit(section, chance)
        section.instructor = chance.randrange(max(1, size.n_classes // 3))
    return curriculum


def _requests(n_students: int, n_courses: int, chance: Random) -> list[list[int]]:
    """Return courses per student: most of the core of a curriculum, some electives."""
    curricula = []
    for _ in range(max(1, n_courses // _COURSES_PER_CURRICULUM)):
        core = chance.sample(range(n_courses), min(_CORE_COURSES, n_courses))
        electives = chance.sample(range(n_courses), min(_ELECTIVES, n_courses))
        curricula.append((core, electives))
    requests = []
    for _ in range(n_students):
        core, electives = chance.choice(curricula)
        chosen = set(core[: chance.randint(_CORE_COURSES - 1, _CORE_COURSES)])
        chosen.update(chance.sample(electives, min(2, len(electives))))
        requests.append(sorted(chosen))
    return requests


def _takers(
    requests: Sequence[Sequence[int]], n_courses: int, chance: Random
) -> list[list[int]]:
    takers: list[list[int]] = [[] for _ in range(n_courses)]
    for student, courses in enumerate(requests):
        for course in courses:
            takers[course].append(student)
    for students in takers:
        chance.shuffle(students)
    return takers


def _numbers(
    n_classes: int, forms: Sequence[Form], demands: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Return lectures and sections of each course that make up the classes exactly."""
    low, high = 1, max([1, *demands])
    while low < high:  # the smallest section size that needs no more classes
        size = (low + high) // 2
        sections = [max(1, -(-demand // size)) for demand in demands]
        if _total(forms, _lectures(sections), sections) <= n_classes:
            high = size
        else:
            low = size + 1
    sections = [max(1, -(-demand // high)) for demand in demands]
    lectures = _lectures(sections)
    one_more = [c for c, f in enumerate(forms) if f not in (Form.HALVES, Form.FULL)]
    for _ in range(n_classes - _total(forms, lectures, sections)):
        fullest = max(one_more, key=lambda c: (demands[c] / sections[c], -c))
        sections[fullest] += 1
    return lectures, sections


def _lectures(sections: Sequence[int]) -> list[int]:
    return [-(-n // SECTIONS_PER_LECTURE) for n in sections]


def _total(
    forms: Sequence[Form], lectures: Sequence[int], sections: Sequence[int]
) -> int:
    total = 0
    for form, n_lectures, n in zip(forms, lectures, sections, strict=True):
        total += {
            Form.SEMINAR: n,
            Form.HALVES: 2 * n,
            Form.FULL: n_lectures + 2 * n,
            Form.TWO_WAYS: n_lectures + n + 1,
        }.get(form, n_lectures + n)
    return total


def _add_course(
    curriculum: Curriculum, course: int, form: Form, n_lectures: int, n: int
) -> None:
    def add(kind: Kind, count: int, parents: Sequence[int] = ()) -> list[int]:
        indices = []
        for number in range(count):
            parent = parents[number * len(parents) // count] if parents else None
            indices.append(len(curriculum.sections))
            curriculum.sections.append(Section(course, kind, number + 1, parent))
        return indices

    if form is Form.SEMINAR:
        configurations = [[add(Kind.SEMINAR, n)]]
    elif form is Form.HALVES:
        configurations = [[add(Kind.FIRST_HALF, n), add(Kind.SECOND_HALF, n)]]
        _pair(curriculum, *configurations[0])
    elif form is Form.LECTURE_LAB:
        configurations = [[add(Kind.LECTURE, n_lectures), add(Kind.LAB, n)]]
    else:
        lectures = add(Kind.LECTURE, n_lectures)
        recitations = add(Kind.RECITATION, n, lectures)
        configurations = [[lectures, recitations]]
        if form is Form.FULL:
            configurations[0].append(add(Kind.LAB, n, recitations))
        if form is Form.TWO_WAYS:
            configurations.append([add(Kind.ONLINE, 1)])
            _pair(curriculum, recitations[:1], recitations[1:2])
    curriculum.layout.append(configurations)


def _pair(
    curriculum: Curriculum, firsts: Sequence[int], seconds: Sequence[int]
) -> None:
    for first, second in zip(firsts, seconds, strict=False):
        curriculum.sections[second].twin = first


def _enrol(
    curriculum: Curriculum, course: int, form: Form, takers: Sequence[int], n: int
) -> None:
    """Deal the students out to the sections; who sits in a class sits in its parent."""
    configurations = curriculum.layout[course]
    for turn, student in enumerate(takers):
        if form is Form.TWO_WAYS and turn % _ONLINE_EVERY == 0:
            attended = [configurations[1][0][0]]
        else:
            attended = _attended(curriculum, configurations[0], turn % n)
        for index in attended:
            curriculum.sections[index].students.append(student)


def _attended(
    curriculum: Curriculum, subparts: Sequence[Sequence[int]], section: int
) -> list[int]:
    attended: list[int] = []
    for subpart in reversed(subparts):  # a parent stands in an earlier subpart
        child = attended[-1] if attended else None
        parent = curriculum.sections[child].parent if child is not None else None
        attended.append(
            parent if parent is not None else subpart[section % len(subpart)]
        )
    return attended


def _limit(section: Section, chance: Random) -> int | None:
    if section.kind is Kind.ONLINE:
        return None
    taken = len(section.students)
    return max(5, taken + chance.randint(0, max(1, taken // 8)))
