"""A ``Problem`` becomes an ITC-2019 instance file."""

from __future__ import annotations

from lxml import etree

from collegium.errors import Malformed
from collegium.timetabling.itc2019.markup import Element, bit_string
from collegium.timetabling.problem import (
    Class,
    Course,
    Distribution,
    Problem,
    Room,
    Time,
)

DOCTYPE = (
    '<!DOCTYPE problem PUBLIC "-//ITC 2019//DTD Problem Format/EN" '
    '"http://www.itc2019.org/competition-format.dtd">'
)


def write_problem(problem: Problem) -> bytes:
    """Return the instance as UTF-8 XML; reading it gives the equal problem.

    Raises
    ------
    Malformed
        When a name or id holds characters that XML cannot say.
    """
    try:
        root = etree.Element(
            "problem",
            name=problem.name,
            nrDays=str(problem.n_days),
            slotsPerDay=str(problem.slots_per_day),
            nrWeeks=str(problem.n_weeks),
        )
        _add_weights(root, problem)
        _add_rooms(root, problem)
        _add_courses(root, problem)
        _add_distributions(root, problem)
        _add_students(root, problem)
    except ValueError as error:
        raise Malformed(f"Cannot be written as XML: {error}") from error
    xml: bytes = etree.tostring(
        root, encoding="UTF-8", xml_declaration=True, pretty_print=True, doctype=DOCTYPE
    )
    return xml


def _add_weights(root: Element, problem: Problem) -> None:
    weights = problem.weights
    etree.SubElement(
        root,
        "optimization",
        time=str(weights.time),
        room=str(weights.room),
        distribution=str(weights.distribution),
        student=str(weights.student),
    )


def _add_rooms(root: Element, problem: Problem) -> None:
    section = etree.SubElement(root, "rooms")
    for index, room in enumerate(problem.rooms):
        element = etree.SubElement(
            section, "room", id=room.id, capacity=str(room.capacity)
        )
        _add_travel(element, index, room, problem)
        for time in room.unavailable:
            etree.SubElement(element, "unavailable", _time(time, problem))


def _add_travel(element: Element, here: int, room: Room, problem: Problem) -> None:
    for there, slots in room.travel.items():
        if here < there:  # it is symmetric, and the format says it once
            etree.SubElement(
                element, "travel", room=problem.rooms[there].id, value=str(slots)
            )


def _add_courses(root: Element, problem: Problem) -> None:
    section = etree.SubElement(root, "courses")
    for course in problem.courses:
        _add_course(section, course, problem)


def _add_course(section: Element, course: Course, problem: Problem) -> None:
    element = etree.SubElement(section, "course", id=course.id)
    for configuration in course.configurations:
        config = etree.SubElement(element, "config", id=configuration.id)
        for part in configuration.subparts:
            subpart = etree.SubElement(config, "subpart", id=part.id)
            for index in part.classes:
                _add_class(subpart, problem.classes[index], problem)


def _add_class(subpart: Element, class_: Class, problem: Problem) -> None:
    element = etree.SubElement(subpart, "class", id=class_.id)
    if class_.limit is not None:
        element.set("limit", str(class_.limit))
    if class_.parent is not None:
        element.set("parent", problem.classes[class_.parent].id)
    if not class_.needs_room:
        element.set("room", "false")
    for room in class_.rooms:
        etree.SubElement(
            element,
            "room",
            id=problem.rooms[room.room].id,
            penalty=str(room.penalty),
        )
    for option in class_.times:
        time = etree.SubElement(element, "time", _time(option.time, problem))
        time.set("penalty", str(option.penalty))


def _add_distributions(root: Element, problem: Problem) -> None:
    section = etree.SubElement(root, "distributions")
    for distribution in problem.distributions:
        element = etree.SubElement(section, "distribution", type=_type(distribution))
        if distribution.required:
            element.set("required", "true")
        if distribution.penalty or not distribution.required:
            element.set("penalty", str(distribution.penalty))
        for index in distribution.classes:
            etree.SubElement(element, "class", id=problem.classes[index].id)


def _add_students(root: Element, problem: Problem) -> None:
    section = etree.SubElement(root, "students")
    for student in problem.students:
        element = etree.SubElement(section, "student", id=student.id)
        for course in student.courses:
            etree.SubElement(element, "course", id=problem.courses[course].id)


def _time(time: Time, problem: Problem) -> dict[str, str]:
    return {
        "days": bit_string(time.days, problem.n_days),
        "start": str(time.start),
        "length": str(time.length),
        "weeks": bit_string(time.weeks, problem.n_weeks),
    }


def _type(distribution: Distribution) -> str:
    if not distribution.parameters:
        return distribution.type.value
    parameters = ",".join(str(p) for p in distribution.parameters)
    return f"{distribution.type.value}({parameters})"
