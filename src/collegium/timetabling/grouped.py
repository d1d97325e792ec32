"""The four constraints over a whole group of classes, with exact integer costs.

They are MaxDays, MaxDayLoad, MaxBreaks and MaxBlock.

A group is cut into cells, one per day and atom (a set of weeks that no time of the
group tells apart). The violation of a cell depends only on the classes that meet
in it, so moving a class means computing anew the cells of its old and new time.
"""

from __future__ import annotations

from collegium.timetabling.arrays import (
    AT_TIME,
    DAYS,
    DISTRIBUTION_COST,
    END,
    G_ATOMS,
    G_ATOMS_END,
    G_CELLS,
    G_FIRST,
    G_HARD,
    G_KIND,
    G_MEMBERS,
    G_MEMBERS_END,
    G_PENALTY,
    G_SECOND,
    GROUPS,
    GROUPS_END,
    HARD_COUNT,
    MAX_BREAKS,
    MAX_DAY_LOAD,
    MAX_DAYS,
    PENALISED,
    SOFT_COST,
    START,
    WEEKS,
    WEIGHT_DISTRIBUTION,
    Model,
    State,
)
from collegium.timetabling.compiled import compiled

_HOUR_SLOTS = 12  # a hard excess of load is weighed by the hour
_STARTS, _ENDS = 0, 1  # rows of the scratch space used here


@compiled
def group_delta(m: Model, s: State, c: int, t: int) -> int:
    """Return by how much the penalised cost of c's groups changes if c moves to t."""
    delta = 0
    for row in range(m.classes[c, GROUPS], m.classes[c, GROUPS_END]):
        g = m.class_groups[row]
        after = s.raw[g] + _change(m, s, g, c, t, False)
        delta += penalised_group(m, s, g, after) - penalised_group(m, s, g, s.raw[g])
    return delta


@compiled
def move_in_groups(m: Model, s: State, c: int, t: int) -> None:
    """Bring cells, sums and totals to what they are with c at t (c still stands)."""
    for row in range(m.classes[c, GROUPS], m.classes[c, GROUPS_END]):
        g = m.class_groups[row]
        _count(m, s, g, -1)
        s.raw[g] += _change(m, s, g, c, t, True)
        _count(m, s, g, 1)


@compiled
def recount_groups(m: Model, s: State) -> None:
    """Compute all cells and sums from scratch and add them to the totals."""
    for g in range(len(m.groups)):
        s.raw[g] = 0
        if m.groups[g, G_KIND] == MAX_DAYS:
            s.raw[g] = _days_over(m, s, g, -1, 0)
        else:
            s.raw[g] = _fill_cells(m, s, g)
        _count(m, s, g, 1)


@compiled
def group_cost(m: Model, g: int, raw: int) -> int:
    """Return the unweighted cost of a soft group by the official rounding."""
    if m.groups[g, G_KIND] == MAX_DAYS:
        return m.groups[g, G_PENALTY] * raw
    return m.groups[g, G_PENALTY] * raw // m.n_weeks


