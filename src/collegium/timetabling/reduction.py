"""Preprocessing: what can never be part of a feasible timetable is not looked at.

Only required constraints and closed rooms remove anything, so no optimal timetable
is lost. A class whose last place would go keeps what it had: the instance is
infeasible then, and the search says by how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collegium.timetabling import relations
from collegium.timetabling.arrays import END, I32, I64, START, U8
from collegium.timetabling.compiled import compiled
from collegium.timetabling.distributions import PairRules


@dataclass(frozen=True)
class Places:
    """Where classes may be: rows of times and rooms, class after class.

    Parameters
    ----------
    time_ends, room_ends : (n_classes + 1,) where the rows of a class begin; the
        next entry is where they end.
    times, rooms : (n,) the time or room of a row.
    closed : (n_rooms + 1, n_times + 1) 1 where a room is not to be had.
    """

    time_ends: I32
    times: I32
    room_ends: I32
    rooms: I32
    closed: U8


@dataclass(frozen=True)
class Reduction:
    """What was found.

    Parameters
    ----------
    times, rooms : (n,) 1 for the rows that are left.
    closed : as in ``Places``, with the rooms of fixed classes closed to others.
    breakable : (n_pairs,) 1 for the pair rules that can be broken at all.
    """

    times: U8
    rooms: U8
    closed: U8
    breakable: U8


def reduce_places(
    places: Places, rules: PairRules, relation: I32, times: I64, longest_walk: int
) -> Reduction:
    """Remove times, rooms and rules until nothing more follows.

    Parameters
    ----------
    relation, times : as in ``Model``.
    longest_walk : the longest travel time between any two rooms, slots.
    """
    time_left = np.ones(len(places.times), np.uint8)
    room_left = np.ones(len(places.rooms), np.uint8)
    closed = places.closed.copy()
    data = (places.time_ends, places.times, places.room_ends, places.rooms)
    changed = 1
    while changed:
        changed = _drop_closed(*data, time_left, room_left, closed)
        changed += _drop_unsupported(
            places.time_ends, places.times, time_left, rules.rows, relation, times
        )
        changed += _close_for_fixed(*data, time_left, room_left, closed, relation)
    breakable = _find_breakable(
        places.time_ends,
        places.times,
        time_left,
        rules.rows,
        relation,
        times,
        longest_walk,
    )
    return Reduction(time_left, room_left, closed, breakable)


@compiled
def _drop_closed(
    time_ends: I32,
    times: I32,
    room_ends: I32,
    rooms: I32,
    time_left: U8,
    room_left: U8,
    closed: U8,
) -> int:
    """Drop times without an open room and rooms without an open time."""
    dropped = 0
    for c in range(len(time_ends) - 1):
        t0, t1, r0, r1 = time_ends[c], time_ends[c + 1], room_ends[c], room_ends[c + 1]
        if r0 == r1:
            continue
        open_times = np.zeros(t1 - t0, np.uint8)
        open_rooms = np.zeros(r1 - r0, np.uint8)
        for i in range(t0, t1):
            for k in range(r0, r1):
                is_open = closed[rooms[k], times[i]] == 0
                if time_left[i] and room_left[k] and is_open:
                    open_times[i - t0] = 1
                    open_rooms[k - r0] = 1
        if open_times.sum() > 0:
            dropped += time_left[t0:t1].sum() - open_times.sum()
            dropped += room_left[r0:r1].sum() - open_rooms.sum()
            time_left[t0:t1] = open_times
            room_left[r0:r1] = open_rooms
    return dropped


@compiled
def _drop_unsupported(
    time_ends: I32, times: I32, left: U8, rules: I32, relation: I32, table: I64
) -> int:
    """Drop times that break a required rule with every time of the other class."""
    dropped = 0
    for row in range(len(rules)):
        if rules[row, 5] == 0:
            continue
        for side in range(2):
            a, b = rules[row, side], rules[row, 1 - side]
            bad = np.zeros(time_ends[a + 1] - time_ends[a], np.uint8)
            for i in range(len(bad)):
                t = times[time_ends[a] + i]
                if left[time_ends[a] + i] and not _has_support(
                    time_ends, times, left, b, t, rules[row], side, relation, table
                ):
                    bad[i] = 1
            n_bad = bad.sum()
            if 0 < n_bad < left[time_ends[a] : time_ends[a + 1]].sum():
                dropped += n_bad
                for i in range(len(bad)):
                    if bad[i]:
                        left[time_ends[a] + i] = 0
    return dropped


@compiled
def _has_support(
    time_ends: I32,
    times: I32,
    left: U8,
    b: int,
    t: int,
    rule: I32,
    side: int,
    relation: I32,
    table: I64,
) -> bool:
    seen = False
    for k in range(time_ends[b], time_ends[b + 1]):
        if left[k]:
            seen = True
            u = times[k]
            first, second = (t, u) if side == 0 else (u, t)
            if not _times_break(rule, first, second, relation, table, 0):
                return True
    return not seen


@compiled
def _close_for_fixed(
    time_ends: I32,
    times: I32,
    room_ends: I32,
    rooms: I32,
    time_left: U8,
    room_left: U8,
    closed: U8,
    relation: I32,
) -> int:
    """Close the rooms of fixed classes at their times to all others."""
    n = closed.shape[1]
    changed = 0
    for c in range(len(time_ends) - 1):
        t0, t1, r0, r1 = time_ends[c], time_ends[c + 1], room_ends[c], room_ends[c + 1]
        if time_left[t0:t1].sum() != 1 or room_left[r0:r1].sum() != 1:
            continue
        t = times[t0 + np.argmax(time_left[t0:t1])]
        r = rooms[r0 + np.argmax(room_left[r0:r1])]
        if r == len(closed) - 1:  # "no room" holds any number of classes
            continue
        for u in range(n - 1):
            if relation[t * n + u] < 0 and closed[r, u] == 0:
                closed[r, u] = 1
                changed = 1
    return changed


@compiled
def _find_breakable(
    time_ends: I32,
    times: I32,
    left: U8,
    rules: I32,
    relation: I32,
    table: I64,
    longest_walk: int,
) -> U8:
    breakable = np.zeros(len(rules), np.uint8)
    for row in range(len(rules)):
        a, b = rules[row, 0], rules[row, 1]
        for i in range(time_ends[a], time_ends[a + 1]):
            if breakable[row]:
                break
            for k in range(time_ends[b], time_ends[b + 1]):
                if (
                    left[i]
                    and left[k]
                    and _times_break(
                        rules[row], times[i], times[k], relation, table, longest_walk
                    )
                ):
                    breakable[row] = 1
                    break
        if rules[row, 2] >= relations.ONE_ROOM:
            breakable[row] = 1
    return breakable


@compiled
def _times_break(
    rule: I32, t: int, u: int, relation: I32, table: I64, walk: int
) -> bool:
    """Say whether these times break the rule when walking takes ``walk`` slots."""
    entry = relation[t * len(table) + u]
    kind, parameter = rule[2], rule[3]
    if kind == relations.TRAVEL:
        return (entry >> 16) < walk
    if kind == relations.GAP:
        return (entry >> 16) < parameter
    if kind == relations.BITS:
        return entry & parameter != 0
    if kind == relations.SPAN:
        last = max(table[t, END], table[u, END])
        span = last - min(table[t, START], table[u, START])
        return (entry >> 16) != relations.APART and span > parameter
    return False
