"""A class moves, and its students follow.

What a time costs in conflicts depends on who sits where, and students change classes
more easily than classes change times: a time that looks bad with everybody where they
sit may be good once those in conflict have gone to another class of the course, or to
another one of the course that is in the way.
"""

from __future__ import annotations

from collegium.timetabling.arrays import (
    ACCEPTED,
    AT_ROOM_ROW,
    AT_TIME,
    AT_TIME_ROW,
    C_CLASSES,
    C_CLASSES_END,
    EVALUATED,
    FIRST,
    GROUPS,
    GROUPS_END,
    LAST,
    LIMIT,
    ORDER,
    PENALISED,
    REQUESTED,
    ROSTER,
    SEATS,
    SEATS_END,
    STUDENT,
    WHICH,
    Model,
    State,
)
from collegium.timetabling.compiled import compiled
from collegium.timetabling.grouped import group_delta
from collegium.timetabling.incumbent import note_best, save_best
from collegium.timetabling.objective import is_elsewhere, place, place_cost
from collegium.timetabling.sectioning import (
    NEW_CHAIN,
    OTHER_CHAIN,
    any_attending,
    build_chain,
    chain_delta,
    meets,
    take_chain,
    write_swapped,
)

MOST_FOLLOWERS = 512  # changes of chains that one move may need
_BEST_CHAIN = 5  # row of the scratch space used here
_HOPED_FOR = 60  # conflicts that students may get rid of by following


@compiled
def try_followed(
    m: Model, s: State, c: int, time_row: int, room_row: int, threshold: int
) -> None:
    """Try to move class c to this time and room, students following as need be."""
    if not is_elsewhere(m, s, c, time_row, room_row):
        return
    t = m.class_times[time_row, WHICH]
    s.totals[EVALUATED] += 1
    limit = s.cost[c] + threshold + _HOPED_FOR * m.weights[3]
    if m.classes[c, GROUPS] < m.classes[c, GROUPS_END] and t != s.at[c, AT_TIME]:
        limit -= group_delta(m, s, c, t)
    if place_cost(m, s, c, time_row, room_row, limit) > limit:
        return
    save_best(s)
    old_time, old_room = s.at[c, AT_TIME_ROW], s.at[c, AT_ROOM_ROW]
    target = s.totals[PENALISED] + threshold
    place(m, s, c, time_row, room_row)
    followers = 0
    if s.totals[PENALISED] > target:
        followers = _follow(m, s, c, target)
    if s.totals[PENALISED] <= target:
        s.totals[ACCEPTED] += 1
        note_best(s)
        return
    place(m, s, c, old_time, old_room)
    _send_back(m, s, followers)


@compiled
def _follow(m: Model, s: State, c: int, target: int) -> int:
    """Reseat students of c who are in conflict until the target is met.

    Returns how many changes of chains are written down in ``State.followers``.
    """
    n = 0
    # From the end, because whoever leaves is replaced by the last one of the roster.
    for i in range(s.attendance[c] - 1, -1, -1):
        if i < s.attendance[c]:
            n = _reseat_student(m, s, c, s.roster[m.classes[c, ROSTER] + i], n, target)
        if s.totals[PENALISED] <= target or n > MOST_FOLLOWERS - 2:
            break
    return n


@compiled
def _reseat_student(m: Model, s: State, c: int, seat: int, n: int, target: int) -> int:
    """Reseat the student of a seat in c, or what is in conflict with it."""
    q = m.seats[seat]
    student = m.requests[q, STUDENT]
    for other in range(m.students[student, FIRST], m.students[student, LAST]):
        j = s.enrolled[other]
        if s.enrolled[seat] != c or n > MOST_FOLLOWERS - 2:
            break
        if j < 0 or other == seat or not meets(m, s, c, j):
            continue
        before = n
        n = _reseat(m, s, q, n)
        if n == before and m.seats[other] != q:
            n = _reseat(m, s, m.seats[other], n)
        if s.totals[PENALISED] <= target:
            break
    return n


@compiled
def _reseat(m: Model, s: State, q: int, n: int) -> int:
    """Give a request the chain with the fewest conflicts, if it has fewer than now.

    Returns the new ``n``.
    """
    gains, partner = _choose_chain(m, s, q)
    if not gains:
        return n
    n = _write_down(m, s, q, n)
    if partner < 0:
        take_chain(m, s, q, _BEST_CHAIN)
        return n
    n = _write_down(m, s, partner, n)
    write_swapped(m, s, q, partner)
    take_chain(m, s, q, _BEST_CHAIN)
    take_chain(m, s, partner, OTHER_CHAIN)
    return n


@compiled
def _choose_chain(m: Model, s: State, q: int) -> tuple[bool, int]:
    """Find the best chain; return whether it gains, and who would take the present one.

    One chain through every class of the course is looked at; a class that is full
    takes part with the chain of one of its students. Without a partner: -1.
    """
    course = m.requests[q, REQUESTED]
    low = m.requests[q, SEATS]
    best, partner = 0, -1
    for row in range(m.courses[course, C_CLASSES], m.courses[course, C_CLASSES_END]):
        x = m.course_classes[row]
        if s.enrolled[low + m.classes[x, ORDER]] == x:
            continue
        delta, p = _propose(m, s, q, x, best)
        if delta < best:
            best, partner = delta, p
            for k in range(m.requests[q, SEATS_END] - low):
                s.scratch[_BEST_CHAIN, k] = s.scratch[NEW_CHAIN, k]
    return best < 0, partner


@compiled
def _propose(m: Model, s: State, q: int, x: int, best: int) -> tuple[int, int]:
    """Write a chain through x; return its change in conflicts and the partner.

    The change is exact when it is below ``best``.
    """
    p = -1
    if s.attendance[x] < m.classes[x, LIMIT]:
        if not build_chain(m, s, q, x):
            return best, p
    elif s.attendance[x] == 0:
        return best, p
    else:
        p = any_attending(m, s, x)
        write_swapped(m, s, q, p)
    s.totals[EVALUATED] += 1
    delta = chain_delta(m, s, q, NEW_CHAIN)
    if p >= 0 and delta < best:
        delta += chain_delta(m, s, p, OTHER_CHAIN)
    return delta, p


@compiled
def _write_down(m: Model, s: State, q: int, n: int) -> int:
    low = m.requests[q, SEATS]
    s.followers[n, 0] = q
    for k in range(m.requests[q, SEATS_END] - low):
        s.followers[n, 1 + k] = s.enrolled[low + k]
    return n + 1


@compiled
def _send_back(m: Model, s: State, followers: int) -> None:
    """Seat everybody who has followed where they sat, the last one first."""
    for n in range(followers - 1, -1, -1):
        q = s.followers[n, 0]
        for k in range(m.requests[q, SEATS_END] - m.requests[q, SEATS]):
            s.scratch[NEW_CHAIN, k] = s.followers[n, 1 + k]
        take_chain(m, s, q, NEW_CHAIN)
