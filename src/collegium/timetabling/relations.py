"""Everything that two times can be to each other, tabulated once per instance.

Real instances know some tens to two thousand distinct times, so a square table
answers every pair constraint by one look: the gap in slots between the two
meetings in the upper half of the entry, one bit per broken relation in the lower.
"""

from __future__ import annotations

import numpy as np

from collegium.timetabling.arrays import DAYS, END, I32, I64, START, WEEKS, Model
from collegium.timetabling.compiled import compiled, inlined

SAME_START = 1
SAME_TIME = 2
DIFFERENT_TIME = 4
SAME_DAYS = 8
DIFFERENT_DAYS = 16
SAME_WEEKS = 32
DIFFERENT_WEEKS = 64
OVERLAP = 128
PRECEDES = 256
FOLLOWS = 512
TOGETHER = SAME_START | SAME_TIME | SAME_DAYS | SAME_WEEKS

APART = 32767  # the gap of two times without a common day and week


@compiled
def tabulate(times: I64) -> I32:
    """Relate all pairs of times.

    Parameters
    ----------
    times : (n, 4) day set, start, end, week set; the last row is "no time".

    Returns
    -------
    (n * n,) ``gap << 16 | broken``: gap is -1 for times that overlap, APART for
    times without a common day and week. Nothing is broken with "no time".
    """
    n = len(times)
    table = np.full(n * n, APART << 16, np.int32)
    for i in range(n - 1):
        for j in range(n - 1):
            gap = _gap(times[i], times[j])
            table[i * n + j] = (gap << 16) | _broken(times[i], times[j], gap)
    return table


@compiled
def _gap(a: I64, b: I64) -> int:
    if a[DAYS] & b[DAYS] == 0 or a[WEEKS] & b[WEEKS] == 0:
        return APART
    if a[END] <= b[START]:
        return b[START] - a[END]
    if b[END] <= a[START]:
        return a[START] - b[END]
    return -1


@compiled
def _broken(a: I64, b: I64, gap: int) -> int:
    bits = 0
    if a[START] != b[START]:
        bits |= SAME_START
    if not _contains(a, b) and not _contains(b, a):
        bits |= SAME_TIME
    if a[START] < b[END] and b[START] < a[END]:
        bits |= DIFFERENT_TIME
    bits |= _broken_sets(a[DAYS], b[DAYS], SAME_DAYS, DIFFERENT_DAYS)
    bits |= _broken_sets(a[WEEKS], b[WEEKS], SAME_WEEKS, DIFFERENT_WEEKS)
    if gap >= 0:
        bits |= OVERLAP
    if not _precedes(a, b):
        bits |= PRECEDES
    if not _precedes(b, a):
        bits |= FOLLOWS
    return bits


@compiled
def _contains(a: I64, b: I64) -> bool:
    return a[START] <= b[START] and b[END] <= a[END]


@compiled
def _broken_sets(a: int, b: int, same: int, different: int) -> int:
    common = a & b
    if common == 0:
        return 0 if (a == 0 or b == 0) else same
    return different if common in (a, b) else same | different


@compiled
def _precedes(a: I64, b: I64) -> bool:
    week_a, week_b = a[WEEKS] & -a[WEEKS], b[WEEKS] & -b[WEEKS]
    if week_a != week_b:
        return week_a < week_b
    day_a, day_b = a[DAYS] & -a[DAYS], b[DAYS] & -b[DAYS]
    if day_a != day_b:
        return day_a < day_b
    return a[END] <= b[START]


# Kinds of a row of Model.pairs; its parameter is named in the comment.
TRAVEL = 0  # broken when there is no time to walk: SameAttendees
GAP = 1  # broken when the gap is below the parameter: NotOverlap, MinGap
BITS = 2  # broken when the table has one of these bits: the relations above
SPAN = 3  # broken when the day is longer than the parameter: WorkDay
ONE_ROOM = 4  # broken in different rooms: SameRoom
TWO_ROOMS = 5  # broken in the same room: DifferentRoom


@inlined
def is_broken(
    m: Model, kind: int, parameter: int, entry: int, t: int, u: int, r: int, q: int
) -> bool:
    """Say whether a class at time t in room r and its other at u in q break a pair.

    ``entry`` is the table's entry of t and u. A class without a time or room
    breaks nothing.
    """
    if kind == TRAVEL:
        return (entry >> 16) < m.travel[r, q]
    if kind == GAP:
        return (entry >> 16) < parameter
    if kind == BITS:
        return entry & parameter != 0
    if kind == SPAN:
        return (entry >> 16) != APART and _span(m, t, u) > parameter
    if r == m.n_rooms or q == m.n_rooms:
        return False
    return (r == q) == (kind == TWO_ROOMS)


@inlined
def _span(m: Model, t: int, u: int) -> int:
    last = max(m.times[t, END], m.times[u, END])
    return last - min(m.times[t, START], m.times[u, START])
