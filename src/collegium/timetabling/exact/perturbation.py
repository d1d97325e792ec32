"""Repairing a published timetable by moving as few classes as one likes to pay for.

The timetable stays where it is; what has lost its place gets the next best one, and
parts around what is broken are solved to the end, with a price on each class that
leaves its published place and a bound on how many may.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collegium.errors import StateForbids
from collegium.timetabling.arrays import (
    AT_ROOM,
    AT_TIME,
    HARD_COUNT,
    I32,
    SOFT_COST,
)
from collegium.timetabling.evaluation import evaluate
from collegium.timetabling.exact import cpsat
from collegium.timetabling.exact.neighbourhoods import grow
from collegium.timetabling.exact.placements import lift, put_back
from collegium.timetabling.exact.program import Program
from collegium.timetabling.exact.subproblem import Part, free_part
from collegium.timetabling.instance import Instance
from collegium.timetabling.objective import recount
from collegium.timetabling.solution import UNASSIGNED, Cost, Solution
from collegium.timetabling.solve import fill
from collegium.timetabling.states import empty_state, load, present_solution

_TIES = np.array([1.0, 0.3, 1.0])
_FIRST_SIZE, _GROWTH = 6.0, 1.3
_MOST_PLACEMENTS = 30_000
_HARD_WEIGHT = 1 << 20


@dataclass(frozen=True, slots=True)
class Repair:
    """A timetable near the published one.

    Parameters
    ----------
    moved : indices of the classes that had a place and have another one now.
    displaced : those of them whose published place was not possible any more.
    is_optimal : no timetable with the same seats in the classes is better, counting
        the price of moves, within the bound.
    """

    solution: Solution
    cost: Cost
    moved: tuple[int, ...]
    displaced: tuple[int, ...]
    is_optimal: bool


def repair(
    instance: Instance,
    published: Solution,
    *,
    lost: Collection[int] = (),
    most_moved: int | None = None,
    move_cost: int = 0,
    seed: int = 0,
    seconds: float = 10.0,
    effort: float = 1.0,
    goes_on: Callable[[], bool] = lambda: True,
) -> Repair:
    """Find a feasible timetable near a published one, then a better one.

    Parameters
    ----------
    published : in the indices of the (changed) problem, see ``carry_over``.
    lost : classes unassigned there that had a place once; others are new.
    most_moved : how many classes may leave their published place; None is all.
    move_cost : price of each, in units of the weighted total.
    seconds : budget; it ends earlier when nothing is left to gain.
    effort : limit of one part, about seconds.
    goes_on : asked several times a second; False ends it.

    Raises
    ------
    StateForbids
        When more classes have lost their place than may move.
    """
    search = _Repair(instance, published, lost, most_moved, move_cost, seed)
    is_optimal = search.run(time.perf_counter() + seconds, effort, goes_on)
    solution = present_solution(instance, search.state)
    return Repair(
        solution,
        evaluate(instance, solution),
        tuple(np.flatnonzero(search.is_moved()).tolist()),
        tuple(np.flatnonzero(search.displaced).tolist()),
        is_optimal,
    )


class _Repair:
    """A timetable on its way back to feasibility."""

    def __init__(
        self,
        instance: Instance,
        published: Solution,
        lost: Collection[int],
        most_moved: int | None,
        move_cost: int,
        seed: int,
    ) -> None:
        self.instance, self.model = instance, instance.model
        self.move_cost = move_cost
        self.rng = np.random.default_rng(seed)
        self.state = empty_state(instance, seed, _HARD_WEIGHT)
        self.home = self._go_home(published)
        had_place = published.times != UNASSIGNED
        had_place[list(lost)] = True
        self.displaced = had_place & (self.home[:, 0] < 0)
        self.counted = had_place
        self.most_moved = len(had_place) if most_moved is None else most_moved
        n_lost = int(self.displaced.sum())
        if n_lost > self.most_moved:
            raise StateForbids(
                f"{n_lost} classes have lost their place, {self.most_moved} may move."
            )
        fill(instance, self.state, None)
        heavy = 4 * (int(self.state.totals[SOFT_COST]) + move_cost * len(had_place))
        for weights in (
            self.state.pair_weight,
            self.state.room_weight,
            self.state.group_weight,
        ):
            weights[:] = heavy + _HARD_WEIGHT
        recount(self.model, self.state)

    def _go_home(self, published: Solution) -> I32:
        """Place what may stay; return the rows of the places, -1 where none is."""
        m, s = self.model, self.state
        load(self.instance, s, published)
        placed = np.flatnonzero(s.at[:, 2] >= 0).astype(np.int32)
        # Not the model's table, which closes the rooms of fixed classes as well.
        closed = self.instance.places.closed
        shut = placed[closed[s.at[placed, AT_ROOM], s.at[placed, AT_TIME]] > 0]
        lift(m, s, shut)
        return s.at[:, 2:4].copy()

    def is_moved(self) -> NDArray[np.bool_]:
        """Say for each class whether it had a place and has another one now."""
        away = np.any(self.state.at[:, 2:4] != self.home, axis=1)
        moved: NDArray[np.bool_] = self.counted & away
        return moved

    def run(self, ends_s: float, effort: float, goes_on: Callable[[], bool]) -> bool:
        """Improve part by part; return whether the last part was everything."""
        m = self.model
        size, idle = _FIRST_SIZE, 0
        while len(m.movable) > 0 and goes_on():
            left_s = ends_s - time.perf_counter()
            if left_s <= 0:
                return False
            gained, proven = self._step(round(size), effort, left_s, goes_on)
            idle = 0 if gained else idle + 1
            if proven and not gained and size >= len(m.movable):
                return True
            if proven and idle >= 3:
                size, idle = min(size * _GROWTH, len(m.movable)), 0
            elif not proven:
                size = max(_FIRST_SIZE, size / _GROWTH)
                effort *= 1.1
        return len(m.movable) == 0

    def _step(
        self, size: int, effort: float, left_s: float, goes_on: Callable[[], bool]
    ) -> tuple[bool, bool]:
        """Solve one part; return whether it gained, and whether no more is in it."""
        m, s = self.model, self.state
        free = grow(m, s, self._seed_class(), size, _TIES)
        free.sort()
        inside = int(self.is_moved()[free].sum())
        part = free_part(m, s, free, _MOST_PLACEMENTS, self.move_cost * inside)
        if part is None:
            return False, False
        allowed = self.most_moved - int(self.is_moved().sum()) + inside
        program = self._charged(part, allowed)
        outcome = cpsat.minimise(
            program,
            effort=effort,
            seconds=left_s,
            seed=int(self.rng.integers(1 << 30)),
            goes_on=goes_on,
        )
        if outcome.cost >= program.value(program.hint):
            return False, outcome.proven
        lift(m, s, part.free)
        put_back(m, s, part.free, part.rows_of(outcome.values))
        return True, outcome.proven

    def _seed_class(self) -> int:
        """Return a class that is broken, else one that has moved, else any."""
        m, s = self.model, self.state
        candidates = m.movable
        if s.totals[HARD_COUNT] > 0:
            broken = m.movable[s.cost[m.movable] >= _HARD_WEIGHT]
            candidates = broken if len(broken) else candidates
        elif self.rng.random() < 0.5:
            moved = m.movable[self.is_moved()[m.movable]]
            candidates = moved if len(moved) else candidates
        return int(self.rng.choice(candidates))

    def _charged(self, part: Part, allowed: int) -> Program:
        """Return the part's program with the price and the bound of moves."""
        away = np.zeros(part.program.n, np.int64)
        for k, c in enumerate(part.free):
            if self.counted[c]:
                first, last = part.starts[k], part.starts[k + 1]
                rows = part.placements[first:last, :2]
                away[first:last] = np.any(rows != self.home[c], axis=1)
        program = part.program
        columns = np.flatnonzero(away).astype(np.int32)
        return replace(
            program,
            cost=program.cost + self.move_cost * away,
            ends=np.append(program.ends, program.ends[-1] + len(columns)),
            columns=np.append(program.columns, columns),
            coefficients=np.append(program.coefficients, np.ones_like(columns)),
            low=np.append(program.low, 0),
            high=np.append(program.high, allowed),
        )
