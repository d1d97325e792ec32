"""The compiled loop: simulated annealing over placements and enrolments together."""

from __future__ import annotations

import math

from collegium.timetabling.arrays import (
    AT_ROOM,
    AT_ROOM_ROW,
    AT_TIME,
    AT_TIME_ROW,
    G_HARD,
    HARD,
    I32,
    OTHER,
    PAIRS,
    PAIRS_END,
    ROOMS,
    TIMES,
    Model,
    State,
)
from collegium.timetabling.chance import draw, draw_unit
from collegium.timetabling.compiled import compiled
from collegium.timetabling.incumbent import note_best, save_best
from collegium.timetabling.moves import (
    best_place,
    has_places,
    is_fixed,
    is_row_broken,
    random_room,
    random_time,
    try_ejection,
    try_place,
    try_swap,
)
from collegium.timetabling.objective import place, recount
from collegium.timetabling.sectioning import try_student

_STRIDE = 64  # moves at one temperature


@compiled
def anneal(
    m: Model, s: State, moves: int, hot: float, cold: float, student_share: int
) -> None:
    """Make so many trials while the temperature falls geometrically.

    Parameters
    ----------
    hot, cold : first and last temperature, in units of cost.
    student_share : how many of 1024 trials move students.
    """
    note_best(s)
    strides = max(1, moves // _STRIDE)
    factor = math.exp(math.log(cold / hot) / strides)
    temperature = hot
    for _ in range(strides):
        for _ in range(_STRIDE):
            threshold = int(-temperature * math.log(draw_unit(s)))
            if draw(s, 1024) < student_share:
                try_student(m, s, threshold)
            else:
                _try_class(m, s, threshold)
        temperature *= factor
    save_best(s)


@compiled
def _try_class(m: Model, s: State, threshold: int) -> None:
    c = m.movable[draw(s, len(m.movable))]
    if draw(s, 2) == 0:
        d = m.movable[draw(s, len(m.movable))]
        if s.cost[d] > s.cost[c]:
            c = d
    kind = draw(s, 256)
    if kind < 100:
        try_place(m, s, c, random_time(m, s, c), s.at[c, AT_ROOM_ROW], threshold)
    elif kind < 160:
        try_place(m, s, c, s.at[c, AT_TIME_ROW], random_room(m, s, c), threshold)
    elif kind < 226:
        try_place(m, s, c, random_time(m, s, c), random_room(m, s, c), threshold)
    elif kind < 244:
        try_swap(m, s, c, threshold)
    else:
        row = random_time(m, s, c)
        try_ejection(m, s, c, row, s.at[c, AT_ROOM_ROW], threshold)


@compiled
def construct(m: Model, s: State, order: I32, effort: int) -> None:
    """Give every class without a place its best one, in this order."""
    for c in order:
        if s.at[c, AT_TIME_ROW] < 0 and has_places(m, c):
            time_row, room_row = best_place(m, s, c, effort)
            if time_row < 0:
                time_row, room_row = m.classes[c, TIMES], m.classes[c, ROOMS]
            place(m, s, c, time_row, room_row)


@compiled
def raise_weights(m: Model, s: State, percent: int) -> None:
    """Make every hard constraint that is broken now weigh more."""
    for c in range(len(m.classes)):
        t, r = s.at[c, AT_TIME], s.at[c, AT_ROOM]
        for row in range(m.classes[c, PAIRS], m.classes[c, PAIRS_END]):
            hard = m.pairs[row, HARD]
            if hard < 0 or c > m.pairs[row, OTHER]:
                continue
            if is_row_broken(m, s, row, t, r):
                s.pair_weight[hard] += s.pair_weight[hard] * percent // 100
        if r < m.n_rooms and not is_fixed(m, c) and _clashes(m, s, c, t, r):
            s.room_weight[r] += s.room_weight[r] * percent // 200
    for g in range(len(m.groups)):
        if m.groups[g, G_HARD] and s.raw[g] > 0:
            s.group_weight[g] += s.group_weight[g] * percent // 100
    recount(m, s)


@compiled
def _clashes(m: Model, s: State, c: int, t: int, r: int) -> bool:
    for k in range(s.room_size[r]):
        j = s.in_room[r, k]
        if j != c and m.relation[t * (m.n_times + 1) + s.at[j, AT_TIME]] < 0:
            return True
    return False
