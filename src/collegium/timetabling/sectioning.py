"""Students into classes, inside the search.

A student takes another chain of classes in a course, or two change places.

A chain is one class of every subpart of one configuration, parents attended. Limits
and chains hold at all times; what is searched for is fewer conflicts.
"""

from __future__ import annotations

from collegium.timetabling.arrays import (
    ACCEPTED,
    AT_ROOM,
    AT_TIME,
    C_CLASSES,
    C_CLASSES_END,
    CONFIGURATION,
    EVALUATED,
    FIRST,
    JOINT,
    LAST,
    LIMIT,
    MATE,
    MATES,
    NEVER_MEET,
    NO_MATES,
    ORDER,
    PARENT,
    REQUESTED,
    ROSTER,
    SEATS,
    SEATS_END,
    STUDENT,
    Model,
    State,
)
from collegium.timetabling.chance import draw
from collegium.timetabling.compiled import compiled, inlined
from collegium.timetabling.incumbent import note_best, save_best
from collegium.timetabling.objective import add_conflicts, in_conflict

NEW_CHAIN, OTHER_CHAIN, _WANTED = 2, 3, 4  # rows of the scratch space used here


@compiled
def try_student(m: Model, s: State, threshold: int) -> None:
    """Try to change a random student's classes in one course."""
    q = m.flexible[draw(s, len(m.flexible))]
    if draw(s, 8) > 0 and not _has_conflict(m, s, q):
        return
    course = m.requests[q, REQUESTED]
    first = m.courses[course, C_CLASSES]
    n = m.courses[course, C_CLASSES_END] - first
    x = m.course_classes[first + draw(s, n)]
    if _attends(m, s, q, x):
        return
    if s.attendance[x] >= m.classes[x, LIMIT]:
        if s.attendance[x] > 0:
            _try_swap(m, s, q, x, threshold)
    elif build_chain(m, s, q, x):
        s.totals[EVALUATED] += 1
        delta = chain_delta(m, s, q, NEW_CHAIN)
        if delta * m.weights[3] <= threshold:
            save_best(s)
            take_chain(m, s, q, NEW_CHAIN)
            s.totals[ACCEPTED] += 1
            note_best(s)


@compiled
def take_chain(m: Model, s: State, q: int, row: int) -> None:
    """Seat a student's request in the chain written in a row of the scratch space."""
    low, high = m.requests[q, SEATS], m.requests[q, SEATS_END]
    for k in range(high - low):
        if s.enrolled[low + k] >= 0 and s.enrolled[low + k] != s.scratch[row, k]:
            _leave(m, s, q, low + k)
    for k in range(high - low):
        if s.scratch[row, k] >= 0 and s.enrolled[low + k] != s.scratch[row, k]:
            _join(m, s, q, low + k, s.scratch[row, k])


@compiled
def _try_swap(m: Model, s: State, q: int, x: int, threshold: int) -> None:
    p = any_attending(m, s, x)
    write_swapped(m, s, q, p)
    s.totals[EVALUATED] += 1
    delta = chain_delta(m, s, q, NEW_CHAIN) + chain_delta(m, s, p, OTHER_CHAIN)
    if delta * m.weights[3] <= threshold:
        save_best(s)
        take_chain(m, s, q, NEW_CHAIN)
        take_chain(m, s, p, OTHER_CHAIN)
        s.totals[ACCEPTED] += 1
        note_best(s)


@inlined
def any_attending(m: Model, s: State, x: int) -> int:
    """Return the request of a random student in class x, which has some."""
    return m.seats[s.roster[m.classes[x, ROSTER] + draw(s, s.attendance[x])]]


@inlined
def write_swapped(m: Model, s: State, q: int, p: int) -> None:
    """Write p's chain as the new one of q, and q's as that of the other."""
    low, base = m.requests[q, SEATS], m.requests[p, SEATS]
    for k in range(m.requests[q, SEATS_END] - low):
        s.scratch[NEW_CHAIN, k] = s.enrolled[base + k]
        s.scratch[OTHER_CHAIN, k] = s.enrolled[low + k]


@inlined
def _attends(m: Model, s: State, q: int, x: int) -> bool:
    return s.enrolled[m.requests[q, SEATS] + m.classes[x, ORDER]] == x


@inlined
def meets(m: Model, s: State, a: int, b: int) -> bool:
    """Say whether nobody can attend both classes where they are now."""
    return in_conflict(
        m, s.at[a, AT_TIME], s.at[a, AT_ROOM], s.at[b, AT_TIME], s.at[b, AT_ROOM]
    )


@compiled
def _has_conflict(m: Model, s: State, q: int) -> bool:
    student = m.requests[q, STUDENT]
    for seat in range(m.requests[q, SEATS], m.requests[q, SEATS_END]):
        a = s.enrolled[seat]
        if a < 0:
            continue
        for other in range(m.students[student, FIRST], m.students[student, LAST]):
            b = s.enrolled[other]
            if b >= 0 and other != seat and meets(m, s, a, b):
                return True
    return False


