"""The entry of the solver: a prepared instance and a budget in, a timetable out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

from collegium.errors import Invalid
from collegium.timetabling.arrays import (
    ACCEPTED,
    BEST_COSTS,
    BEST_HARD,
    EVALUATED,
    HARD_COUNT,
    ROOMS,
    ROOMS_END,
    TIMES,
    TIMES_END,
    State,
)
from collegium.timetabling.evaluation import evaluate
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.objective import recount
from collegium.timetabling.search import anneal, construct, raise_weights
from collegium.timetabling.seating import seat_all
from collegium.timetabling.smallest import smallest_problem
from collegium.timetabling.solution import Cost, Solution
from collegium.timetabling.states import (
    Shares,
    best_solution,
    empty_state,
    load,
    present_solution,
)

__all__ = [
    "Instance",
    "Options",
    "Progress",
    "Result",
    "evaluate",
    "prepare",
    "solve",
    "warm_up",
]

# Methods whose exact solvers take a third of a second to import: only when asked for.
_ON_DEMAND = {"lns": "collegium.timetabling.exact.lns"}

_BURST_S = 0.03  # between two looks at the clock
_BURST_MOVES = 20_000  # the same when the budget is in iterations


@dataclass(frozen=True, slots=True)
class Options:
    """How the annealing goes.

    Parameters
    ----------
    hot, cold : first and last temperature of a whole cooling, in multiples of the
        largest weight of the four criteria.
    hard_weight : what a hard violation costs at first, in the same unit.
    shares : how often which move is tried.
    raise_from : part of the cooling after which weights of broken hard constraints
        grow; raise_percent : by how much each time.
    """

    hot: float = 12.0
    cold: float = 0.008
    hard_weight: float = 10.0
    shares: Shares = field(default_factory=Shares)
    raise_from: float = 0.5
    raise_percent: int = 10


@dataclass(frozen=True, slots=True)
class Progress:
    """What an observer is told some twenty times a second.

    Parameters
    ----------
    best : cost of the best timetable so far; ``hard`` counts broken pairs here, and
        a criterion of weight 0 is not followed.
    iterations : trials of the annealing; moves : placements and enrolments
        evaluated, of which a trial may need several.
    """

    best: Cost
    elapsed_s: float
    iterations: int
    moves: int

    @property
    def moves_per_s(self) -> float:
        """Evaluated moves per second."""
        return self.moves / self.elapsed_s if self.elapsed_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a search has found.

    Parameters
    ----------
    best, best_cost : the best timetable, by rank.
    walk, walk_cost : where the annealing stopped: the start for going on cooling.
    """

    best: Solution
    best_cost: Cost
    walk: Solution
    walk_cost: Cost
    iterations: int
    moves: int
    seconds: float
    statistics: Mapping[str, float] = field(default_factory=dict)

    @property
    def solution(self) -> Solution:
        """The best timetable."""
        return self.best

    @property
    def cost(self) -> Cost:
        """The cost of the best timetable."""
        return self.best_cost


Observer = Callable[[Progress], bool]


def solve(
    instance: Instance,
    *,
    start: Solution | None = None,
    seed: int = 0,
    seconds: float | None = None,
    iterations: int | None = None,
    method: str = "anneal",
    cool_from: float = 0.0,
    cool_to: float = 1.0,
    options: Options | None = None,
    observe: Observer | None = None,
) -> Result:
    """Search for a good timetable until the budget is used up.

    Parameters
    ----------
    start : where to begin; parts of it that are not possible are made anew.
    seconds, iterations : the budget; one of them. With iterations the result
        depends on nothing but the arguments.
    method : "anneal", or "lns" for solving parts exactly, which has no cooling.
    cool_from, cool_to : which part of the whole cooling this call does, in [0, 1];
        several calls in a row, each from the ``walk`` of the one before, cool like
        one.
    observe : called some twenty times a second; returning False ends the search.

    Raises
    ------
    Invalid
        When the budget, the method or the part of the cooling makes no sense.
    """
    _check(method, seconds, iterations, cool_from, cool_to)
    if method in _ON_DEMAND:
        improve = import_module(_ON_DEMAND[method]).improve
        result: Result = improve(
            instance,
            start=start,
            seed=seed,
            seconds=seconds,
            iterations=iterations,
            observe=observe,
        )
        return result
    begun_s = time.perf_counter()
    options = options or Options()
    unit = float(max(1, instance.model.weights.max()))
    state = empty_state(
        instance, seed, round(options.hard_weight * unit), options.shares
    )
    fill(instance, state, start)
    search = _Search(instance, state, options, unit, begun_s)
    search.run(seconds, iterations, cool_from, cool_to, observe)
    return search.result()


