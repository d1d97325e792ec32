"""Moves of classes: one to another place, two exchanged, and ejection chains.

Each ``try_*`` proposes one random move and takes it when the penalised cost grows
by no more than ``threshold``, which the annealing has drawn beforehand.
"""

from __future__ import annotations

from collegium.timetabling.arrays import (
    ACCEPTED,
    AT_ROOM,
    AT_ROOM_ROW,
    AT_TIME,
    AT_TIME_ROW,
    EVALUATED,
    GROUPS,
    GROUPS_END,
    HARD,
    HARD_UNIT,
    KIND,
    OTHER,
    PAIRS,
    PAIRS_END,
    PARAMETER,
    PENALISED,
    ROOMS,
    ROOMS_END,
    TIMES,
    TIMES_END,
    WHICH,
    Model,
    State,
)
from collegium.timetabling.chance import draw
from collegium.timetabling.compiled import compiled, inlined
from collegium.timetabling.grouped import group_delta
from collegium.timetabling.incumbent import note_best, save_best
from collegium.timetabling.objective import is_elsewhere, place, place_cost
from collegium.timetabling.relations import is_broken

_MOST_EJECTED = 6  # classes that one ejection chain may displace
NO_BOUND = 1 << 60
_MOST_IN_THE_WAY = 3  # required constraints that the first class may break
_LONGCHAIN = 3  # classes, from which on nobody else may be displaced
_EFFORT = 60
CHAIN = 2  # first of the rows of the scratch space used here: class, time, room


@compiled
def try_place(
    m: Model, s: State, c: int, time_row: int, room_row: int, threshold: int
) -> None:
    """Try to move class c to this time and room."""
    if not is_elsewhere(m, s, c, time_row, room_row):
        return
    t = m.class_times[time_row, WHICH]
    s.totals[EVALUATED] += 1
    limit = s.cost[c] + threshold
    if m.classes[c, GROUPS] < m.classes[c, GROUPS_END] and t != s.at[c, AT_TIME]:
        limit -= group_delta(m, s, c, t)
    if place_cost(m, s, c, time_row, room_row, limit) <= limit:
        save_best(s)
        place(m, s, c, time_row, room_row)
        s.totals[ACCEPTED] += 1
        note_best(s)


@compiled
def try_swap(m: Model, s: State, c: int, threshold: int) -> None:
    """Try to exchange the places (or only the rooms) of c and one of c's room."""
    r = s.at[c, AT_ROOM]
    other = m.class_rooms[random_room(m, s, c), WHICH]
    if r >= m.n_rooms or s.room_size[other] == 0:
        return
    d = s.in_room[other, draw(s, s.room_size[other])]
    if c == d:
        return
    t, u = s.at[c, AT_TIME], s.at[d, AT_TIME]
    only_rooms = draw(s, 2) == 0
    if only_rooms and other == r:
        return
    a, b = row_of_room(m, c, other), row_of_room(m, d, r)
    e, f = s.at[c, AT_TIME_ROW], s.at[d, AT_TIME_ROW]
    if not only_rooms:
        e, f = row_of_time(m, c, u), row_of_time(m, d, t)
    if a < 0 or b < 0 or e < 0 or f < 0:
        return
    if m.closed[other, m.class_times[e, WHICH]] or m.closed[r, m.class_times[f, WHICH]]:
        return
    s.totals[EVALUATED] += 1
    save_best(s)
    before = s.totals[PENALISED]
    remember(s, 0, c)
    remember(s, 1, d)
    place(m, s, c, e, a)
    place(m, s, d, f, b)
    settle(m, s, 2, s.totals[PENALISED] - before <= threshold)


