"""The first seats: students get chains of classes that respect limits and parents.

Courses do not compete for seats, so each is filled alone. The room left in a class
counts what is left in the classes whose parent it is; as long as only classes with
room left in this sense are chosen, nobody who could be seated is left standing
(parents form a forest).
"""

from __future__ import annotations

import numpy as np

from collegium.timetabling.arrays import (
    AT_ROOM,
    AT_TIME,
    C_CLASSES,
    C_CLASSES_END,
    CONFIGURATION,
    COURSE,
    FIRST,
    I32,
    I64,
    LAST,
    LIMIT,
    ORDER,
    PARENT,
    REQUESTED,
    SEATS,
    SEATS_END,
    STUDENT,
    Model,
    State,
)
from collegium.timetabling.chance import draw
from collegium.timetabling.compiled import compiled
from collegium.timetabling.objective import in_conflict
from collegium.timetabling.sectioning import take_chain

_CHAIN = 2  # row of the scratch space used here
_FULL = -(1 << 60)


@compiled
def seat_given(m: Model, s: State, ends: I32, attended: I32) -> None:
    """Seat students as a timetable says, where it names a possible chain.

    Parameters
    ----------
    ends : (n_students + 1,) where each student's classes begin in ``attended``.
    """
    for q in range(len(m.requests)):
        student, course = m.requests[q, STUDENT], m.requests[q, REQUESTED]
        width = m.requests[q, SEATS_END] - m.requests[q, SEATS]
        for k in range(width):
            s.scratch[_CHAIN, k] = -1
        size = 0
        for i in range(ends[student], ends[student + 1]):
            c = attended[i]
            if m.classes[c, COURSE] == course:
                s.scratch[_CHAIN, m.classes[c, ORDER]] = c
                size += 1
        if size > 0 and _is_chain(m, s, size):
            take_chain(m, s, q, _CHAIN)


@compiled
def seat_all(m: Model, s: State) -> int:
    """Seat every request that has no chain yet; return how many break a limit."""
    left = np.zeros(len(m.classes), np.int64)
    broken = 0
    for q in range(len(m.requests)):
        low = m.requests[q, SEATS]
        if low == m.requests[q, SEATS_END] or s.enrolled[low] >= 0:
            continue
        f = _best_configuration(m, s, m.requests[q, REQUESTED], left)
        if f >= 0:
            broken += _choose_chain(m, s, q, f, left)
            take_chain(m, s, q, _CHAIN)
    return broken


@compiled
def _is_chain(m: Model, s: State, size: int) -> bool:
    f = m.classes[max(0, s.scratch[_CHAIN, 0]), CONFIGURATION]
    if size != m.configurations[f, LAST] - m.configurations[f, FIRST]:
        return False
    for k in range(size):
        c = s.scratch[_CHAIN, k]
        if c < 0 or m.classes[c, CONFIGURATION] != f:
            return False
        parent = m.classes[c, PARENT]
        if parent >= 0 and s.scratch[_CHAIN, m.classes[parent, ORDER]] != parent:
            return False
        if s.attendance[c] >= m.classes[c, LIMIT]:
            return False
    return True


@compiled
def _best_configuration(m: Model, s: State, course: int, left: I64) -> int:
    """Fill ``left`` for the course; return the configuration with most room."""
    best, chosen, last = _FULL, -1, -1
    for row in range(m.courses[course, C_CLASSES], m.courses[course, C_CLASSES_END]):
        f = m.classes[m.course_classes[row], CONFIGURATION]
        if f != last:
            last = f
            room = _room_left(m, s, f, left)
            if room > best:
                best, chosen = room, f
    return chosen


@compiled
def _room_left(m: Model, s: State, f: int, left: I64) -> int:
    first, last = m.configurations[f, FIRST], m.configurations[f, LAST]
    for k in range(last - 1, first - 1, -1):
        for i in range(m.subparts[k, FIRST], m.subparts[k, LAST]):
            c = m.subpart_classes[i]
            left[c] = m.classes[c, LIMIT] - s.attendance[c]
            for below in range(k + 1, last):
                left[c] = min(left[c], _room_below(m, below, c, left))
    room = 1 << 60
    for k in range(first, last):
        total = 0
        for i in range(m.subparts[k, FIRST], m.subparts[k, LAST]):
            total += max(0, left[m.subpart_classes[i]])
        room = min(room, total)
    return room


@compiled
def _room_below(m: Model, below: int, c: int, left: I64) -> int:
    """Return the room in a later subpart for those who attend c."""
    total = 0
    depends = False
    for i in range(m.subparts[below, FIRST], m.subparts[below, LAST]):
        y = m.subpart_classes[i]
        parent = m.classes[y, PARENT]
        if parent == c or parent < 0:
            total += max(0, left[y])
        if parent >= 0 and m.classes[parent, ORDER] == m.classes[c, ORDER]:
            depends = True
    return total if depends else 1 << 60


@compiled
def _choose_chain(m: Model, s: State, q: int, f: int, left: I64) -> int:
    """Write a chain of the configuration; return 1 if a class has no room left."""
    low = m.requests[q, SEATS]
    for k in range(m.requests[q, SEATS_END] - low):
        s.scratch[_CHAIN, k] = -1
    first = m.configurations[f, FIRST]
    broken = 0
    for k in range(first, m.configurations[f, LAST]):
        best, chosen = _FULL, -1
        begin = m.subparts[k, FIRST]
        n = m.subparts[k, LAST] - begin
        offset = draw(s, n)
        for i in range(n):
            c = m.subpart_classes[begin + (offset + i) % n]
            parent = m.classes[c, PARENT]
            if parent >= 0 and s.scratch[_CHAIN, m.classes[parent, ORDER]] != parent:
                continue
            value = left[c]
            if value > 0:
                value = (1 << 30) - _conflicts(m, s, q, c)
            if value > best:
                best, chosen = value, c
        s.scratch[_CHAIN, k - first] = chosen
        if chosen < 0 or left[chosen] <= 0:
            broken = 1
    return broken


@compiled
def _conflicts(m: Model, s: State, q: int, c: int) -> int:
    student = m.requests[q, STUDENT]
    count = 0
    for seat in range(m.students[student, FIRST], m.students[student, LAST]):
        j = s.enrolled[seat]
        if j >= 0 and in_conflict(
            m, s.at[c, AT_TIME], s.at[c, AT_ROOM], s.at[j, AT_TIME], s.at[j, AT_ROOM]
        ):
            count += 1
    return count
