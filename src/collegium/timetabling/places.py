"""Where classes may be: all that a problem lists, as arrays."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from collegium.timetabling.arrays import I32, I64, U8
from collegium.timetabling.problem import Problem, Time
from collegium.timetabling.reduction import Places, Reduction
from collegium.timetabling.relations import APART


def distinct_times(problem: Problem) -> tuple[I64, dict[Time, int]]:
    """Return all times that classes list, one row each, and where each one is.

    The last row of the first, (n_times + 1, 4), is "no time".
    """
    index: dict[Time, int] = {}
    for class_ in problem.classes:
        for option in class_.times:
            index.setdefault(option.time, len(index))
    rows = [(t.days, t.start, t.end, t.weeks) for t in index]
    return np.array([*rows, (0, 0, 0, 0)], np.int64), index


def travel_table(problem: Problem) -> I32:
    """Return the slots between any two rooms, (n_rooms + 1, n_rooms + 1)."""
    n = len(problem.rooms)
    travel = np.zeros((n + 1, n + 1), np.int32)
    for r, room in enumerate(problem.rooms):
        for q, slots in room.travel.items():
            travel[r, q] = travel[q, r] = slots
    np.fill_diagonal(travel, 0)
    return travel


def places_of(problem: Problem, index: dict[Time, int], times: I64) -> Places:
    """Return every time and room that the problem lists, class by class.

    Parameters
    ----------
    index, times : as ``distinct_times`` returns them.
    """
    n_rooms = len(problem.rooms)
    rows_t: list[int] = []
    rows_r: list[int] = []
    ends_t, ends_r = [0], [0]
    for class_ in problem.classes:
        rows_t.extend(index[option.time] for option in class_.times)
        if class_.needs_room:
            rows_r.extend(option.room for option in class_.rooms)
        else:
            rows_r.append(n_rooms)
        ends_t.append(len(rows_t))
        ends_r.append(len(rows_r))
    closed = np.zeros((n_rooms + 1, len(times)), np.uint8)
    for r, room in enumerate(problem.rooms):
        for time in room.unavailable:
            closed[r] |= _overlapping(times, time)
    return Places(
        np.array(ends_t, np.int32),
        np.array(rows_t, np.int32),
        np.array(ends_r, np.int32),
        np.array(rows_r, np.int32),
        closed,
    )


def _overlapping(times: I64, time: Time) -> U8:
    days, start, end, weeks = times.T
    hits = (days & time.days != 0) & (weeks & time.weeks != 0)
    return (hits & (start < time.end) & (time.start < end)).astype(np.uint8)


def can_meet_table(
    places: Places, reduction: Reduction, relation: I32, walk: int
) -> NDArray[np.bool_]:
    """Return for all pairs of classes whether a student could ever not take both.

    Parameters
    ----------
    relation : (n ** 2,) as ``relations.tabulate`` makes it.
    walk : the longest travel time in slots.
    """
    n = math.isqrt(len(relation))
    near = ((relation >> 16) < max(walk, 0)).reshape(n, n).astype(np.float32)
    near[relation.reshape(n, n) >> 16 == APART] = 0
    n_classes = len(places.time_ends) - 1
    owner = np.repeat(np.arange(n_classes), np.diff(places.time_ends))
    left = reduction.times.astype(bool)
    has = np.zeros((n_classes, n), np.float32)
    has[owner[left], places.times[left]] = 1
    meet: NDArray[np.bool_] = (has @ near) @ has.T > 0
    return meet
