"""An ITC-2019 instance file becomes a ``Problem``, or one clear error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collegium.errors import Malformed, TooLarge, Unreadable
from collegium.timetabling.itc2019.markup import (
    Element,
    bits,
    boolean,
    children,
    integer,
    only,
    placed,
    refuse,
    root_of,
    shown,
    text,
)
from collegium.timetabling.itc2019.storage import DEFAULT_LIMITS, Limits
from collegium.timetabling.problem import (
    PARAMETER_COUNT,
    Class,
    Configuration,
    Course,
    Distribution,
    DistributionType,
    Problem,
    Room,
    RoomOption,
    Student,
    Subpart,
    Time,
    TimeOption,
    Weights,
)

MOST_DAYS = 7
MOST_WEEKS = 60
MOST_SLOTS_PER_DAY = 1440
_TYPE = re.compile(r"([A-Za-z]+)(?:\((\d{1,9}(?:, ?\d{1,9})*)\))?", re.ASCII)
_TYPES = {kind.value: kind for kind in DistributionType}


def read_problem(source: Path | bytes, limits: Limits = DEFAULT_LIMITS) -> Problem:
    """Read an instance, plain or gzip-compressed.

    No two classes, rooms, courses or students have the same id. A class may stand
    only once in a distribution, and a room or a time (days, start, weeks) only once
    in a class: a solution could not say which of two was meant.

    Raises
    ------
    Unreadable
        When there is no such file, or it is damaged, or not well-formed.
    TooLarge
        When it passes a limit.
    Malformed
        When it breaks a rule of the format; the error names the line.
    """
    try:
        return _problem(root_of(source, limits, "problem"), limits)
    except (Unreadable, TooLarge, Malformed) as error:
        raise placed(source, error) from error


@dataclass
class _Reading:
    """What has been read so far and is referred to by id."""

    n_days: int
    n_weeks: int
    slots_per_day: int
    rooms: dict[str, int] = field(default_factory=dict)
    courses: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    # Instances name a few hundred times tens of thousands of times over.
    times: dict[tuple[str | None, ...], Time] = field(default_factory=dict)


def _problem(root: Element, limits: Limits) -> Problem:
    for _ in children(
        root, "optimization", "rooms", "courses", "distributions", "students"
    ):
        pass
    reading = _Reading(
        n_days=integer(root, "nrDays", least=1, most=MOST_DAYS),
        n_weeks=integer(root, "nrWeeks", least=1, most=MOST_WEEKS),
        slots_per_day=integer(root, "slotsPerDay", least=1, most=MOST_SLOTS_PER_DAY),
    )
    weights = _weights(root)
    rooms = _rooms(_section(root, "rooms", "room"), reading)
    courses, classes = _courses(_section(root, "courses", "course"), reading)
    return Problem(
        name=text(root, "name"),
        n_days=reading.n_days,
        n_weeks=reading.n_weeks,
        slots_per_day=reading.slots_per_day,
        weights=weights,
        rooms=rooms,
        courses=courses,
        classes=classes,
        distributions=_distributions(
            _section(root, "distributions", "distribution"), reading, limits
        ),
        students=_students(_section(root, "students", "student"), reading),
    )


def _section(root: Element, name: str, tag: str) -> list[Element]:
    section = only(root, name)
    return [] if section is None else list(children(section, tag))


def _weights(root: Element) -> Weights:
    found = only(root, "optimization")
    if found is None:
        refuse(root, "<optimization> is missing")
    return Weights(
        time=integer(found, "time"),
        room=integer(found, "room"),
        distribution=integer(found, "distribution"),
        student=integer(found, "student"),
    )


def _rooms(elements: Sequence[Element], reading: _Reading) -> tuple[Room, ...]:
    for element in elements:
        _register(element, reading.rooms)
    travel: list[dict[int, int]] = [{} for _ in elements]
    unavailable: list[list[Time]] = [[] for _ in elements]
    for index, element in enumerate(elements):
        for child in children(element, "travel", "unavailable"):
            if child.tag == "travel":
                _add_travel(child, index, reading, travel)
            else:
                unavailable[index].append(_time(child, reading))
    return tuple(
        Room(
            text(element, "id"),
            integer(element, "capacity"),
            travel[index],
            tuple(unavailable[index]),
        )
        for index, element in enumerate(elements)
    )


def _add_travel(
    element: Element, here: int, reading: _Reading, travel: list[dict[int, int]]
) -> None:
    there = _known(element, "room", reading.rooms)
    slots = integer(element, "value", most=reading.slots_per_day)
    if there == here:
        refuse(element, "a room has no travel to itself")
    if travel[here].setdefault(there, slots) != slots:
        refuse(element, f"travel to room {shown(text(element, 'room'))} differs")
    travel[there][here] = slots


def _courses(
    elements: Sequence[Element], reading: _Reading
) -> tuple[tuple[Course, ...], tuple[Class, ...]]:
    classes: list[Class] = []
    parents: list[Element] = []
    courses = tuple(_course(e, reading, classes, parents) for e in elements)
    # A class may come before its parent, so parents are found at the end.
    for index, element in enumerate(parents):
        if element.get("parent") is not None:
            parent = _known(element, "parent", reading.classes)
            classes[index] = _with_parent(classes[index], parent)
    _refuse_cycles(classes, parents)
    return courses, tuple(classes)


def _course(
    element: Element, reading: _Reading, classes: list[Class], parents: list[Element]
) -> Course:
    _register(element, reading.courses)
    configurations = []
    for config in children(element, "config"):
        subparts = []
        for subpart in children(config, "subpart"):
            indices = []
            for class_ in children(subpart, "class"):
                indices.append(_register(class_, reading.classes))
                classes.append(_class(class_, reading))
                parents.append(class_)
            subparts.append(Subpart(text(subpart, "id"), tuple(indices)))
        _refuse_twice(config, [s.id for s in subparts], "subpart")
        configurations.append(Configuration(text(config, "id"), tuple(subparts)))
    _refuse_twice(element, [c.id for c in configurations], "config")
    return Course(text(element, "id"), tuple(configurations))


def _class(element: Element, reading: _Reading) -> Class:
    limit = element.get("limit")
    needs_room = boolean(element, "room", default=True)
    rooms: list[RoomOption] = []
    times: list[TimeOption] = []
    for child in children(element, "room", "time"):
        penalty = integer(child, "penalty", default=0)
        if child.tag == "room":
            rooms.append(RoomOption(_known(child, "id", reading.rooms), penalty))
        else:
            times.append(TimeOption(_time(child, reading), penalty))
    if rooms and not needs_room:
        refuse(element, 'room="false", yet rooms are listed')
    _refuse_twice(element, [o.room for o in rooms], "room")
    starts = [(o.time.days, o.time.start, o.time.weeks) for o in times]
    _refuse_twice(element, starts, "time")
    return Class(
        id=text(element, "id"),
        limit=None if limit is None else integer(element, "limit"),
        parent=None,
        needs_room=needs_room,
        rooms=tuple(rooms),
        times=tuple(times),
    )


def _with_parent(class_: Class, parent: int) -> Class:
    return Class(
        class_.id, class_.limit, parent, class_.needs_room, class_.rooms, class_.times
    )


def _refuse_cycles(classes: Sequence[Class], elements: Sequence[Element]) -> None:
    ends_well: set[int | None] = {None}
    for index in range(len(classes)):
        path: dict[int, None] = {}
        at: int | None = index
        while at is not None and at not in ends_well:
            if at in path:
                refuse(elements[at], "the class is its own ancestor")
            path[at] = None
            at = classes[at].parent
        ends_well.update(path)


def _time(element: Element, reading: _Reading) -> Time:
    get = element.get
    key = (get("days"), get("start"), get("length"), get("weeks"))
    known = reading.times.get(key)
    if known is not None:
        return known
    days = bits(element, "days", reading.n_days)
    weeks = bits(element, "weeks", reading.n_weeks)
    start = integer(element, "start", most=reading.slots_per_day - 1)
    length = integer(element, "length", least=1, most=reading.slots_per_day)
    if not days or not weeks:
        refuse(element, "must have at least one day and one week")
    if start + length > reading.slots_per_day:
        refuse(element, f"start {start} and length {length} pass the end of the day")
    time = Time(days, start, length, weeks)
    reading.times[key] = time
    return time


def _distributions(
    elements: Sequence[Element], reading: _Reading, limits: Limits
) -> tuple[Distribution, ...]:
    pairs = 0
    distributions = []
    for element in elements:
        distribution = _distribution(element, reading)
        distributions.append(distribution)
        n_classes = len(distribution.classes)
        pairs += n_classes * (n_classes - 1) // 2
        if pairs > limits.class_pairs:
            raise TooLarge(
                f"line {element.sourceline}: distributions of more than "
                f"{limits.class_pairs} pairs of classes"
            )
    return tuple(distributions)


def _distribution(element: Element, reading: _Reading) -> Distribution:
    kind, parameters = _type(element)
    classes = tuple(
        _known(child, "id", reading.classes) for child in children(element, "class")
    )
    _refuse_twice(element, classes, "class")
    return Distribution(
        type=kind,
        parameters=parameters,
        required=boolean(element, "required", default=False),
        penalty=integer(element, "penalty", default=0),
        classes=classes,
    )


def _type(element: Element) -> tuple[DistributionType, tuple[int, ...]]:
    said = text(element, "type")
    match = _TYPE.fullmatch(said)
    name = match.group(1) if match else said
    kind = _TYPES.get(name)
    if kind is None:
        known = ", ".join(_TYPES)
        refuse(element, f"unknown type {shown(said)}; known are {known}")
    listed = match.group(2) if match else None
    parameters = tuple(int(p) for p in listed.split(",")) if listed else ()
    if len(parameters) != PARAMETER_COUNT[kind]:
        refuse(element, f"{kind} takes {PARAMETER_COUNT[kind]} parameters: {said}")
    return kind, parameters


def _students(elements: Sequence[Element], reading: _Reading) -> tuple[Student, ...]:
    known: dict[str, int] = {}
    students = []
    for element in elements:
        _register(element, known)
        courses = tuple(
            _known(child, "id", reading.courses)
            for child in children(element, "course")
        )
        _refuse_twice(element, courses, "course")
        students.append(Student(text(element, "id"), courses))
    return tuple(students)


def _register(element: Element, known: dict[str, int]) -> int:
    identity = text(element, "id")
    index = len(known)
    if known.setdefault(identity, index) != index:
        refuse(element, f"a second {element.tag} of this id")
    return index


def _known(element: Element, name: str, known: dict[str, int]) -> int:
    index = known.get(element.get(name, ""))
    if index is None:
        refuse(element, f"{name} {shown(text(element, name))} does not exist")
    return index


def _refuse_twice(element: Element, values: Sequence[object], what: str) -> None:
    if len(set(values)) < len(values):
        refuse(element, f"lists a {what} twice")
