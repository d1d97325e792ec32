"""What a placement of a class costs, and how the state changes when it is taken.

``place_cost`` looks at one class against all others and stops as soon as the cost
cannot be accepted any more; ``place`` makes the change. Both are exact: the sum of
the changes equals what ``recount`` computes from scratch.
"""

from __future__ import annotations

from collegium.timetabling.arrays import (
    AT_ROOM,
    AT_ROOM_ROW,
    AT_TIME,
    AT_TIME_ROW,
    COPIES,
    DISTRIBUTION_COST,
    GROUPS,
    GROUPS_END,
    HARD,
    HARD_COUNT,
    JOINT,
    KIND,
    MATE,
    MATES,
    OTHER,
    PAIRS,
    PAIRS_END,
    PARAMETER,
    PENALISED,
    PENALTY,
    ROOM_COST,
    SOFT,
    SOFT_COST,
    STUDENT_COST,
    TIME_COST,
    WHICH,
    Model,
    State,
)
from collegium.timetabling.compiled import compiled, inlined
from collegium.timetabling.grouped import move_in_groups, recount_groups
from collegium.timetabling.relations import is_broken


@inlined
def place_cost(
    m: Model, s: State, c: int, time_row: int, room_row: int, limit: int
) -> int:
    """Return the penalised cost of class c at this time and room, without groups.

    Stops early, with a cost above ``limit``, once it is known to be above.
    """
    t, r = m.class_times[time_row, WHICH], m.class_rooms[room_row, WHICH]
    cost = m.weights[0] * m.class_times[time_row, PENALTY]
    cost += m.weights[1] * m.class_rooms[room_row, PENALTY]
    if cost > limit:
        return cost
    base = t * (m.n_times + 1)
    cost = _add_clashes(m, s, c, base, r, cost, limit)
    if cost > limit:
        return cost
    for row in range(m.classes[c, PAIRS], m.classes[c, PAIRS_END]):
        j = m.pairs[row, OTHER]
        u, q = s.at[j, AT_TIME], s.at[j, AT_ROOM]
        entry = m.relation[base + u]
        if is_broken(m, m.pairs[row, KIND], m.pairs[row, PARAMETER], entry, t, u, r, q):
            cost += pair_cost(m, s, row)
            if cost > limit:
                return cost
    first = m.classes[c, MATES]
    for row in range(first, first + s.mate_count[c]):
        j = s.mates[row, MATE]
        if (m.relation[base + s.at[j, AT_TIME]] >> 16) < m.travel[r, s.at[j, AT_ROOM]]:
            cost += m.weights[3] * s.mates[row, JOINT]
            if cost > limit:
                return cost
    return cost


@inlined
def is_elsewhere(m: Model, s: State, c: int, time_row: int, room_row: int) -> bool:
    """Say whether a place is not where class c is, and its room is to be had then."""
    t, r = m.class_times[time_row, WHICH], m.class_rooms[room_row, WHICH]
    return m.closed[r, t] == 0 and (t != s.at[c, AT_TIME] or r != s.at[c, AT_ROOM])


@inlined
def _add_clashes(
    m: Model, s: State, c: int, base: int, r: int, cost: int, limit: int
) -> int:
    if r < m.n_rooms:
        for k in range(s.room_size[r]):
            j = s.in_room[r, k]
            if m.relation[base + s.at[j, AT_TIME]] < 0 and j != c:
                cost += s.room_weight[r]
                if cost > limit:
                    break
    return cost


@inlined
def pair_cost(m: Model, s: State, row: int) -> int:
    """Return the penalised cost of a broken pair constraint."""
    cost = m.weights[2] * m.pairs[row, SOFT]
    if m.pairs[row, HARD] >= 0:
        cost += s.pair_weight[m.pairs[row, HARD]] * m.pairs[row, COPIES]
    return cost


@compiled
def place(m: Model, s: State, c: int, time_row: int, room_row: int) -> None:
    """Move class c; row -1 takes it out of the timetable."""
    t, r = m.n_times, m.n_rooms
    if time_row >= 0:
        t, r = m.class_times[time_row, WHICH], m.class_rooms[room_row, WHICH]
    if m.classes[c, GROUPS] < m.classes[c, GROUPS_END] and t != s.at[c, AT_TIME]:
        move_in_groups(m, s, c, t)
    _move_penalties(m, s, c, time_row, room_row)
    _move_in_rooms(m, s, c, t, r)
    _move_in_pairs(m, s, c, t, r)
    _move_among_mates(m, s, c, t, r)
    s.at[c, AT_TIME] = t
    s.at[c, AT_ROOM] = r
    s.at[c, AT_TIME_ROW] = time_row
    s.at[c, AT_ROOM_ROW] = room_row


@compiled
def recount(m: Model, s: State) -> None:
    """Compute costs and totals from scratch (after a change of weights)."""
    for k in range(PENALISED + 1):
        s.totals[k] = 0
    for c in range(len(s.cost)):
        s.cost[c] = 0
    recount_groups(m, s)
    for c in range(len(m.classes)):
        _add_penalties(m, s, c, s.at[c, AT_TIME_ROW], s.at[c, AT_ROOM_ROW], 1)
        t, r = s.at[c, AT_TIME], s.at[c, AT_ROOM]
        _recount_clashes(m, s, c, t, r)
        for row in range(m.classes[c, PAIRS], m.classes[c, PAIRS_END]):
            j = m.pairs[row, OTHER]
            if c < j and _pair_broken(m, s, row, t, r):
                _add_pair(m, s, row, c, 1)
        first = m.classes[c, MATES]
        for row in range(first, first + s.mate_count[c]):
            j = s.mates[row, MATE]
            if c < j and in_conflict(m, t, r, s.at[j, AT_TIME], s.at[j, AT_ROOM]):
                add_conflicts(m, s, c, j, s.mates[row, JOINT])