@compiled
def try_ejection(
    m: Model, s: State, c: int, time_row: int, room_row: int, threshold: int
) -> None:
    """Try to move class c and to give those in its way their best places."""
    if not is_elsewhere(m, s, c, time_row, room_row):
        return
    s.totals[EVALUATED] += 1
    limit = s.cost[c] + threshold + _MOST_IN_THE_WAY * s.totals[HARD_UNIT]
    if place_cost(m, s, c, time_row, room_row, limit) > limit:
        return
    save_best(s)
    target = s.totals[PENALISED] + threshold
    remember(s, 0, c)
    place(m, s, c, time_row, room_row)
    length, done = 1, 0
    while s.totals[PENALISED] > target and 0 <= done < length:
        length = _find_ejected(m, s, s.scratch[CHAIN, done], length)
        done = _place_ejected(m, s, done + 1, length, target)
    settle(m, s, abs(length), s.totals[PENALISED] <= target)


@compiled
def remember(s: State, k: int, c: int) -> None:
    """Write down where class c stands, as number k of a move of several."""
    s.scratch[CHAIN, k] = c
    s.scratch[CHAIN + 1, k] = s.at[c, AT_TIME_ROW]
    s.scratch[CHAIN + 2, k] = s.at[c, AT_ROOM_ROW]


@compiled
def settle(m: Model, s: State, length: int, accepted: bool) -> None:
    """Keep a move of several classes, or take it back."""
    if accepted:
        s.totals[ACCEPTED] += 1
        note_best(s)
        return
    for k in range(length - 1, -1, -1):
        place(
            m,
            s,
            s.scratch[CHAIN, k],
            s.scratch[CHAIN + 1, k],
            s.scratch[CHAIN + 2, k],
        )


@compiled
def best_place(m: Model, s: State, c: int, effort: int, bound: int) -> tuple[int, int]:
    """Return the rows of the cheapest place found for c that costs less than bound.

    The rows are -1 when there is none among those looked at, ``effort`` and more.
    Every time is tried with the present room and every room with the best time;
    when c has few places, all of them are tried.
    """
    t0, n_times = m.classes[c, TIMES], m.classes[c, TIMES_END] - m.classes[c, TIMES]
    r0, n_rooms = m.classes[c, ROOMS], m.classes[c, ROOMS_END] - m.classes[c, ROOMS]
    best, time_row, room_row = _any_place(m, s, c, effort, bound)
    if n_times * n_rooms <= effort:
        return time_row, room_row
    anchor = s.at[c, AT_ROOM_ROW]
    if anchor < 0 or room_row < 0:
        anchor = r0 + draw(s, n_rooms)
    for k in range(n_times):
        cost = _bounded_cost(m, s, c, t0 + k, anchor, best)
        if cost < best:
            best, time_row, room_row = cost, t0 + k, anchor
    if time_row >= 0:
        for k in range(n_rooms):
            cost = _bounded_cost(m, s, c, time_row, r0 + k, best)
            if cost < best:
                best, room_row = cost, r0 + k
    return time_row, room_row


