"""A smallest set of hard rules that cannot hold together.

Only what decides where classes can be is looked at: required distributions, rooms
that hold one class at a time, and rooms that are closed. The set is found by a
deletion filter: a rule is left out, and if no timetable appears, it stays out. What
is left cannot hold together, and without any one of it the rest can.

References
----------
J. W. Chinneck, E. W. Dravnieks, "Locating minimal infeasible constraint sets in
linear programs", ORSA J. Comput. 3(2), 1991, doi:10.1287/ijoc.3.2.157
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from collegium.timetabling.arrays import I32, U8
from collegium.timetabling.distributions import pair_kind
from collegium.timetabling.exact import clashes, coupling, cpsat
from collegium.timetabling.exact.group_rows import Choice, add_group
from collegium.timetabling.exact.program import Program, ProgramBuilder
from collegium.timetabling.instance import Instance
from collegium.timetabling.problem import Distribution, DistributionType, HardRule
from collegium.timetabling.solution import UNASSIGNED, Solution
from collegium.timetabling.states import empty_state

_GROUPS = (
    DistributionType.MAX_DAYS,
    DistributionType.MAX_DAY_LOAD,
    DistributionType.MAX_BREAKS,
    DistributionType.MAX_BLOCK,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A hard rule.

    Parameters
    ----------
    kind : ``HardRule`` or the type of a required distribution.
    index : of the distribution, or of the room.
    classes : indices of the classes of the question that it concerns.
    """

    kind: str
    index: int
    classes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Rules that cannot hold together.

    Parameters
    ----------
    is_minimal : without any one of them the others can; False when a question
        along the way could not be answered within its effort.
    """

    rules: tuple[Rule, ...]
    is_minimal: bool


def find_conflict(
    instance: Instance,
    classes: Sequence[int],
    *,
    held: Solution | None = None,
    free: Sequence[int] = (),
    effort: float = 5.0,
    goes_on: Callable[[], bool] | None = None,
) -> Conflict | None:
    """Return rules over these classes that cannot hold together, None if all can.

    Parameters
    ----------
    classes : what the question is about; rules on other classes are not looked at.
    held : where all of them but the ``free`` ones must stay, as far as they have a
        place there; None when all may be anywhere.
    effort : limit of one question to the solver, about seconds; a question that it
        cannot answer counts as answered by a timetable.
    """
    question = _Question(instance, sorted(set(classes)), held, set(free))
    rules = question.rules
    if question.can_hold(range(len(rules)), effort, goes_on) is not False:
        return None
    left = list(range(len(rules)))
    is_minimal = True
    size = max(1, len(left) // 2)
    while True:
        position = 0
        while position < len(left):
            fewer = left[:position] + left[position + size :]
            answer = question.can_hold(fewer, effort, goes_on)
            if answer is False:
                left = fewer
                continue
            is_minimal &= answer is not None or size > 1
            position += size
        if size == 1:
            return Conflict(tuple(rules[k] for k in left), is_minimal)
        size = max(1, size // 2)


class _Question:
    """A program whose rows belong to rules that can be left out."""

    def __init__(
        self,
        instance: Instance,
        classes: Sequence[int],
        held: Solution | None,
        free: set[int],
    ) -> None:
        self.instance, self.model = instance, instance.model
        self.classes = classes
        self.builder = ProgramBuilder()
        self.at: dict[int, I32] = {}
        self.first: dict[int, int] = {}
        self.rules: list[Rule] = []
        self.owner: list[int] = []  # rule of a row, -1 for rows that always hold
        for c in classes:
            stays = held if c not in free else None
            self._add_class(c, stays)
        self._add_rooms()
        self._add_distributions()
        self.program = self.builder.build()

    def can_hold(
        self,
        rules: Iterable[int],
        effort: float,
        goes_on: Callable[[], bool] | None,
    ) -> bool | None:
        """Say whether these rules can hold together; None: not known."""
        wanted = {-1, *rules}
        rows = np.array([rule in wanted for rule in self.owner], np.bool_)
        return cpsat.is_feasible(_with_rows(self.program, rows), effort, goes_on)

    def _own(self, rule: Rule | None) -> None:
        """Let the rows added since the last call belong to a rule."""
        number = -1
        new = len(self.builder.low) - len(self.owner)
        if rule is not None and new:
            number = len(self.rules)
            self.rules.append(rule)
        self.owner.extend([number] * new)

    def _add_class(self, c: int, held: Solution | None) -> None:
        places, class_ = self.instance.places, self.instance.problem.classes[c]
        times = places.times[places.time_ends[c] : places.time_ends[c + 1]]
        rooms = places.rooms[places.room_ends[c] : places.room_ends[c + 1]]
        if held is not None and held.times[c] != UNASSIGNED:
            times = times[[held.times[c]]]
            if class_.needs_room and held.rooms[c] != UNASSIGNED:
                rooms = rooms[[held.rooms[c]]]
        at = np.stack(
            [np.repeat(times, len(rooms)), np.tile(rooms, len(times))], axis=1
        )
        self.at[c] = np.ascontiguousarray(at, np.int32)
        self.first[c] = self.builder.add_variables([0] * len(at), [0] * len(at))
        columns = self._columns(c).tolist()
        self.builder.add_row(columns, [1] * len(columns), 1, 1)
        self._own(None)

    def _columns(self, c: int) -> I32:
        return np.arange(len(self.at[c]), dtype=np.int32) + np.int32(self.first[c])

    def _add_rooms(self) -> None:
        closed: U8 = self.instance.places.closed
        columns = np.concatenate([self._columns(c) for c in self.classes])
        at = np.concatenate([self.at[c] for c in self.classes])
        owners = np.repeat(self.classes, [len(self.at[c]) for c in self.classes])
        for r in np.unique(at[:, 1]).tolist():
            if r == self.model.n_rooms:
                continue
            own = np.flatnonzero(at[:, 1] == r)
            inside = tuple(np.unique(owners[own]).tolist())
            shut = columns[own[closed[r, at[own, 0]] > 0]].tolist()
            if shut:
                self.builder.add_row(shut, [1] * len(shut), high=0)
            self._own(Rule(HardRule.ROOM_UNAVAILABLE, r, inside))
            chosen, ends = clashes.room_exclusions(
                self.model,
                np.ascontiguousarray(at[own, 0]),
                owners[own].astype(np.int32),
            )
            self._add_sets(columns[own[chosen]].tolist(), ends.tolist())
            self._own(Rule(HardRule.ROOM_DOUBLE_BOOKED, r, inside))

    def _add_sets(self, columns: list[int], ends: list[int]) -> None:
        for first, last in pairwise(ends):
            self.builder.add_row(columns[first:last], [1] * (last - first), high=1)

    def _add_distributions(self) -> None:
        group = 0
        for number, rule in enumerate(self.instance.problem.distributions):
            inside = tuple(c for c in rule.classes if c in self.first)
            if rule.type in _GROUPS:
                matters = rule.required or rule.penalty > 0
                if rule.required and inside and _is_said_by(rule, inside):
                    self._add_group(group, inside)
                group += matters and len(rule.classes) > 0
            elif rule.required:
                self._add_pairs(rule, inside)
            self._own(Rule(rule.type, number, inside))

    def _add_group(self, g: int, inside: tuple[int, ...]) -> None:
        choices = [
            Choice(c, column, time)
            for c in inside
            for column, time in zip(
                self._columns(c).tolist(), self.at[c][:, 0].tolist(), strict=True
            )
        ]
        state = empty_state(self.instance, 0, 1)
        add_group(self.builder, self.model, state, g, choices, is_kept=True)

    def _add_pairs(self, rule: Distribution, inside: tuple[int, ...]) -> None:
        kind, parameter = pair_kind(rule)
        for c, d in combinations(inside, 2):
            table = coupling.broken_table(
                self.model, kind, parameter, self.at[c], self.at[d]
            )
            if table.any():
                columns, ends = coupling.exclusions(
                    table, 1, self._columns(c), self._columns(d)
                )
                self._add_sets(columns.tolist(), ends.tolist())


def _is_said_by(rule: Distribution, inside: tuple[int, ...]) -> bool:
    """Say whether some members alone can break a group: one more may join blocks."""
    whole = len(inside) == len(rule.classes)
    return whole or rule.type is not DistributionType.MAX_BREAKS


def _with_rows(program: Program, rows: NDArray[np.bool_]) -> Program:
    """Return the program with some of its rows only."""
    counts = np.diff(program.ends)
    terms = np.repeat(rows, counts)
    return Program(
        program.upper,
        program.cost,
        program.hint,
        np.concatenate([[0], np.cumsum(counts[rows])]),
        program.columns[terms],
        program.coefficients[terms],
        program.low[rows],
        program.high[rows],
    )