@compiled
def _recount_clashes(m: Model, s: State, c: int, t: int, r: int) -> None:
    if r < m.n_rooms:
        for k in range(s.room_size[r]):
            j = s.in_room[r, k]
            if c < j and _overlap(m, t, s.at[j, AT_TIME]):
                _add_clash(m, s, c, j, r, 1)


@inlined
def in_conflict(m: Model, t: int, r: int, u: int, q: int) -> bool:
    """Say whether nobody can attend both t in r and u in q."""
    return (m.relation[t * (m.n_times + 1) + u] >> 16) < m.travel[r, q]


@inlined
def add_conflicts(m: Model, s: State, c: int, j: int, students: int) -> None:
    """Charge classes c and j with so many more students in conflict."""
    cost = m.weights[3] * students
    s.cost[c] += cost
    s.cost[j] += cost
    s.totals[STUDENT_COST] += cost
    s.totals[SOFT_COST] += cost
    s.totals[PENALISED] += cost


@compiled
def _move_penalties(m: Model, s: State, c: int, time_row: int, room_row: int) -> None:
    _add_penalties(m, s, c, s.at[c, AT_TIME_ROW], s.at[c, AT_ROOM_ROW], -1)
    _add_penalties(m, s, c, time_row, room_row, 1)


@inlined
def _add_penalties(
    m: Model, s: State, c: int, time_row: int, room_row: int, sign: int
) -> None:
    if time_row >= 0:
        time_cost = sign * m.weights[0] * m.class_times[time_row, PENALTY]
        room_cost = sign * m.weights[1] * m.class_rooms[room_row, PENALTY]
        s.cost[c] += time_cost + room_cost
        s.totals[TIME_COST] += time_cost
        s.totals[ROOM_COST] += room_cost
        s.totals[SOFT_COST] += time_cost + room_cost
        s.totals[PENALISED] += time_cost + room_cost


@compiled
def _move_in_rooms(m: Model, s: State, c: int, t: int, r: int) -> None:
    old, time = s.at[c, AT_ROOM], s.at[c, AT_TIME]
    if old < m.n_rooms:
        for k in range(s.room_size[old]):
            j = s.in_room[old, k]
            if j != c and _overlap(m, time, s.at[j, AT_TIME]):
                _add_clash(m, s, c, j, old, -1)
    if r < m.n_rooms:
        for k in range(s.room_size[r]):
            j = s.in_room[r, k]
            if j != c and _overlap(m, t, s.at[j, AT_TIME]):
                _add_clash(m, s, c, j, r, 1)
    if old != r:
        _change_list(m, s, c, old, r)


@inlined
def _change_list(m: Model, s: State, c: int, old: int, new: int) -> None:
    if old < m.n_rooms:
        k = s.room_place[c]
        s.room_size[old] -= 1
        last = s.in_room[old, s.room_size[old]]
        s.in_room[old, k] = last
        s.room_place[last] = k
    if new < m.n_rooms:
        s.room_place[c] = s.room_size[new]
        s.in_room[new, s.room_size[new]] = c
        s.room_size[new] += 1


@compiled
def _move_in_pairs(m: Model, s: State, c: int, t: int, r: int) -> None:
    old_t, old_r = s.at[c, AT_TIME], s.at[c, AT_ROOM]
    for row in range(m.classes[c, PAIRS], m.classes[c, PAIRS_END]):
        before = _pair_broken(m, s, row, old_t, old_r)
        after = _pair_broken(m, s, row, t, r)
        if before != after:
            _add_pair(m, s, row, c, 1 if after else -1)


@compiled
def _move_among_mates(m: Model, s: State, c: int, t: int, r: int) -> None:
    old_t, old_r = s.at[c, AT_TIME], s.at[c, AT_ROOM]
    first = m.classes[c, MATES]
    for row in range(first, first + s.mate_count[c]):
        j = s.mates[row, MATE]
        u, q = s.at[j, AT_TIME], s.at[j, AT_ROOM]
        before = in_conflict(m, old_t, old_r, u, q)
        after = in_conflict(m, t, r, u, q)
        if before != after:
            joint = s.mates[row, JOINT]
            add_conflicts(m, s, c, j, joint if after else -joint)


@inlined
def _overlap(m: Model, t: int, u: int) -> bool:
    return m.relation[t * (m.n_times + 1) + u] < 0


@inlined
def _pair_broken(m: Model, s: State, row: int, t: int, r: int) -> bool:
    j = m.pairs[row, OTHER]
    u, q = s.at[j, AT_TIME], s.at[j, AT_ROOM]
    entry = m.relation[t * (m.n_times + 1) + u]
    return is_broken(m, m.pairs[row, KIND], m.pairs[row, PARAMETER], entry, t, u, r, q)


@inlined
def _add_clash(m: Model, s: State, c: int, j: int, r: int, sign: int) -> None:
    cost = sign * s.room_weight[r]
    s.cost[c] += cost
    s.cost[j] += cost
    s.totals[HARD_COUNT] += sign
    s.totals[PENALISED] += cost


@inlined
def _add_pair(m: Model, s: State, row: int, c: int, sign: int) -> None:
    cost = sign * pair_cost(m, s, row)
    s.cost[c] += cost
    s.cost[m.pairs[row, OTHER]] += cost
    s.totals[PENALISED] += cost
    soft = sign * m.weights[2] * m.pairs[row, SOFT]
    s.totals[DISTRIBUTION_COST] += soft
    s.totals[SOFT_COST] += soft
    if m.pairs[row, HARD] >= 0:
        s.totals[HARD_COUNT] += sign * m.pairs[row, COPIES]