def warm_up() -> float:
    """Compile everything, or load it from the cache; return the seconds taken."""
    begun_s = time.perf_counter()
    instance = prepare(smallest_problem())
    result = solve(instance, iterations=1)
    solve(instance, start=result.walk, iterations=_BURST_MOVES)
    return time.perf_counter() - begun_s


class _Search:
    """One annealing in bursts, between which Python looks at the clock."""

    def __init__(
        self,
        instance: Instance,
        state: State,
        options: Options,
        unit: float,
        begun_s: float,
    ) -> None:
        self.instance, self.state, self.options = instance, state, options
        self.hot, self.cold = options.hot * unit, options.cold * unit
        self.begun_s = begun_s
        self.iterations = 0

    def run(
        self,
        seconds: float | None,
        iterations: int | None,
        cool_from: float,
        cool_to: float,
        observe: Observer | None,
    ) -> None:
        m, state = self.instance.model, self.state
        burst = _BURST_MOVES
        done = 0.0
        while True:
            before_s = time.perf_counter()
            if iterations is not None:
                burst = min(_BURST_MOVES, iterations - self.iterations)
                ahead = (self.iterations + burst) / iterations
            else:
                assert seconds is not None
                ahead = min(1.0, (before_s - self.begun_s + _BURST_S) / seconds)
            part = cool_from + (cool_to - cool_from) * done
            next_part = cool_from + (cool_to - cool_from) * ahead
            anneal(
                m,
                state,
                burst,
                self._temperature(part),
                self._temperature(next_part),
            )
            self.iterations += burst
            if state.totals[HARD_COUNT] > 0 and next_part >= self.options.raise_from:
                raise_weights(m, state, self.options.raise_percent)
            done = ahead
            spent_s = time.perf_counter() - before_s
            if iterations is None:
                burst = int(max(1000, min(4 * burst, burst * _BURST_S / spent_s)))
            if observe is not None and not observe(self._progress()):
                break
            if done >= 1.0:
                break

    def result(self) -> Result:
        """Return the best and the last timetable with their costs."""
        best = best_solution(self.instance, self.state)
        walk = present_solution(self.instance, self.state)
        return Result(
            best,
            evaluate(self.instance, best),
            walk,
            evaluate(self.instance, walk),
            self.iterations,
            int(self.state.totals[EVALUATED]),
            time.perf_counter() - self.begun_s,
            {"accepted": int(self.state.totals[ACCEPTED])},
        )

    def _progress(self) -> Progress:
        return Progress(
            self._best_cost(),
            time.perf_counter() - self.begun_s,
            self.iterations,
            int(self.state.totals[EVALUATED]),
        )

    def _best_cost(self) -> Cost:
        totals, weights = self.state.totals, self.instance.model.weights
        costs = totals[BEST_COSTS : BEST_COSTS + 4]
        raw = costs // np.maximum(weights, 1)
        time, room, distribution, student = raw.tolist()
        hard = int(totals[BEST_HARD])
        return Cost(time, room, distribution, student, int(costs.sum()), hard)

    def _temperature(self, part: float) -> float:
        return float(self.hot * (self.cold / self.hot) ** part)


def fill(instance: Instance, state: State, start: Solution | None) -> None:
    """Give an empty state a complete timetable, as much of the start as possible."""
    m = instance.model
    if start is not None:
        load(instance, state, start)
    seat_all(m, state)
    n_places = (m.classes[:, TIMES_END] - m.classes[:, TIMES]) * (
        m.classes[:, ROOMS_END] - m.classes[:, ROOMS]
    )
    construct(m, state, np.argsort(n_places, kind="stable").astype(np.int32), 1000)
    recount(m, state)


def _check(
    method: str,
    seconds: float | None,
    iterations: int | None,
    cool_from: float,
    cool_to: float,
) -> None:
    if method != "anneal" and method not in _ON_DEMAND:
        known = ", ".join(repr(name) for name in ("anneal", *_ON_DEMAND))
        raise Invalid(f"Unknown method {method!r}; known: {known}.")
    if (seconds is None) == (iterations is None):
        raise Invalid("Give a budget in seconds or in iterations, one of them.")
    if (seconds is not None and seconds <= 0) or (
        iterations is not None and iterations <= 0
    ):
        raise Invalid("The budget must be positive.")
    if not 0 <= cool_from <= cool_to <= 1:
        raise Invalid("The part of the cooling must be within [0, 1].")
