"""What a timetable claims, looked up in the problem: who meets when and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from collegium.timetabling.problem import Class, HardRule, Problem, Time
from collegium.timetabling.solution import Placement, Timetable
from collegium.timetabling.validate.report import Violation


class Meeting(NamedTuple):
    """A class as it is placed; days and weeks are bit sets, times are slots.

    Parameters
    ----------
    room : index, None when it has none (or one that does not exist).
    """

    days: int
    start: int
    end: int
    weeks: int
    room: int | None


@dataclass(slots=True)
class Placed:
    """All of the timetable that has a meaning in the problem.

    Parameters
    ----------
    meetings : for each class; None when it has no listed time.
    rooms : for each class the room index; also of a class without a listed time.
    attending : for each class the indices of its students.
    """

    meetings: list[Meeting | None]
    rooms: list[int | None]
    attending: list[set[int]]
    time_penalty: int = 0
    room_penalty: int = 0


def place(problem: Problem, timetable: Timetable, found: list[Violation]) -> Placed:
    """Look up every placement; say what the problem does not have or allow."""
    _judge_calendar(problem, timetable, found)
    n_classes = len(problem.classes)
    placed = Placed(
        [None] * n_classes, [None] * n_classes, [set() for _ in problem.classes]
    )
    claims = _claims(problem, timetable, found)
    room_index = {room.id: i for i, room in enumerate(problem.rooms)}
    student_index = {student.id: i for i, student in enumerate(problem.students)}
    for index, class_ in enumerate(problem.classes):
        placement = claims.get(class_.id)
        if placement is None:
            found.append(
                Violation(
                    HardRule.CLASS_MISSING,
                    f"Class {class_.id} is missing.",
                    (class_.id,),
                )
            )
            continue
        placed.rooms[index] = room_index.get(placement.room_id or "")
        _place_room(class_, placement, index, placed, found)
        _place_time(class_, placement, index, placed, found)
        _place_students(placement, placed.attending[index], student_index, found)
    return placed


def _judge_calendar(
    problem: Problem, timetable: Timetable, found: list[Violation]
) -> None:
    for what, said, is_ in (
        ("days", timetable.n_days, problem.n_days),
        ("weeks", timetable.n_weeks, problem.n_weeks),
    ):
        if said not in (0, is_):
            found.append(
                Violation(
                    HardRule.CALENDAR,
                    f"The timetable speaks of {said} {what}, the problem of {is_}.",
                )
            )


def _claims(
    problem: Problem, timetable: Timetable, found: list[Violation]
) -> dict[str, Placement]:
    known = {class_.id for class_ in problem.classes}
    claims: dict[str, Placement] = {}
    for placement in timetable.placements:
        identity = placement.class_id
        if identity not in known:
            kind, what = HardRule.UNKNOWN_CLASS, "does not exist"
        elif identity in claims:
            kind, what = HardRule.CLASS_TWICE, "is listed more than once"
        else:
            claims[identity] = placement
            continue
        found.append(Violation(kind, f"Class {identity} {what}.", (identity,)))
    return claims


def _place_room(
    class_: Class,
    placement: Placement,
    index: int,
    placed: Placed,
    found: list[Violation],
) -> None:
    claimed, room = placement.room_id, placed.rooms[index]
    if claimed is None:
        if class_.needs_room:
            _refuse(found, HardRule.ROOM_MISSING, class_, "has no room")
        return
    if not class_.needs_room:
        _refuse(
            found, HardRule.ROOM_NOT_NEEDED, class_, f"takes no room, not {claimed}"
        )
        return
    if room is None:
        _refuse(found, HardRule.ROOM_UNKNOWN, class_, f"is in no known room: {claimed}")
        return
    for option in class_.rooms:
        if option.room == room:
            placed.room_penalty += option.penalty
            return
    _refuse(found, HardRule.ROOM_NOT_LISTED, class_, f"may not be in room {claimed}")


def _place_time(
    class_: Class,
    placement: Placement,
    index: int,
    placed: Placed,
    found: list[Violation],
) -> None:
    claimed = (placement.days, placement.start, placement.weeks)
    for option in class_.times:
        time = option.time
        if (time.days, time.start, time.weeks) == claimed:
            placed.time_penalty += option.penalty
            placed.meetings[index] = _meeting(time, placed.rooms[index])
            return
    _refuse(
        found,
        HardRule.TIME_NOT_LISTED,
        class_,
        f"may not meet at slot {placement.start} on the days and weeks given",
    )


def _place_students(
    placement: Placement,
    attending: set[int],
    student_index: dict[str, int],
    found: list[Violation],
) -> None:
    said: set[str] = set()
    for identity in placement.student_ids:
        index = student_index.get(identity)
        if identity in said:
            kind, what = HardRule.STUDENT_TWICE, "is listed more than once"
        elif index is None:
            kind, what = HardRule.STUDENT_UNKNOWN, "does not exist but is listed"
        else:
            attending.add(index)
            said.add(identity)
            continue
        said.add(identity)
        found.append(
            Violation(
                kind,
                f"Student {identity} {what} in class {placement.class_id}.",
                (placement.class_id,),
                (identity,),
            )
        )


def _meeting(time: Time, room: int | None) -> Meeting:
    return Meeting(time.days, time.start, time.end, time.weeks, room)


def _refuse(found: list[Violation], kind: HardRule, class_: Class, what: str) -> None:
    found.append(Violation(kind, f"Class {class_.id} {what}.", (class_.id,)))
