"""The entry of the solver: a prepared instance and a budget in, a timetable out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

from collegium.errors import Invalid
from collegium.timetabling.annealing import (
    BURST_MOVES,
    Annealing,
    Observer,
    Options,
    Progress,
    Stretch,
    raised_weights,
    set_weights,
)
from collegium.timetabling.arrays import (
    ACCEPTED,
    EVALUATED,
    ROOMS,
    ROOMS_END,
    TIMES,
    TIMES_END,
    State,
)
from collegium.timetabling.evaluation import evaluate
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.objective import recount
from collegium.timetabling.search import construct
from collegium.timetabling.seating import seat_all
from collegium.timetabling.smallest import smallest_problem
from collegium.timetabling.solution import Cost, Solution
from collegium.timetabling.states import (
    best_solution,
    empty_state,
    load,
    present_solution,
)

__all__ = [
    "Instance",
    "Observer",
    "Options",
    "Progress",
    "Result",
    "evaluate",
    "prepare",
    "solve",
    "warm_up",
]

_ANNEALING = ("anneal", "pilot")
# Methods whose exact solvers take a third of a second to import: only when asked for.
_ON_DEMAND = {"lns": "collegium.timetabling.exact.lns"}
_EVERY_ARM = 8  # parts after which it has freed one of each kind


@dataclass(frozen=True, slots=True)
class Result:
    """What a search has found.

    Parameters
    ----------
    best, best_cost : the best timetable, by rank.
    walk, walk_cost : where the annealing stopped: the start for going on cooling.
    shares : of a pilot, how long a cooling should stay at which temperature; ()
        when it was too short to tell.
    weights : those of hard constraints that were broken for long, for going on.
    """

    best: Solution
    best_cost: Cost
    walk: Solution
    walk_cost: Cost
    iterations: int
    moves: int
    seconds: float
    statistics: Mapping[str, float] = field(default_factory=dict)
    shares: tuple[float, ...] = ()
    weights: Mapping[int, int] = field(default_factory=dict)

    @property
    def solution(self) -> Solution:
        """The best timetable."""
        return self.best

    @property
    def cost(self) -> Cost:
        """The cost of the best timetable."""
        return self.best_cost


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
    shares: tuple[float, ...] = (),
    weights: Mapping[int, int] | None = None,
    options: Options | None = None,
    observe: Observer | None = None,
) -> Result:
    """Search for a good timetable until the budget is used up.

    Parameters
    ----------
    start : where to begin; parts of it that are not possible are made anew.
    seconds, iterations : the budget; one of them. With iterations the result
        depends on nothing but the arguments.
    method : "anneal"; "pilot", which cools once and evenly and tells the ``shares``
        of a longer cooling; or "lns" for solving parts exactly, without cooling.
    cool_from, cool_to : which part of the whole cooling this call does, in [0, 1];
        several calls in a row, each from the ``walk`` of the one before, cool like
        one. A whole cooling without shares begins with a pilot.
    shares, weights : what the pilot, and the call before, returned under this name.
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
    unit = max(1, int(instance.model.weights.max()))
    hard_weight = round(options.hard_weight * unit)
    state = empty_state(instance, seed, hard_weight, options.moves)
    set_weights(state, weights or {})
    fill(instance, state, start)
    annealing = Annealing(
        instance,
        state,
        options,
        in_iterations=iterations is not None,
        begun_s=begun_s,
        observe=observe,
    )
    budget = float(seconds if seconds is not None else iterations or 0)
    begin = 0.0
    if (cool_from, cool_to) == (0.0, 1.0) and not shares:
        begin = budget if method == "pilot" else options.pilot * budget
        begin = begin if iterations is None else round(begin)
        shares = annealing.cool(Stretch(0.0, begin)).shares()
        if method == "anneal":
            annealing.forget_weights()
    if method == "anneal":
        annealing.cool(Stretch(begin, budget, cool_from, cool_to, shares))
    return _result(annealing, shares, time.perf_counter() - begun_s)


def warm_up() -> float:
    """Compile everything, or load it from the cache; return the seconds taken."""
    begun_s = time.perf_counter()
    instance = prepare(smallest_problem())
    result = solve(instance, iterations=1)
    solve(instance, start=result.walk, iterations=BURST_MOVES)
    solve(instance, start=result.walk, iterations=_EVERY_ARM, method="lns")
    return time.perf_counter() - begun_s


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


def _result(annealing: Annealing, shares: tuple[float, ...], seconds: float) -> Result:
    instance, state = annealing.instance, annealing.state
    best = best_solution(instance, state)
    walk = present_solution(instance, state)
    return Result(
        best,
        evaluate(instance, best),
        walk,
        evaluate(instance, walk),
        annealing.iterations,
        int(state.totals[EVALUATED]),
        seconds,
        {"accepted": int(state.totals[ACCEPTED])},
        shares,
        raised_weights(state),
    )


def _check(
    method: str,
    seconds: float | None,
    iterations: int | None,
    cool_from: float,
    cool_to: float,
) -> None:
    if method not in (*_ANNEALING, *_ON_DEMAND):
        known = ", ".join(repr(name) for name in (*_ANNEALING, *_ON_DEMAND))
        raise Invalid(f"Unknown method {method!r}; known: {known}.")
    if (seconds is None) == (iterations is None):
        raise Invalid("Give a budget in seconds or in iterations, one of them.")
    if (seconds is not None and seconds <= 0) or (
        iterations is not None and iterations <= 0
    ):
        raise Invalid("The budget must be positive.")
    if not 0 <= cool_from <= cool_to <= 1:
        raise Invalid("The part of the cooling must be within [0, 1].")
