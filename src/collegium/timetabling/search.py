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
    HARD_UNIT,
    I32,
    OTHER,
    PAIRS,
    PAIRS_END,
    ROOMS,
    SHARE_FAMILY,
    SHARE_FOLLOWED,
    SHARE_PLACE,
    SHARE_STUDENT,
    SHARE_SWAP,
    STUDENT_HEAT,
    TIMES,
    Model,
    State,
)
from collegium.timetabling.chance import draw, draw_unit
from collegium.timetabling.compiled import compiled, inlined
from collegium.timetabling.families import try_family
from collegium.timetabling.following import try_followed
from collegium.timetabling.incumbent import note_best, save_best
from collegium.timetabling.moves import (
    NO_BOUND,
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
_HEAVIEST = 100  # times its first weight; what stays broken would grow for ever


@compiled
def anneal(m: Model, s: State, moves: int, hot: float, cold: float) -> None:
    """Make so many trials while the temperature falls geometrically.

    Parameters
    ----------
    hot, cold : first and last temperature, in units of cost.
    """
    note_best(s)
    if len(m.movable) == 0 and s.shares[SHARE_STUDENT] == 0:
        moves = 0
    strides = moves // _STRIDE
    factor = math.exp(math.log(cold / hot) / max(1, strides))
    temperature = hot
    for _ in range(strides):
        for _ in range(_STRIDE):
            threshold = int(-temperature * math.log(draw_unit(s)))
            if draw(s, 1024) < s.shares[SHARE_STUDENT]:
                try_student(m, s, threshold * s.shares[STUDENT_HEAT] // 1024)
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
    if draw(s, 1024) < s.shares[SHARE_FOLLOWED]:
        _try_followed(m, s, c, threshold)
        return
    kind = draw(s, 1024)
    time_row, room_row = s.at[c, AT_TIME_ROW], s.at[c, AT_ROOM_ROW]
    if kind < s.shares[SHARE_PLACE]:
        # A third each: the time, the room, both.
        if draw(s, 3) > 0:
            time_row = random_time(m, s, c)
            if draw(s, 2) == 0:
                room_row = random_room(m, s, c)
        else:
            room_row = random_room(m, s, c)
        try_place(m, s, c, time_row, room_row, threshold)
    elif kind < s.shares[SHARE_SWAP]:
        try_swap(m, s, c, threshold)
    elif kind < s.shares[SHARE_FAMILY]:
        try_family(m, s, threshold)
    else:
        if draw(s, 2) == 0:
            room_row = random_room(m, s, c)
        try_ejection(m, s, c, random_time(m, s, c), room_row, threshold)


@compiled
def _try_followed(m: Model, s: State, c: int, threshold: int) -> None:
    if s.attendance[c] > 0:
        room_row = s.at[c, AT_ROOM_ROW]
        if draw(s, 2) == 0:
            room_row = random_room(m, s, c)
        try_followed(m, s, c, random_time(m, s, c), room_row, threshold)


@compiled
def construct(m: Model, s: State, order: I32, effort: int) -> None:
    """Give every class without a place its best one, in this order."""
    for c in order:
        if s.at[c, AT_TIME_ROW] < 0 and has_places(m, c):
            time_row, room_row = best_place(m, s, c, effort, NO_BOUND)
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
                s.pair_weight[hard] = _raised(s, s.pair_weight[hard], percent)
        if r < m.n_rooms and not is_fixed(m, c) and _clashes(m, s, c, t, r):
            s.room_weight[r] = _raised(s, s.room_weight[r], percent // 2)
    for g in range(len(m.groups)):
        if m.groups[g, G_HARD] and s.raw[g] > 0:
            s.group_weight[g] = _raised(s, s.group_weight[g], percent)
    recount(m, s)


@inlined
def _raised(s: State, weight: int, percent: int) -> int:
    raised = weight + max(1, weight * percent // 100)
    return min(raised, _HEAVIEST * s.totals[HARD_UNIT])


@compiled
def _clashes(m: Model, s: State, c: int, t: int, r: int) -> bool:
    for k in range(s.room_size[r]):
        j = s.in_room[r, k]
        if j != c and m.relation[t * (m.n_times + 1) + s.at[j, AT_TIME]] < 0:
            return True
    return False
