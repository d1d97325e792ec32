"""Moves of classes that belong together: one goes elsewhere and takes the others along.

Classes that must or should share days, times, weeks, a start or a room are a family.
Moving one of them alone breaks as many constraints as it has relatives, so that large
families would never move class by class.
"""

from __future__ import annotations

from collegium.timetabling.arrays import (
    AT_ROOM,
    AT_ROOM_ROW,
    AT_TIME,
    AT_TIME_ROW,
    EVALUATED,
    GROUPS,
    GROUPS_END,
    KIND,
    OTHER,
    PAIRS,
    PAIRS_END,
    PARAMETER,
    PENALISED,
    TIMES,
    TIMES_END,
    WHICH,
    Model,
    State,
)
from collegium.timetabling.chance import draw
from collegium.timetabling.compiled import compiled, inlined
from collegium.timetabling.grouped import group_delta
from collegium.timetabling.incumbent import save_best
from collegium.timetabling.moves import (
    CHAIN,
    NO_BOUND,
    is_fixed,
    random_room,
    random_time,
    remember,
    row_of_room,
    settle,
)
from collegium.timetabling.objective import is_elsewhere, place, place_cost
from collegium.timetabling.relations import (
    BITS,
    ONE_ROOM,
    TOGETHER,
    is_broken,
)

_MOST_MOVED = 24  # classes of one move
_MOST_TIMES = 16  # times that are looked at for a relative


@compiled
def try_family(m: Model, s: State, threshold: int) -> None:
    """Try to move a random class with relatives, and these after it."""
    c = m.kin[draw(s, len(m.kin))]
    time_row, room_row = s.at[c, AT_TIME_ROW], s.at[c, AT_ROOM_ROW]
    kind = draw(s, 4)
    if kind > 0:
        time_row = random_time(m, s, c)
    if kind < 2:
        room_row = random_room(m, s, c)
    if not is_elsewhere(m, s, c, time_row, room_row):
        return
    s.totals[EVALUATED] += 1
    save_best(s)
    before = s.totals[PENALISED]
    remember(s, 0, c)
    place(m, s, c, time_row, room_row)
    length, done = 1, 0
    while done < length:
        length = _take_along(m, s, done, length)
        done += 1
    is_whole = length > 0
    settle(m, s, abs(length), is_whole and s.totals[PENALISED] - before <= threshold)


@compiled
def _take_along(m: Model, s: State, done: int, length: int) -> int:
    """Move the relatives that number ``done`` has left behind.

    Returns the new length, negative when one of them cannot follow.
    """
    c = s.scratch[CHAIN, done]
    t, r = s.at[c, AT_TIME], s.at[c, AT_ROOM]
    old_t = m.class_times[s.scratch[CHAIN + 1, done], WHICH]
    old_r = m.class_rooms[s.scratch[CHAIN + 2, done], WHICH]
    for row in range(m.classes[c, PAIRS], m.classes[c, PAIRS_END]):
        if not _is_kinship(m, row):
            continue
        j = m.pairs[row, OTHER]
        u, q = s.at[j, AT_TIME], s.at[j, AT_ROOM]
        if not _parted(m, row, t, r, u, q) or _parted(m, row, old_t, old_r, u, q):
            continue
        if length == _MOST_MOVED or is_fixed(m, j) or _is_in_chain(s, j, length):
            return -length
        time_row, room_row = _place_beside(m, s, j, row, t, r)
        if time_row < 0:
            return -length
        remember(s, length, j)
        length += 1
        place(m, s, j, time_row, room_row)
    return length


@compiled
def _place_beside(
    m: Model, s: State, j: int, row: int, t: int, r: int
) -> tuple[int, int]:
    """Return the cheapest place found for j where it is with its relative again."""
    first, n = m.classes[j, TIMES], m.classes[j, TIMES_END] - m.classes[j, TIMES]
    room_row = s.at[j, AT_ROOM_ROW]
    if m.pairs[row, KIND] == ONE_ROOM:
        room_row = row_of_room(m, j, r)
        if room_row < 0:
            return -1, -1
    best, best_time, best_room = NO_BOUND, -1, -1
    offset, looks = draw(s, n), 0
    for k in range(n):
        time_row = first + (offset + k) % n
        u = m.class_times[time_row, WHICH]
        for again in range(2):
            choice = room_row
            if again == 1 and m.pairs[row, KIND] != ONE_ROOM:
                choice = random_room(m, s, j)
            q = m.class_rooms[choice, WHICH]
            if m.closed[q, u] or _parted(m, row, t, r, u, q):
                continue
            s.totals[EVALUATED] += 1
            looks += 1
            cost = place_cost(m, s, j, time_row, choice, best - 1)
            if cost < best and m.classes[j, GROUPS] < m.classes[j, GROUPS_END]:
                cost += group_delta(m, s, j, u)
            if cost < best:
                best, best_time, best_room = cost, time_row, choice
        if looks >= _MOST_TIMES:
            break
    return best_time, best_room


@inlined
def _is_kinship(m: Model, row: int) -> bool:
    kind = m.pairs[row, KIND]
    return kind == ONE_ROOM or (
        kind == BITS and m.pairs[row, PARAMETER] & TOGETHER != 0
    )


@inlined
def _parted(m: Model, row: int, t: int, r: int, u: int, q: int) -> bool:
    entry = m.relation[t * (m.n_times + 1) + u]
    return is_broken(m, m.pairs[row, KIND], m.pairs[row, PARAMETER], entry, t, u, r, q)


@inlined
def _is_in_chain(s: State, j: int, length: int) -> bool:
    for k in range(length):  # noqa: SIM110 - nothing lazy can be compiled
        if s.scratch[CHAIN, k] == j:
            return True
    return False
