"""One annealing in bursts, between which Python looks at the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from collegium.timetabling.arrays import (
    ACCEPTED,
    BEST_COSTS,
    BEST_HARD,
    EVALUATED,
    HARD_COUNT,
    HARD_UNIT,
    SOFT_COST,
    State,
)
from collegium.timetabling.cooling import Cooling, Survey
from collegium.timetabling.instance import Instance
from collegium.timetabling.objective import recount
from collegium.timetabling.search import anneal, raise_weights
from collegium.timetabling.solution import Cost
from collegium.timetabling.states import Moves

_BURST_S = 0.03  # between two looks at the clock
BURST_MOVES = 20_000  # the same when the budget is in iterations


@dataclass(frozen=True, slots=True)
class Options:
    """How the annealing goes.

    Parameters
    ----------
    hot : first temperature of a whole cooling, in multiples of the largest weight of
        the four criteria; cold : the last one, in multiples of the smallest weight.
    hard_weight : what a hard violation costs at first, in the unit of ``hot``.
    moves : how often which move is tried.
    raise_below : temperature from which on the weights of broken hard constraints
        grow, in the unit of ``hot``; raise_percent : by how much at each of
        ``raises`` moments of a cooling.
    pilot : part of a whole budget that is spent on the pilot.
    """

    hot: float = 12.0
    cold: float = 0.15
    hard_weight: float = 10.0
    moves: Moves = field(default_factory=Moves)
    raise_below: float = 2.0
    raise_percent: int = 10
    raises: int = 200
    pilot: float = 0.08


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


Observer = Callable[[Progress], bool]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the budget, and the part of a cooling that is done in it.

    Parameters
    ----------
    begin, end : in seconds since the search began, or in iterations.
    cool_from, cool_to : position within the whole cooling, in [0, 1].
    shares : how long the cooling stays where; () for evenly.
    """

    begin: float
    end: float
    cool_from: float = 0.0
    cool_to: float = 1.0
    shares: tuple[float, ...] = ()


class Annealing:
    """The search on one state; a stretch of the budget after the other.

    Parameters
    ----------
    in_iterations : whether the budget counts trials instead of seconds.
    begun_s : moment of ``time.perf_counter`` from which seconds count.
    """

    def __init__(
        self,
        instance: Instance,
        state: State,
        options: Options,
        *,
        in_iterations: bool,
        begun_s: float,
        observe: Observer | None = None,
    ) -> None:
        self.instance, self.state, self.options = instance, state, options
        weights = instance.model.weights
        self._unit = float(max(1, weights.max()))
        self._hot = options.hot * self._unit
        self._cold = options.cold * float(weights[weights > 0].min(initial=self._unit))
        self._in_iterations = in_iterations
        self._begun_s = begun_s
        self._observe = observe
        self._burst = BURST_MOVES
        self.iterations = 0
        self.is_stopped = False

    def cool(self, stretch: Stretch) -> Survey:
        """Anneal through a stretch; return what was seen on the way."""
        cooling = Cooling(self._hot, self._cold, stretch.shares)
        survey = Survey(self._hot, self._cold)
        position = stretch.cool_from
        while not self.is_stopped:
            before_s = time.perf_counter()
            share = self._share_after_burst(stretch, before_s)
            ahead = stretch.cool_from + (stretch.cool_to - stretch.cool_from) * share
            self._anneal(cooling, survey, position, ahead)
            position = ahead
            self._settle_burst(time.perf_counter() - before_s)
            if self._observe is not None and not self._observe(self._progress()):
                self.is_stopped = True
            if share >= 1.0:
                break
        return survey

    def forget_weights(self) -> None:
        """Let every hard constraint weigh what it weighed at first."""
        for weights in _weights(self.state):
            weights[:] = self.state.totals[HARD_UNIT]
        recount(self.instance.model, self.state)

    def _share_after_burst(self, stretch: Stretch, now_s: float) -> float:
        """Say which share of the stretch is over after the next burst."""
        if self._in_iterations:
            left = round(stretch.end) - self.iterations
            self._burst = max(0, min(BURST_MOVES, left))
            reached: float = self.iterations + self._burst
        else:
            reached = now_s - self._begun_s + _BURST_S
        length = stretch.end - stretch.begin
        return min(1.0, (reached - stretch.begin) / length) if length > 0 else 1.0

    def _anneal(
        self, cooling: Cooling, survey: Survey, position: float, ahead: float
    ) -> None:
        m, state, options = self.instance.model, self.state, self.options
        hot, cold = cooling.temperature(position), cooling.temperature(ahead)
        accepted = int(state.totals[ACCEPTED])
        anneal(m, state, self._burst, hot, cold)
        self.iterations += self._burst
        accepted = int(state.totals[ACCEPTED]) - accepted
        survey.add((hot * cold) ** 0.5, self._unraised(), accepted, self._burst)
        moments = int(ahead * options.raises) - int(position * options.raises)
        is_cold = cold < options.raise_below * self._unit
        if moments > 0 and is_cold and state.totals[HARD_COUNT] > 0:
            raise_weights(m, state, options.raise_percent * moments)

    def _unraised(self) -> int:
        """Return the cost at the first weights: raised ones would look like heat."""
        totals = self.state.totals
        return int(totals[SOFT_COST] + totals[HARD_UNIT] * totals[HARD_COUNT])

    def _settle_burst(self, spent_s: float) -> None:
        if not self._in_iterations and spent_s > 0:
            burst = self._burst * _BURST_S / spent_s
            self._burst = int(max(1000, min(4 * self._burst, burst)))

    def _progress(self) -> Progress:
        return Progress(
            _best_cost(self.instance, self.state),
            time.perf_counter() - self._begun_s,
            self.iterations,
            int(self.state.totals[EVALUATED]),
        )


def raised_weights(state: State) -> dict[int, int]:
    """Return what those hard constraints weigh that have been broken for long.

    Returns
    -------
    dict
        From the number of a constraint (first the required distributions over
        pairs, then the rooms, then those over groups) to its weight.
    """
    weights = np.concatenate(_weights(state))
    raised = np.flatnonzero(weights > state.totals[HARD_UNIT])
    return dict(zip(raised.tolist(), weights[raised].tolist(), strict=True))


def set_weights(state: State, raised: Mapping[int, int]) -> None:
    """Give hard constraints the weights that ``raised_weights`` told of another state.

    What does not exist is passed over, and no weight is taken that would make a
    required constraint cheap or a sum of costs too large.
    """
    unit = int(state.totals[HARD_UNIT])
    first = 0
    for weights in _weights(state):
        for number, weight in raised.items():
            if first <= number < first + len(weights):
                weights[number - first] = min(max(weight, unit), 100 * unit)
        first += len(weights)


def _weights(state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return state.pair_weight, state.room_weight, state.group_weight


def _best_cost(instance: Instance, state: State) -> Cost:
    totals, weights = state.totals, instance.model.weights
    costs = totals[BEST_COSTS : BEST_COSTS + 4]
    raw = costs // np.maximum(weights, 1)
    time_, room, distribution, student = raw.tolist()
    hard = int(totals[BEST_HARD])
    return Cost(time_, room, distribution, student, int(costs.sum()), hard)
