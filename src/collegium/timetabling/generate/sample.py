"""A sample university, put together from its rooms, courses and hidden timetable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from collegium.errors import Invalid
from collegium.timetabling.generate.campus import (
    campus_of,
    campus_rooms,
    sample_buildings,
)
from collegium.timetabling.generate.curriculum import (
    Curriculum,
    Kind,
    Section,
    draft_curriculum,
)
from collegium.timetabling.generate.names import (
    CAMPUSES,
    DEPARTMENTS,
    UNIVERSITY,
    course_name,
)
from collegium.timetabling.generate.planting import (
    FRIDAY,
    SATURDAY,
    Garden,
    Weeks,
    listed_times,
)
from collegium.timetabling.generate.university import (
    SampleCourse,
    SampleSize,
    SampleUniversity,
)
from collegium.timetabling.generate.wishes import draft_distributions
from collegium.timetabling.problem import (
    Class,
    Configuration,
    Course,
    Problem,
    Room,
    RoomOption,
    Student,
    Subpart,
    Time,
    TimeOption,
    Weights,
)
from collegium.timetabling.solution import Placement, Timetable
from collegium.timetabling.validate.placed import place

DEFAULT_SIZE = SampleSize()
_ATTEMPTS = 10
_MOST_TIMES = 20
_MOST_ROOMS = 12
_FIXED_SHARE = 0.04
_OTHER_CAMPUS_PENALTY = 4
_SEATS_PER_PENALTY = 25


def generate(size: SampleSize = DEFAULT_SIZE, seed: int = 0) -> Problem:
    """Return the problem of a sample university; the same for the same arguments.

    Raises
    ------
    Invalid
        When the rooms are too few for the classes.
    """
    return sample_university(size, seed).problem


def generate_with_solution(
    size: SampleSize = DEFAULT_SIZE, seed: int = 0
) -> tuple[Problem, Timetable]:
    """Return the problem with a timetable of it that is feasible, but not the best."""
    university = sample_university(size, seed)
    return university.problem, university.timetable


def sample_university(
    size: SampleSize = DEFAULT_SIZE, seed: int = 0
) -> SampleUniversity:
    """Return the problem, its hidden timetable, and the names of all things in it."""
    chance = Random(seed)
    curriculum = draft_curriculum(size, chance)
    roomed = [s for s in curriculum.sections if s.kind is not Kind.ONLINE]
    rooms, named_rooms = campus_rooms(size, [s.limit or 0 for s in roomed], chance)
    garden = _planted(curriculum, rooms, size, chance)
    problem = _problem(f"sample-{size.n_classes}-{seed}", size, curriculum, rooms)
    problem = replace(
        problem, classes=_classes(curriculum, garden, rooms, size, chance)
    )
    timetable = _timetable(problem, curriculum, garden)
    placed = place(problem, timetable, [])
    distributions = draft_distributions(problem, placed, curriculum, chance)
    return SampleUniversity(
        name=UNIVERSITY,
        problem=replace(problem, distributions=distributions),
        timetable=timetable,
        campuses=CAMPUSES,
        buildings=sample_buildings(),
        rooms=named_rooms,
        courses=tuple(
            SampleCourse(course.id, *course_name(index))
            for index, course in enumerate(problem.courses)
        ),
        class_names=tuple(f"{s.kind} {s.number}" for s in curriculum.sections),
    )


def _planted(
    curriculum: Curriculum, rooms: Sequence[Room], size: SampleSize, chance: Random
) -> Garden:
    """Return a hidden timetable; few rooms may take several attempts."""
    for _ in range(_ATTEMPTS):
        garden = Garden(curriculum, rooms, size.n_weeks)
        if garden.plant(chance):
            return garden
    raise Invalid(
        f"{size.n_rooms} rooms are too few for {size.n_classes} classes: "
        f"no timetable found in {_ATTEMPTS} attempts."
    )


def _problem(
    name: str, size: SampleSize, curriculum: Curriculum, rooms: tuple[Room, ...]
) -> Problem:
    return Problem(
        name=name,
        n_days=7,
        n_weeks=size.n_weeks,
        slots_per_day=288,
        weights=Weights(time=2, room=1, distribution=10, student=5),
        rooms=rooms,
        courses=_courses(curriculum),
        classes=(),
        distributions=(),
        students=tuple(
            Student(str(index + 1), tuple(courses))
            for index, courses in enumerate(curriculum.requests)
        ),
    )


def _courses(curriculum: Curriculum) -> tuple[Course, ...]:
    """Return the courses; configurations and subparts are numbered throughout."""
    n_configurations = n_subparts = 0
    courses = []
    for index, layout in enumerate(curriculum.layout):
        configurations = []
        for subparts in layout:
            n_configurations += 1
            parts = tuple(
                Subpart(str(n_subparts + nth + 1), tuple(sections))
                for nth, sections in enumerate(subparts)
            )
            n_subparts += len(parts)
            configurations.append(Configuration(str(n_configurations), parts))
        courses.append(Course(str(index + 1), tuple(configurations)))
    return tuple(courses)


def _classes(
    curriculum: Curriculum,
    garden: Garden,
    rooms: Sequence[Room],
    size: SampleSize,
    chance: Random,
) -> tuple[Class, ...]:
    weeks = Weeks(size.n_weeks)
    return tuple(
        Class(
            id=str(index + 1),
            limit=section.limit,
            parent=section.parent,
            needs_room=section.kind is not Kind.ONLINE,
            rooms=_room_options(section, garden, garden.rooms[index], rooms, chance),
            times=_time_options(section, garden.times[index], weeks, chance),
        )
        for index, section in enumerate(curriculum.sections)
    )


def _time_options(
    section: Section, planted: Time, weeks: Weeks, chance: Random
) -> tuple[TimeOption, ...]:
    if chance.random() < _FIXED_SHARE:
        return (TimeOption(planted),)
    listed = listed_times(section, weeks)
    chosen = {planted, *chance.sample(listed, min(_MOST_TIMES, len(listed)))}
    return tuple(
        TimeOption(time, _inconvenience(time) + chance.randint(0, 2))
        for time in listed
        if time in chosen
    )


def _inconvenience(time: Time) -> int:
    """Return how little a time is liked: early, late, Friday afternoon, Saturday."""
    penalty = 0
    if time.start < 108:
        penalty += 3
    if time.end > 216:
        penalty += 5
    if time.days & FRIDAY and time.start >= 168:
        penalty += 2
    if time.days & SATURDAY:
        penalty += 8
    return penalty


def _room_options(
    section: Section,
    garden: Garden,
    planted: int | None,
    rooms: Sequence[Room],
    chance: Random,
) -> tuple[RoomOption, ...]:
    if planted is None:
        return ()
    if chance.random() < _FIXED_SHARE:
        return (RoomOption(planted),)
    fitting = garden.fitting_rooms(section)[: 2 * _MOST_ROOMS]
    chosen = {planted, *chance.sample(fitting, min(_MOST_ROOMS, len(fitting)))}
    home = section.course % len(DEPARTMENTS) % len(CAMPUSES)
    options = []
    for room in sorted(chosen):
        spare = rooms[room].capacity - (section.limit or 0)
        penalty = spare // _SEATS_PER_PENALTY + chance.randint(0, 1)
        if campus_of(room, len(rooms)) != home:
            penalty += _OTHER_CAMPUS_PENALTY
        options.append(RoomOption(room, penalty))
    return tuple(options)


def _timetable(problem: Problem, curriculum: Curriculum, garden: Garden) -> Timetable:
    placements = []
    for index, section in enumerate(curriculum.sections):
        time, room = garden.times[index], garden.rooms[index]
        placements.append(
            Placement(
                class_id=problem.classes[index].id,
                days=time.days,
                start=time.start,
                weeks=time.weeks,
                room_id=None if room is None else problem.rooms[room].id,
                student_ids=tuple(
                    problem.students[s].id for s in sorted(section.students)
                ),
            )
        )
    return Timetable(
        problem.name,
        tuple(placements),
        problem.n_days,
        problem.n_weeks,
        technique="Hidden timetable of the sample",
    )
