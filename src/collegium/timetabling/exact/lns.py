"""Large-neighbourhood search: free a part, solve it to the end, take it if better.

What is freed next is chosen by what has paid: each kind of neighbourhood earns by
the gain per effort of its latest parts, and its size follows how long its parts
take to be solved to the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from collegium.errors import Invalid
from collegium.timetabling.arrays import (
    HARD_COUNT,
    HARD_UNIT,
    PENALISED,
    SOFT_COST,
    WEIGHT_STUDENT,
    State,
)
from collegium.timetabling.evaluation import evaluate
from collegium.timetabling.exact import cpsat, highs
from collegium.timetabling.exact.arms import Arm, choose_arm
from collegium.timetabling.exact.neighbourhoods import KINDS, choose
from collegium.timetabling.exact.placements import lift, put_back
from collegium.timetabling.exact.program import Outcome, Program
from collegium.timetabling.exact.resectioning import free_course, take_seats
from collegium.timetabling.exact.subproblem import free_part
from collegium.timetabling.instance import Instance
from collegium.timetabling.objective import recount
from collegium.timetabling.solution import Cost, Solution
from collegium.timetabling.solve import Observer, Progress, Result, fill
from collegium.timetabling.states import empty_state, present_solution

_MOST_PLACEMENTS = 30_000
_MOST_CHAINS = 2000
_SHORTEST_S = 0.05
_SIZE, _SIZE_BROKEN = 20.0, 8.0  # first sizes; what is broken leaves much open
_OVERHEAD = 0.005  # effort of choosing and describing a part


def improve(
    instance: Instance,
    *,
    start: Solution | None,
    seed: int = 0,
    seconds: float | None = None,
    iterations: int | None = None,
    effort: float = 0.5,
    observe: Observer | None = None,
) -> Result:
    """Improve a timetable part by part until the budget is used up.

    Parameters
    ----------
    start : where to begin; what it lacks is made first.
    seconds, iterations : the budget, one of them; iterations are parts. With
        iterations only CP-SAT is used, whose clock is deterministic, and the result
        depends on nothing but the arguments.
    effort : limit of one part, about seconds.
    observe : called several times a second; returning False ends the search.

    Raises
    ------
    Invalid
        When the budget makes no sense.
    """
    if (seconds is None) == (iterations is None):
        raise Invalid("Give a budget in seconds or in iterations, one of them.")
    if (seconds if seconds is not None else iterations or 0) <= 0:
        raise Invalid("The budget must be positive.")
    begun_s = time.perf_counter()
    state = empty_state(instance, seed, 1)
    fill(instance, state, start)
    search = _Search(instance, state, seed, effort, begun_s)
    search.run(seconds, iterations, observe)
    return search.result()


class _Search:
    """A timetable on its way, and the arms that improve it."""

    def __init__(
        self,
        instance: Instance,
        state: State,
        seed: int,
        effort: float,
        begun_s: float,
    ) -> None:
        self.instance, self.state, self.model = instance, state, instance.model
        self.effort, self.begun_s = effort, begun_s
        self.rng = np.random.default_rng(seed)
        self.steps = 0
        self.ends_s: float | None = None
        self.goes_on: Callable[[], bool] = lambda: True
        self.arms: list[Arm] = []
        _weigh_hard(instance, state)

    def run(
        self, seconds: float | None, iterations: int | None, observe: Observer | None
    ) -> None:
        """Try one part after the other."""
        solvers = [("cpsat", cpsat.minimise)]
        if seconds is not None:
            self.ends_s = self.begun_s + seconds
            solvers.append(("highs", highs.minimise))
        size = _SIZE if self.state.totals[HARD_COUNT] == 0 else _SIZE_BROKEN
        self.arms = [
            Arm(f"{kind.name}/{name}", kind, minimise, size)
            for name, minimise in solvers
            for kind in KINDS
        ]
        m = self.model
        if len(m.flexible) > 0 and m.weights[WEIGHT_STUDENT] > 0:
            self.arms.append(Arm("course/cpsat", None, cpsat.minimise))
        if observe is not None:
            self.goes_on = lambda: observe(self.progress())
        while len(m.movable) > 0 and self.goes_on():
            if self.steps == iterations or self._seconds_left() <= _SHORTEST_S:
                break
            self._step()
            self.steps += 1

    def progress(self) -> Progress:
        """Return where the search is; the criteria are not told apart."""
        totals = self.state.totals
        cost = Cost(0, 0, 0, 0, int(totals[SOFT_COST]), int(totals[HARD_COUNT]))
        return Progress(cost, self._elapsed_s(), self.steps, self.steps)

    def result(self) -> Result:
        """Return the timetable, which is the best and the last, with statistics."""
        best = present_solution(self.instance, self.state)
        cost = evaluate(self.instance, best)
        statistics: dict[str, float] = {}
        for arm in self.arms:
            statistics[f"{arm.name}/trials"] = arm.trials
            statistics[f"{arm.name}/gained"] = arm.gained
            statistics[f"{arm.name}/effort"] = round(arm.effort, 3)
            statistics[f"{arm.name}/size"] = round(arm.size)
        elapsed_s = self._elapsed_s()
        return Result(
            best, cost, best, cost, self.steps, self.steps, elapsed_s, statistics
        )

    def _step(self) -> None:
        arm = choose_arm(self.arms, self.rng)
        before = int(self.state.totals[PENALISED])
        effort = self._reseat(arm) if arm.kind is None else self._replace(arm)
        arm.learn(before - int(self.state.totals[PENALISED]), effort)

    def _replace(self, arm: Arm) -> float:
        """Free classes and place them at the least cost; return the effort."""
        m, s = self.model, self.state
        assert arm.kind is not None
        free = choose(m, s, arm.kind, round(arm.size))
        part = free_part(m, s, free, _MOST_PLACEMENTS)
        if part is None:
            arm.fit(1.0, proven=False, most=len(m.movable))
            return 10 * _OVERHEAD
        overhead = _OVERHEAD + 2e-5 * part.program.n
        if len(part.placements) == len(free):  # nothing can be better
            arm.fit(0.0, proven=True, most=len(m.movable))
            return overhead
        outcome = self._minimise(arm, part.program)
        if outcome.cost < part.cost:
            lift(m, s, part.free)
            put_back(m, s, part.free, part.rows_of(outcome.values))
        arm.fit(outcome.effort / self.effort, outcome.proven, len(m.movable))
        return outcome.effort + overhead

    def _reseat(self, arm: Arm) -> float:
        """Seat the students of a course at the least cost; return the effort."""
        m, s = self.model, self.state
        course = int(self.rng.integers(len(m.courses)))
        seating = free_course(m, s, course, _MOST_CHAINS)
        if seating is None:
            return _OVERHEAD
        outcome = self._minimise(arm, seating.program)
        if outcome.cost < seating.cost:
            take_seats(m, s, seating, outcome.values)
        return outcome.effort + 2 * _OVERHEAD

    def _minimise(self, arm: Arm, program: Program) -> Outcome:
        return arm.minimise(
            program,
            effort=self.effort,
            seconds=self._seconds_left(),
            seed=int(self.rng.integers(1 << 30)),
            goes_on=self.goes_on,
        )

    def _elapsed_s(self) -> float:
        return time.perf_counter() - self.begun_s

    def _seconds_left(self) -> float:
        return 1e9 if self.ends_s is None else self.ends_s - time.perf_counter()


def _weigh_hard(instance: Instance, state: State) -> None:
    """Let one hard violation weigh more than all that the timetable costs now."""
    heavy = 4 * int(state.totals[SOFT_COST]) + (1 << 16)
    state.totals[HARD_UNIT] = heavy
    state.pair_weight[:] = heavy
    state.room_weight[:] = heavy
    state.group_weight[:] = heavy
    recount(instance.model, state)
