"""Free some classes of a timetable and say as a program where they could go.

The program's cost plus the cost of all that stays is the exact penalised cost of the
state, with all 19 constraints, required ones at their present weights. Students keep
their classes: what they cost is linear in the placements of pairs of classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from collegium.timetabling import grouped
from collegium.timetabling.arrays import (
    G_HARD,
    G_MEMBERS,
    G_MEMBERS_END,
    GROUPS,
    GROUPS_END,
    I32,
    I64,
    PENALISED,
    Model,
    State,
)
from collegium.timetabling.exact import clashes, coupling, placements
from collegium.timetabling.exact.group_rows import Choice, add_group
from collegium.timetabling.exact.placements import ROOM, TIME
from collegium.timetabling.exact.program import Program, ProgramBuilder

_CLASHES_ARE_DEARER = 8  # times the rows, when clashes in rooms can be afforded
_MOST_TERMS = 400_000  # in all rows; writing so many takes about a second


class _TooManyTerms(Exception):
    """The part would take longer to write down than it is worth."""


@dataclass(frozen=True)
class Part:
    """A part of a timetable, freed.

    Parameters
    ----------
    free : (n,) classes, ascending.
    rows : (n, 2) rows of the times and rooms they have.
    cost : what the part costs now, in units of the program's cost.
    program : where they could go; its first columns are the placements.
    placements : (n_placements, 4); starts : (n + 1,) where a class's begin.
    """

    free: I32
    rows: I32
    cost: int
    program: Program
    placements: I32
    starts: I32

    def rows_of(self, values: NDArray[np.int64]) -> I32:
        """Return the rows of times and rooms that a point of the program means."""
        chosen = np.flatnonzero(values[: self.starts[-1]])
        return np.ascontiguousarray(self.placements[chosen, :2])


@dataclass(frozen=True)
class _Items:
    """The columns of the freed classes, by time or by place.

    Parameters
    ----------
    at : (n, 2) time and room; columns : (n,); starts : where a class's begin.
    """

    at: I32
    columns: I32
    starts: I32

    def of(self, k: int) -> tuple[I32, I32]:
        """Return the items of the k-th freed class."""
        part = slice(self.starts[k], self.starts[k + 1])
        return self.at[part], self.columns[part]


def free_part(
    m: Model, s: State, free: I32, most_placements: int, spare: int = 0
) -> Part | None:
    """Describe a part of the timetable; the state is unchanged afterwards.

    Parameters
    ----------
    free : (n,) distinct classes with a place, ascending.
    most_placements : None is returned when more could be part of a better
        timetable, and also when the program would become too long.
    spare : how much more than now a timetable may cost and be wanted all the same.
    """
    before = int(s.totals[PENALISED])
    raw_before = s.raw.copy()
    rows = placements.lift(m, s, free)
    try:
        outside = int(s.totals[PENALISED])
        groups = _groups_of(m, free)
        group_costs = sum(
            int(grouped.penalised_group(m, s, g, s.raw[g])) for g in groups
        )
        cost = before - outside + int(group_costs)
        least = placements.least_costs(m, s, free, rows)
        slack = cost + spare - int(least.sum())
        found, costs, starts, present = placements.collect(
            m, s, free, rows, least + slack
        )
        if slack >= s.room_weight.min(initial=slack + 1):
            most_placements //= _CLASHES_ARE_DEARER
        if len(found) > most_placements:
            return None
        builder = _Builder(m, s, free, found, starts, slack)
        builder.add_placements(costs, present)
        builder.add_couplings()
        builder.add_rooms()
        for g in groups:
            is_kept = bool(m.groups[g, G_HARD]) and raw_before[g] == 0
            builder.add_group(g, is_kept)
        return Part(free, rows, cost, builder.program.build(), found, starts)
    except _TooManyTerms:
        return None
    finally:
        placements.put_back(m, s, free, rows)


def _groups_of(m: Model, free: I32) -> list[int]:
    found: set[int] = set()
    for c in free.tolist():
        found.update(m.class_groups[m.classes[c, GROUPS] : m.classes[c, GROUPS_END]])
    return sorted(int(g) for g in found)


class _Builder:
    """Puts the rows of a part together."""

    def __init__(
        self, m: Model, s: State, free: I32, found: I32, starts: I32, slack: int
    ) -> None:
        self.m, self.s, self.free, self.slack = m, s, free, slack
        self.found, self.starts = found, starts
        self.program = ProgramBuilder()
        self.places = _Items(
            np.ascontiguousarray(found[:, [TIME, ROOM]]),
            np.arange(len(found), dtype=np.int32),
            starts,
        )
        self.times = self.places

    def add_placements(self, costs: I64, present: I32) -> None:
        """Add a 0/1 variable for each placement, and one for each time with many."""
        hint = np.zeros(len(costs), np.int64)
        hint[present] = 1
        self.program.add_variables(costs.tolist(), hint.tolist())
        at, columns, starts = [], [], [0]
        for k in range(len(self.free)):
            first, last = int(self.starts[k]), int(self.starts[k + 1])
            self.program.add_row(range(first, last), [1] * (last - first), 1, 1)
            times, inverse = np.unique(
                self.found[first:last, TIME], return_inverse=True
            )
            own = np.empty(len(times), np.int32)
            for i in range(len(times)):
                same = (first + np.flatnonzero(inverse == i)).tolist()
                own[i] = self._time_column(same)
            at.append(np.stack([times, np.full(len(times), self.m.n_rooms)], axis=1))
            columns.append(own)
            starts.append(starts[-1] + len(times))
        self.times = _Items(
            np.concatenate(at).astype(np.int32),
            np.concatenate(columns),
            np.array(starts, np.int32),
        )

    def _time_column(self, same: list[int]) -> int:
        if len(same) == 1:
            return same[0]
        hint = max(self.program.hint[column] for column in same)
        column = self.program.add_variable(1, 0, hint)
        self.program.add_row([*same, column], [1] * len(same) + [-1], 0, 0)
        return column

    def add_couplings(self) -> None:
        """Add what the freed classes cost each other, clashes in rooms apart."""
        rooms = [
            np.unique(self.found[self.starts[k] : self.starts[k + 1], ROOM])
            for k in range(len(self.free))
        ]
        ends = np.cumsum([0, *map(len, rooms)]).astype(np.int32)
        walks = coupling.walks_apart(self.m, np.concatenate(rooms), ends)
        kinds = coupling.couplings(self.m, self.s, self.free, walks)
        for k, j in np.argwhere(np.triu(kinds, 1)).tolist():
            self._couple(
                k, j, self.places if kinds[k, j] == coupling.BY_PLACE else self.times
            )

    def _couple(self, k: int, j: int, items: _Items) -> None:
        (at_k, columns_k), (at_j, columns_j) = items.of(k), items.of(j)
        c, d = int(self.free[k]), int(self.free[j])
        table = coupling.cost_table(self.m, self.s, c, d, at_k, at_j)
        paid = 0
        for level in coupling.levels(table, self.slack).tolist():
            columns, ends = coupling.exclusions(table, level, columns_k, columns_j)
            self._exclude(columns.tolist(), ends.tolist(), level - paid, level)
            paid = level

    def _exclude(
        self, columns: list[int], ends: list[int], price: int, level: int
    ) -> None:
        if len(self.program.columns) + len(columns) > _MOST_TERMS:
            raise _TooManyTerms
        forbidden = level > self.slack
        pays = -1 if forbidden else self.program.add_variable(1, price)
        for first, last in pairwise(ends):
            chosen = columns[first:last]
            ones = [1] * len(chosen)
            if forbidden:
                self.program.add_row(chosen, ones, high=1)
            else:
                self.program.at_least(pays, chosen, ones, -1)

    def add_rooms(self) -> None:
        """Keep the freed classes apart in each room, or let each clash have its price.

        A clash is a matter of two classes, however many moments they share, so the
        sets are made for every two when a clash can be afforded.
        """
        owners = np.repeat(np.arange(len(self.free)), np.diff(self.starts))
        for r in np.unique(self.found[:, ROOM]).tolist():
            if r == self.m.n_rooms:
                continue
            own = np.flatnonzero(self.found[:, ROOM] == r)
            price = int(self.s.room_weight[r])
            if price > self.slack:
                self._exclude_in_room(own, owners, price)
                continue
            for pair in combinations(np.unique(owners[own]), 2):
                self._exclude_in_room(own[np.isin(owners[own], pair)], owners, price)

    def _exclude_in_room(self, own: I64, owners: I64, price: int) -> None:
        times = np.ascontiguousarray(self.found[own, TIME])
        chosen, ends = clashes.room_exclusions(
            self.m, times, owners[own].astype(np.int32)
        )
        if len(chosen):
            self._exclude(own[chosen].tolist(), ends.tolist(), price, price)

    def add_group(self, g: int, is_kept: bool) -> None:
        """Add one Max* constraint."""
        number = {int(c): k for k, c in enumerate(self.free)}
        members = self.m.members[
            self.m.groups[g, G_MEMBERS] : self.m.groups[g, G_MEMBERS_END]
        ].tolist()
        choices: list[Choice] = []
        for c in members:
            if c in number:
                at, columns = self.times.of(number[c])
                choices.extend(
                    Choice(c, column, time)
                    for column, time in zip(
                        columns.tolist(), at[:, 0].tolist(), strict=True
                    )
                )
        add_group(self.program, self.m, self.s, g, choices, is_kept)
