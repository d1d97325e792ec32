"""Times and rooms of classes, as JSON and as people read them."""

from __future__ import annotations

from typing import Any

from collegium.timetabling.itc2019.markup import bit_string
from collegium.timetabling.problem import Problem
from collegium.timetabling.solution import UNASSIGNED


def place_of(problem: Problem, c: int, time: int, room: int) -> dict[str, Any]:
    """Return a place of a class in the words of ITC-2019.

    Parameters
    ----------
    time, room : indices into the class's own; ``UNASSIGNED`` for no room.
    """
    class_ = problem.classes[c]
    at = class_.times[time].time
    has_room = room != UNASSIGNED
    return {
        "days": bit_string(at.days, problem.n_days),
        "start": at.start,
        "length": at.length,
        "weeks": bit_string(at.weeks, problem.n_weeks),
        "room": problem.rooms[class_.rooms[room].room].id if has_room else None,
    }


def said(place: dict[str, Any] | None) -> str:
    """Return a place in one line."""
    if place is None:
        return "nowhere"
    end = place["start"] + place["length"]
    room = f" in {place['room']}" if place["room"] is not None else ""
    return f"{place['days']} {place['start']}-{end} ({place['weeks']}){room}"
