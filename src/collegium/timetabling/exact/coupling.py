"""What two freed classes cost each other, and the rows of a program that say so.

Two classes have a table of costs, one entry for each placement of the one and each
of the other. Placements with equal rows in the table are taken together, so each
row says: of these placements of the one and those of the other, at most one is
chosen (or the cost is paid). That is both small and tight.
"""

from __future__ import annotations

import numpy as np

from collegium.timetabling.arrays import (
    I32,
    I64,
    JOINT,
    KIND,
    MATES,
    OTHER,
    PAIRS,
    PAIRS_END,
    PARAMETER,
    U8,
    WEIGHT_STUDENT,
    Model,
    State,
)
from collegium.timetabling.compiled import compiled
from collegium.timetabling.objective import pair_cost
from collegium.timetabling.relations import ONE_ROOM, TRAVEL, is_broken

NOTHING, BY_TIME, BY_PLACE = 0, 1, 2  # what the cost of two classes depends on


@compiled
def joint_students(m: Model, s: State, c: int, d: int) -> int:
    """Return how many students attend both classes."""
    place = s.mate_place[c, d]
    return s.mates[m.classes[c, MATES] + place, JOINT] if place >= 0 else 0


@compiled
def couplings(m: Model, s: State, free: I32, has_travel: U8) -> I32:
    """Say for all pairs of freed classes on what their mutual cost depends, (n, n).

    Parameters
    ----------
    has_travel : (n, n) whether any placements of the two are a walk apart.
    """
    n = len(free)
    number = np.full(len(m.classes), -1, np.int32)
    number[free] = np.arange(n, dtype=np.int32)
    kinds = np.zeros((n, n), np.int32)
    for k in range(n):
        c = free[k]
        for row in range(m.classes[c, PAIRS], m.classes[c, PAIRS_END]):
            j = number[m.pairs[row, OTHER]]
            if j >= 0:
                kind = m.pairs[row, KIND]
                walks = kind == TRAVEL and has_travel[k, j]
                by_place = kind >= ONE_ROOM or walks
                kinds[k, j] = max(kinds[k, j], BY_PLACE if by_place else BY_TIME)
        for j in range(n):
            if joint_students(m, s, c, free[j]) > 0:
                by_place = has_travel[k, j] != 0
                kinds[k, j] = max(kinds[k, j], BY_PLACE if by_place else BY_TIME)
    return kinds


@compiled
def walks_apart(m: Model, rooms: I32, ends: I32) -> U8:
    """Say for all pairs of classes whether any of their rooms are a walk apart.

    Parameters
    ----------
    rooms : (n,) distinct rooms, class after class; ends : where a class begins.
    """
    n = len(ends) - 1
    apart = np.zeros((n, n), np.uint8)
    for k in range(n):
        for j in range(k):
            for a in range(ends[k], ends[k + 1]):
                for b in range(ends[j], ends[j + 1]):
                    if m.travel[rooms[a], rooms[b]] > 0:
                        apart[k, j] = apart[j, k] = 1
    return apart


@compiled
def cost_table(m: Model, s: State, c: int, d: int, at_c: I32, at_d: I32) -> I64:
    """Return what c and d cost each other apart from clashes in rooms.

    Parameters
    ----------
    at_c, at_d : (n, 2) time and room.
    """
    table = np.zeros((len(at_c), len(at_d)), np.int64)
    price = m.weights[WEIGHT_STUDENT] * joint_students(m, s, c, d)
    if price > 0:
        _add_broken(m, TRAVEL, 0, price, at_c, at_d, table)
    for row in range(m.classes[c, PAIRS], m.classes[c, PAIRS_END]):
        if m.pairs[row, OTHER] == d:
            kind, parameter = m.pairs[row, KIND], m.pairs[row, PARAMETER]
            _add_broken(m, kind, parameter, pair_cost(m, s, row), at_c, at_d, table)
    return table


@compiled
def broken_table(m: Model, kind: int, parameter: int, at_c: I32, at_d: I32) -> I64:
    """Return 1 for all placements of two classes that break a pair rule, else 0."""
    table = np.zeros((len(at_c), len(at_d)), np.int64)
    _add_broken(m, kind, parameter, 1, at_c, at_d, table)
    return table


@compiled
def _add_broken(
    m: Model, kind: int, parameter: int, price: int, at_c: I32, at_d: I32, table: I64
) -> None:
    for a in range(len(at_c)):
        t, r = at_c[a]
        for b in range(len(at_d)):
            u, q = at_d[b]
            entry = m.relation[t * (m.n_times + 1) + u]
            if is_broken(m, kind, parameter, entry, t, u, r, q):
                table[a, b] += price


@compiled
def levels(table: I64, most: int) -> I64:
    """Return the distinct positive costs, ascending; all above ``most`` are one."""
    found = np.zeros(0, np.int64)
    for a in range(table.shape[0]):
        for b in range(table.shape[1]):
            value = min(table[a, b], most + 1)
            if value > 0 and not np.any(found == value):
                found = np.append(found, value)
    return np.sort(found)


@compiled
def exclusions(
    table: I64, threshold: int, columns_c: I32, columns_d: I32
) -> tuple[I32, I32]:
    """Cover the entries of at least ``threshold`` with sets of columns.

    Returns
    -------
    the columns of all sets, and where each begins (one more at the end): of each
    set's columns those of c and those of d exclude each other.
    """
    by_c = _equal_rows(table, threshold)
    by_d = _equal_rows(table.T, threshold)
    if by_c.max() <= by_d.max():
        return _sets(table, threshold, by_c, columns_c, columns_d)
    return _sets(table.T, threshold, by_d, columns_d, columns_c)


@compiled
def hashed(number: int) -> np.uint64:
    """Spread a number over 64 bits (splitmix64), so that sums name sets."""
    x = np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return x ^ (x >> np.uint64(32))


@compiled
def _equal_rows(table: I64, threshold: int) -> I32:
    """Return a number from 1 for each distinct row; 0 for rows without an entry."""
    n, width = table.shape
    hashes = np.zeros(n, np.uint64)
    for a in range(n):
        for b in range(width):
            if table[a, b] >= threshold:
                hashes[a] += hashed(b)
    numbers = np.zeros(n, np.int32)
    firsts = np.zeros(n + 1, np.int32)
    count = 0
    for a in range(n):
        if hashes[a] == 0:
            continue
        for g in range(1, count + 1):
            b = firsts[g]
            if hashes[b] == hashes[a] and _is_same(table, threshold, a, b):
                numbers[a] = g
                break
        if numbers[a] == 0:
            count += 1
            firsts[count] = a
            numbers[a] = count
    return numbers


@compiled
def _is_same(table: I64, threshold: int, a: int, other: int) -> bool:
    for b in range(table.shape[1]):
        if (table[a, b] >= threshold) != (table[other, b] >= threshold):
            return False
    return True


@compiled
def _sets(
    table: I64, threshold: int, numbers: I32, columns: I32, others: I32
) -> tuple[I32, I32]:
    n = numbers.max()
    ends = np.zeros(n + 1, np.int32)
    found = np.empty(len(columns) + n * len(others), np.int32)
    size = 0
    for g in range(1, n + 1):
        first = -1
        for a in range(len(columns)):
            if numbers[a] == g:
                first = a
                found[size] = columns[a]
                size += 1
        for b in range(len(others)):
            if table[first, b] >= threshold:
                found[size] = others[b]
                size += 1
        ends[g] = size
    return found[:size], ends