@compiled
def build_chain(m: Model, s: State, q: int, x: int) -> bool:
    """Write a chain with x, like the present one where possible; False: no room."""
    low = m.requests[q, SEATS]
    width = m.requests[q, SEATS_END] - low
    for k in range(width):
        s.scratch[NEW_CHAIN, k] = -1
        s.scratch[_WANTED, k] = -1
    f = m.classes[x, CONFIGURATION]
    stays = _is_in(m, s, f, low, width)
    y = x
    while y >= 0:
        s.scratch[_WANTED, m.classes[y, ORDER]] = y
        y = m.classes[y, PARENT]
    for k in range(m.configurations[f, LAST] - m.configurations[f, FIRST]):
        y = s.scratch[_WANTED, k]
        if y < 0 and stays:
            y = s.enrolled[low + k]  # none when the limits left half a chain
            if y >= 0 and not _fits(m, s, y, low, k):
                y = -1
        if y < 0:
            y = _any_class(m, s, m.configurations[f, FIRST] + k, low, k)
        if y < 0 or not _fits(m, s, y, low, k):
            return False
        s.scratch[NEW_CHAIN, k] = y
    return True


@inlined
def _is_in(m: Model, s: State, f: int, low: int, width: int) -> bool:
    """Say whether the classes in these seats, if any, are of a configuration."""
    for seat in range(low, low + width):
        if s.enrolled[seat] >= 0:
            return m.classes[s.enrolled[seat], CONFIGURATION] == f
    return False


@compiled
def _any_class(m: Model, s: State, subpart: int, low: int, k: int) -> int:
    first = m.subparts[subpart, FIRST]
    n = m.subparts[subpart, LAST] - first
    offset = draw(s, n)
    for i in range(n):
        y = m.subpart_classes[first + (offset + i) % n]
        if _fits(m, s, y, low, k):
            return y
    return -1


@inlined
def _fits(m: Model, s: State, y: int, low: int, k: int) -> bool:
    parent = m.classes[y, PARENT]
    if parent >= 0 and s.scratch[NEW_CHAIN, m.classes[parent, ORDER]] != parent:
        return False
    return s.attendance[y] < m.classes[y, LIMIT] or s.enrolled[low + k] == y


@compiled
def chain_delta(m: Model, s: State, q: int, row: int) -> int:
    """Return the change in conflicts if q's student took the chain in ``row``."""
    low, high = m.requests[q, SEATS], m.requests[q, SEATS_END]
    student = m.requests[q, STUDENT]
    delta = 0
    for k in range(high - low):
        new, old = s.scratch[row, k], s.enrolled[low + k]
        if new == old:
            continue
        for seat in range(m.students[student, FIRST], m.students[student, LAST]):
            before = after = s.enrolled[seat]
            if low <= seat < high:
                after = s.scratch[row, seat - low]
                if seat - low >= k and (before != after or seat - low == k):
                    continue
            if new >= 0 and after >= 0 and meets(m, s, new, after):
                delta += 1
            if old >= 0 and before >= 0 and meets(m, s, old, before):
                delta -= 1
    return delta


@compiled
def _leave(m: Model, s: State, q: int, seat: int) -> None:
    c = s.enrolled[seat]
    s.enrolled[seat] = -1
    s.attendance[c] -= 1
    first = m.classes[c, ROSTER]
    last = s.roster[first + s.attendance[c]]
    s.roster[first + s.roster_place[seat]] = last
    s.roster_place[last] = s.roster_place[seat]
    _join_all(m, s, q, c, -1)


@compiled
def _join(m: Model, s: State, q: int, seat: int, c: int) -> None:
    _join_all(m, s, q, c, 1)
    s.enrolled[seat] = c
    s.roster[m.classes[c, ROSTER] + s.attendance[c]] = seat
    s.roster_place[seat] = s.attendance[c]
    s.attendance[c] += 1


@compiled
def _join_all(m: Model, s: State, q: int, c: int, sign: int) -> None:
    student = m.requests[q, STUDENT]
    for seat in range(m.students[student, FIRST], m.students[student, LAST]):
        j = s.enrolled[seat]
        if j >= 0 and s.mate_place[c, j] != NEVER_MEET:
            _join_two(m, s, c, j, sign)
            _join_two(m, s, j, c, sign)
            if meets(m, s, c, j):
                add_conflicts(m, s, c, j, sign)


@inlined
def _join_two(m: Model, s: State, a: int, b: int, sign: int) -> None:
    first, place = m.classes[a, MATES], s.mate_place[a, b]
    if place == NO_MATES:
        place = s.mate_count[a]
        s.mate_place[a, b] = place
        s.mate_count[a] += 1
        s.mates[first + place, MATE] = b
        s.mates[first + place, JOINT] = 0
    s.mates[first + place, JOINT] += sign
    if s.mates[first + place, JOINT] == 0:
        s.mate_count[a] -= 1
        end = first + s.mate_count[a]
        last = s.mates[end, MATE]
        s.mates[first + place, MATE] = last
        s.mates[first + place, JOINT] = s.mates[end, JOINT]
        s.mate_place[a, last] = place
        s.mate_place[a, b] = NO_MATES
