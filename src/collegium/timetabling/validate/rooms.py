"""Rooms: nobody in when it is closed, never two classes at once."""

from __future__ import annotations

import numpy as np

from collegium.timetabling.problem import HardRule, Problem
from collegium.timetabling.validate.clashes import Calendar
from collegium.timetabling.validate.placed import Meeting, Placed
from collegium.timetabling.validate.report import Violation


def judge_rooms(problem: Problem, placed: Placed, found: list[Violation]) -> None:
    """Say which classes meet in a closed room and which share one."""
    by_room: dict[int, list[tuple[int, Meeting]]] = {}
    for index, meeting in enumerate(placed.meetings):
        if meeting is not None and meeting.room is not None:
            by_room.setdefault(meeting.room, []).append((index, meeting))
    for room in sorted(by_room):
        for index, meeting in by_room[room]:
            _judge_closing(problem, room, index, meeting, found)
        _judge_sharing(problem, room, by_room[room], found)


def _judge_closing(
    problem: Problem, room: int, index: int, meeting: Meeting, found: list[Violation]
) -> None:
    class_id, room_id = problem.classes[index].id, problem.rooms[room].id
    for closed in problem.rooms[room].unavailable:
        if (
            closed.days & meeting.days
            and closed.weeks & meeting.weeks
            and closed.start < meeting.end
            and meeting.start < closed.end
        ):
            found.append(
                Violation(
                    HardRule.ROOM_UNAVAILABLE,
                    f"Class {class_id} is in room {room_id} when it is not available.",
                    (class_id,),
                )
            )
            return


def _judge_sharing(
    problem: Problem,
    room: int,
    members: list[tuple[int, Meeting]],
    found: list[Violation],
) -> None:
    calendar = Calendar([meeting for _, meeting in members])
    for position, (index, _) in enumerate(members):
        for offset in np.flatnonzero(calendar.clashes_later(position)).tolist():
            other, _ = members[position + 1 + offset]
            ids = (problem.classes[index].id, problem.classes[other].id)
            found.append(
                Violation(
                    HardRule.ROOM_DOUBLE_BOOKED,
                    f"Classes {ids[0]} and {ids[1]} are in room "
                    f"{problem.rooms[room].id} at the same time.",
                    ids,
                )
            )