@compiled
def _any_place(
    m: Model, s: State, c: int, effort: int, best: int
) -> tuple[int, int, int]:
    """Return cost and rows of the cheapest of all places, or of ``effort`` random."""
    t0, n_times = m.classes[c, TIMES], m.classes[c, TIMES_END] - m.classes[c, TIMES]
    r0, n_rooms = m.classes[c, ROOMS], m.classes[c, ROOMS_END] - m.classes[c, ROOMS]
    time_row, room_row = -1, -1
    n = n_times * n_rooms
    offset = draw(s, n)
    for i in range(min(n, effort)):
        k = (offset + i) % n if n <= effort else draw(s, n)
        cost = _bounded_cost(m, s, c, t0 + k // n_rooms, r0 + k % n_rooms, best)
        if cost < best:
            best, time_row, room_row = cost, t0 + k // n_rooms, r0 + k % n_rooms
    return best, time_row, room_row


@inlined
def random_time(m: Model, s: State, c: int) -> int:
    """Return a random row of c's times."""
    first = m.classes[c, TIMES]
    return first + draw(s, m.classes[c, TIMES_END] - first)


@inlined
def random_room(m: Model, s: State, c: int) -> int:
    """Return a random row of c's rooms."""
    first = m.classes[c, ROOMS]
    return first + draw(s, m.classes[c, ROOMS_END] - first)


@compiled
def row_of_time(m: Model, c: int, t: int) -> int:
    """Return the row of time t among c's, or -1."""
    for row in range(m.classes[c, TIMES], m.classes[c, TIMES_END]):
        if m.class_times[row, WHICH] == t:
            return row
    return -1


@compiled
def row_of_room(m: Model, c: int, r: int) -> int:
    """Return the row of room r among c's, or -1."""
    for row in range(m.classes[c, ROOMS], m.classes[c, ROOMS_END]):
        if m.class_rooms[row, WHICH] == r:
            return row
    return -1


@compiled
def _bounded_cost(
    m: Model, s: State, c: int, time_row: int, room_row: int, best: int
) -> int:
    t = m.class_times[time_row, WHICH]
    if m.closed[m.class_rooms[room_row, WHICH], t]:
        return best
    s.totals[EVALUATED] += 1
    cost = place_cost(m, s, c, time_row, room_row, best - 1)
    if cost < best and m.classes[c, GROUPS] < m.classes[c, GROUPS_END]:
        cost += group_delta(m, s, c, t)
    return cost


@compiled
def _find_ejected(m: Model, s: State, c: int, length: int) -> int:
    """Note those in the way of c; return the new length, negative to give up."""
    t, r = s.at[c, AT_TIME], s.at[c, AT_ROOM]
    if r < m.n_rooms:
        for k in range(s.room_size[r]):
            j = s.in_room[r, k]
            if j != c and m.relation[t * (m.n_times + 1) + s.at[j, AT_TIME]] < 0:
                length = _push(m, s, j, length)
                if length < 0:
                    return length
    for row in range(m.classes[c, PAIRS], m.classes[c, PAIRS_END]):
        if m.pairs[row, HARD] >= 0 and is_row_broken(m, s, row, t, r):
            length = _push(m, s, m.pairs[row, OTHER], length)
            if length < 0:
                return length
    return length


@compiled
def _place_ejected(m: Model, s: State, done: int, length: int, target: int) -> int:
    """Move the classes from number ``done`` on, while the target is in reach.

    Returns ``done``, the number of the first whose own way was not looked at yet,
    or -1 when some class has no place that is cheap enough.
    """
    hope = 0  # what the classes still to be moved cost now
    for k in range(done, length):
        hope += s.cost[s.scratch[CHAIN, k]]
    if length < _LONGCHAIN:
        hope += s.totals[HARD_UNIT]
    for k in range(done, length):
        j = s.scratch[CHAIN, k]
        bound = target - s.totals[PENALISED] + hope + 1
        hope -= s.cost[j]
        time_row, room_row = best_place(m, s, j, _EFFORT, bound)
        if time_row < 0:
            return -1
        place(m, s, j, time_row, room_row)
    return done


@compiled
def _push(m: Model, s: State, j: int, length: int) -> int:
    for k in range(length):
        if s.scratch[CHAIN, k] == j:
            return -length if k == 0 else length
    if length == _MOST_EJECTED or is_fixed(m, j):
        return -length
    remember(s, length, j)
    return length + 1


@inlined
def has_places(m: Model, c: int) -> bool:
    """Say whether class c can be placed at all."""
    return (
        m.classes[c, TIMES] < m.classes[c, TIMES_END]
        and m.classes[c, ROOMS] < m.classes[c, ROOMS_END]
    )


@inlined
def is_fixed(m: Model, c: int) -> bool:
    """Say whether class c has a single place."""
    return (
        m.classes[c, TIMES_END] - m.classes[c, TIMES] == 1
        and m.classes[c, ROOMS_END] - m.classes[c, ROOMS] == 1
    )


@inlined
def is_row_broken(m: Model, s: State, row: int, t: int, r: int) -> bool:
    """Say whether a class at t in r breaks the pair constraint of a row."""
    j = m.pairs[row, OTHER]
    u, q = s.at[j, AT_TIME], s.at[j, AT_ROOM]
    entry = m.relation[t * (m.n_times + 1) + u]
    return is_broken(m, m.pairs[row, KIND], m.pairs[row, PARAMETER], entry, t, u, r, q)