@compiled
def penalised_group(m: Model, s: State, g: int, raw: int) -> int:
    """Return what a group costs the search when its violations sum up to ``raw``."""
    if m.groups[g, G_HARD] == 0:
        return m.weights[WEIGHT_DISTRIBUTION] * group_cost(m, g, raw)
    unit = hard_unit(m, g)
    return s.group_weight[g] * ((raw + unit - 1) // unit)


@compiled
def hard_unit(m: Model, g: int) -> int:
    """Return how much raw violation of a required group counts as one."""
    if m.groups[g, G_KIND] == MAX_DAYS:
        return 1
    if m.groups[g, G_KIND] == MAX_DAY_LOAD:
        return m.n_weeks * _HOUR_SLOTS
    return m.n_weeks


@compiled
def _count(m: Model, s: State, g: int, sign: int) -> None:
    cost = penalised_group(m, s, g, s.raw[g])
    s.totals[PENALISED] += sign * cost
    if m.groups[g, G_HARD] == 0:
        s.totals[DISTRIBUTION_COST] += sign * cost
        s.totals[SOFT_COST] += sign * cost
    elif s.raw[g] > 0:
        s.totals[HARD_COUNT] += sign


@compiled
def _change(m: Model, s: State, g: int, c: int, t: int, keep: bool) -> int:
    """Return the change of a group's sum if c moves to t, writing cells if keep."""
    if m.groups[g, G_KIND] == MAX_DAYS:
        return _days_over(m, s, g, c, t) - s.raw[g]
    change = 0
    old = s.at[c, AT_TIME]
    for a in range(m.groups[g, G_ATOMS], m.groups[g, G_ATOMS_END]):
        weeks, n_weeks = m.atoms[a, 0], m.atoms[a, 1]
        days = 0
        if m.times[old, WEEKS] & weeks:
            days |= m.times[old, DAYS]
        if m.times[t, WEEKS] & weeks:
            days |= m.times[t, DAYS]
        cell = m.groups[g, G_CELLS] + 7 * (a - m.groups[g, G_ATOMS])
        day = 0
        while days >> day:
            if days >> day & 1:
                value = _violation(m, s, g, weeks, day, c, t)
                change += n_weeks * (value - s.cells[cell + day])
                if keep:
                    s.cells[cell + day] = value
            day += 1
    return change


@compiled
def _fill_cells(m: Model, s: State, g: int) -> int:
    total = 0
    for a in range(m.groups[g, G_ATOMS], m.groups[g, G_ATOMS_END]):
        weeks, n_weeks = m.atoms[a, 0], m.atoms[a, 1]
        cell = m.groups[g, G_CELLS] + 7 * (a - m.groups[g, G_ATOMS])
        for day in range(7):
            s.cells[cell + day] = _violation(m, s, g, weeks, day, -1, 0)
            total += n_weeks * s.cells[cell + day]
    return total


@compiled
def _days_over(m: Model, s: State, g: int, c: int, t: int) -> int:
    days = 0
    for row in range(m.groups[g, G_MEMBERS], m.groups[g, G_MEMBERS_END]):
        member = m.members[row]
        time = t if member == c else s.at[member, AT_TIME]
        days |= m.times[time, DAYS]
    used = 0
    while days:
        days &= days - 1
        used += 1
    return max(0, used - m.groups[g, G_FIRST])


@compiled
def _violation(m: Model, s: State, g: int, weeks: int, day: int, c: int, t: int) -> int:
    """Return the violation of one day of one week, with c at t."""
    n = 0
    load = 0
    for row in range(m.groups[g, G_MEMBERS], m.groups[g, G_MEMBERS_END]):
        member = m.members[row]
        time = t if member == c else s.at[member, AT_TIME]
        if m.times[time, WEEKS] & weeks and m.times[time, DAYS] >> day & 1:
            load += m.times[time, END] - m.times[time, START]
            _insert(s, n, m.times[time, START], m.times[time, END])
            n += 1
    kind, first = m.groups[g, G_KIND], m.groups[g, G_FIRST]
    if kind == MAX_DAY_LOAD:
        return max(0, load - first)
    if kind == MAX_BREAKS:
        return max(0, _blocks(s, n, m.groups[g, G_SECOND], -1) - first - 1)
    return _blocks(s, n, m.groups[g, G_SECOND], first)


@compiled
def _insert(s: State, n: int, start: int, end: int) -> None:
    while n > 0 and s.scratch[_STARTS, n - 1] > start:
        s.scratch[_STARTS, n] = s.scratch[_STARTS, n - 1]
        s.scratch[_ENDS, n] = s.scratch[_ENDS, n - 1]
        n -= 1
    s.scratch[_STARTS, n] = start
    s.scratch[_ENDS, n] = end


@compiled
def _blocks(s: State, n: int, gap: int, longest: int) -> int:
    """Count the blocks, or those of two or more classes longer than ``longest``."""
    count = 0
    k = 0
    while k < n:
        start, end, size = s.scratch[_STARTS, k], s.scratch[_ENDS, k], 1
        k += 1
        while k < n and s.scratch[_STARTS, k] - end <= gap:
            end = max(end, s.scratch[_ENDS, k])
            size += 1
            k += 1
        if longest < 0 or (size >= 2 and end - start > longest):
            count += 1
    return count
