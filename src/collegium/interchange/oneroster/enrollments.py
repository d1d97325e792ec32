"""Take in who attends and who teaches the classes of a roster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from collegium.db.addresses import Keys
from collegium.enrolments.schemas import EnrolmentIn
from collegium.errors import CollegiumError
from collegium.interchange.enrolling import enrolled
from collegium.interchange.oneroster.roster import Roster, put
from collegium.interchange.oneroster.rows import Row, note_unread
from collegium.interchange.reports import Action
from collegium.offerings.distributions import (
    TEACHING_ASSIGNMENTS,
    TeachingAssignmentIn,
)

_UNREAD = ("beginDate", "endDate")
_BREATH = 50


@dataclass(slots=True)
class _Student:
    """The classes of one offering that a student attends.

    Parameters
    ----------
    row : the first that says so.
    """

    row: Row
    session_id: str
    person_id: str
    course_id: str | None
    class_ids: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


async def take_enrollments(roster: Roster, rows: Iterable[Row]) -> set[str]:
    """Take in enrolments; return the ids of the sessions that students have come to."""
    students: dict[tuple[str, str], _Student] = {}
    controlling = await _controlling(roster)
    for number, row in enumerate(rows):
        if number % _BREATH == 0:
            await roster.breathe()
        is_known = roster.refers(row, "userSourcedId", roster.people)
        if not (is_known and roster.refers(row, "classSourcedId", roster.classes)):
            continue
        note_unread(row, _UNREAD, roster.report)
        if row["role"] == "teacher":
            await _take_teacher(roster, row)
        elif row["role"] == "student":
            _note_student(roster, row, students, controlling)
        else:
            detail = f"a class has no {row['role']!r} here: it is not read"
            roster.report.notice(row.line, "role", detail)
    for number, student in enumerate(students.values()):
        if number % _BREATH == 0:
            await roster.breathe()
        await _take_student(roster, student)
    return {student.session_id for student in students.values()}


async def _controlling(roster: Roster) -> dict[str, str]:
    """Return the course under which each offering of the roster is taken."""
    offerings = {seat.offering_id for seat in roster.classes.values()}
    found: dict[str, str] = {}
    for offering_id in offerings:
        row = await roster.work.transaction.fetch_one(
            "SELECT course_id FROM course_offerings WHERE university_id = ? "
            "AND offering_id = ? AND is_controlling = 1",
            (roster.university_id, offering_id),
        )
        if row is not None:
            found[offering_id] = row[0]
    return found


def _note_student(
    roster: Roster,
    row: Row,
    students: dict[tuple[str, str], _Student],
    controlling: dict[str, str],
) -> None:
    seat = roster.classes[row["classSourcedId"]]
    person_id = roster.people[row["userSourcedId"]]
    course = roster.courses.get(row.ours("courseSourcedId"))
    student = students.setdefault(
        (person_id, seat.offering_id),
        _Student(
            row, seat.session_id, person_id, course or controlling[seat.offering_id]
        ),
    )
    if seat.class_id not in student.class_ids:
        student.class_ids.append(seat.class_id)
    student.lines.append(row.line)


async def _take_student(roster: Roster, student: _Student) -> None:
    session = (roster.university_id, student.session_id)
    body = {
        "student_id": student.person_id,
        "course_offering_id": student.course_id,
        "class_ids": student.class_ids,
        # A roster says who sits where, and knows no times.
        "is_overlap_allowed": True,
    }
    try:
        action = await enrolled(roster.work, session, EnrolmentIn.model_validate(body))
    except CollegiumError as error:
        roster.note(student.row, "classSourcedId", error)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        roster.report.fault(student.row.line, "classSourcedId", message)
    else:
        for line in sorted(student.lines):
            roster.report.count("enrolments", action, line)


async def _take_teacher(roster: Roster, row: Row) -> None:
    seat = roster.classes[row["classSourcedId"]]
    session = (roster.university_id, seat.session_id)
    person_id = roster.people[row["userSourcedId"]]
    body = {
        "class_id": seat.class_id,
        "person_id": person_id,
        "is_lead": row["primary"] == "true",
    }
    held = await roster.work.transaction.fetch_one(
        "SELECT id FROM teaching_assignments WHERE university_id = ? "
        "AND class_id = ? AND person_id = ?",
        (roster.university_id, seat.class_id, person_id),
    )
    try:
        action = await _taught(roster, session, None if held is None else held[0], body)
    except CollegiumError as error:
        roster.note(row, "classSourcedId", error)
    else:
        roster.report.count("teaching assignments", action, row.line)


async def _taught(
    roster: Roster, session: Keys, held: str | None, members: dict[str, Any]
) -> Action:
    """Let somebody teach a class; return what that has changed."""
    before = None
    if held is not None:
        records = TEACHING_ASSIGNMENTS.records
        before = await records.find(roster.work.transaction, (*session, held))
        value = before.value()
        if value["is_lead"] == members["is_lead"]:
            return "unchanged"
        known = {name: value[name] for name in TeachingAssignmentIn.model_fields}
        members = {**known, **members}
    body = TeachingAssignmentIn.model_validate(members)
    _, action = await put(roster.work, TEACHING_ASSIGNMENTS, session, before, body)
    return action
