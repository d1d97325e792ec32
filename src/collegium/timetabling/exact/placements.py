"""Which placements of the freed classes can be part of a better timetable.

The freed classes are taken out of the state. What a placement costs against all
classes that stay is then exact, and one that costs more above its class's cheapest
than the whole part can gain is left out: no better timetable has it.
"""

from __future__ import annotations

import numpy as np

from collegium.timetabling.arrays import (
    AT_ROOM_ROW,
    AT_TIME_ROW,
    I32,
    I64,
    ROOMS,
    ROOMS_END,
    TIMES,
    TIMES_END,
    WHICH,
    Model,
    State,
)
from collegium.timetabling.compiled import compiled
from collegium.timetabling.objective import place, place_cost

TIME_ROW, ROOM_ROW, TIME, ROOM = 0, 1, 2, 3  # columns of the placements


@compiled
def lift(m: Model, s: State, free: I32) -> I32:
    """Take classes out of the timetable; return the rows they had, (n, 2)."""
    rows = np.empty((len(free), 2), np.int32)
    for k in range(len(free)):
        rows[k, 0] = s.at[free[k], AT_TIME_ROW]
        rows[k, 1] = s.at[free[k], AT_ROOM_ROW]
        place(m, s, free[k], -1, -1)
    return rows


@compiled
def put_back(m: Model, s: State, free: I32, rows: I32) -> None:
    """Place lifted classes at these rows, (n, 2)."""
    for k in range(len(free)):
        place(m, s, free[k], rows[k, 0], rows[k, 1])


@compiled
def least_costs(m: Model, s: State, free: I32, rows: I32) -> I64:
    """Return the cost of each freed class's cheapest placement.

    Parameters
    ----------
    rows : (n, 2) the present placements, possible whatever is closed.
    """
    least = np.empty(len(free), np.int64)
    for k in range(len(free)):
        c = free[k]
        best = place_cost(m, s, c, rows[k, 0], rows[k, 1], 1 << 60)
        for i in range(m.classes[c, TIMES], m.classes[c, TIMES_END]):
            for j in range(m.classes[c, ROOMS], m.classes[c, ROOMS_END]):
                if m.closed[m.class_rooms[j, WHICH], m.class_times[i, WHICH]] == 0:
                    best = min(best, place_cost(m, s, c, i, j, best))
        least[k] = best
    return least


@compiled
def collect(
    m: Model, s: State, free: I32, rows: I32, most_cost: I64
) -> tuple[I32, I64, I32, I32]:
    """List each freed class's placements up to a cost.

    Parameters
    ----------
    rows : (n, 2) the present placements, which are listed whatever they cost.
    most_cost : (n,).

    Returns
    -------
    placements (n, 4), their costs, where each class's begin (one more at the end),
    and where each class's present placement stands.
    """
    size = 1024
    found = np.empty((size, 4), np.int32)
    costs = np.empty(size, np.int64)
    starts = np.zeros(len(free) + 1, np.int32)
    present = np.full(len(free), -1, np.int32)
    n = 0
    for k in range(len(free)):
        c = free[k]
        for i in range(m.classes[c, TIMES], m.classes[c, TIMES_END]):
            t = m.class_times[i, WHICH]
            for j in range(m.classes[c, ROOMS], m.classes[c, ROOMS_END]):
                r = m.class_rooms[j, WHICH]
                is_present = i == rows[k, 0] and j == rows[k, 1]
                if m.closed[r, t] and not is_present:
                    continue
                limit = most_cost[k]
                cost = place_cost(m, s, c, i, j, 1 << 60 if is_present else limit)
                if cost > limit and not is_present:
                    continue
                if n == size:
                    size *= 2
                    found = np.concatenate((found, np.empty_like(found)))
                    costs = np.concatenate((costs, np.empty_like(costs)))
                found[n, TIME_ROW], found[n, ROOM_ROW] = i, j
                found[n, TIME], found[n, ROOM] = t, r
                costs[n] = cost
                if is_present:
                    present[k] = n
                n += 1
        starts[k + 1] = n
    return found[:n], costs[:n], starts, present
