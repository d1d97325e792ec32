"""What the search may do next, and what has paid so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from collegium.timetabling.exact.neighbourhoods import Kind
from collegium.timetabling.exact.program import Outcome

Minimise = Callable[..., Outcome]

LEAST_SIZE = 2.0
_SMOOTHING = 0.8
_CURIOSITY = 0.15  # of the best rate, granted to every arm


@dataclass
class Arm:
    """One thing to do: a kind of neighbourhood, and a solver for it.

    Parameters
    ----------
    kind : None stands for the students of a course.
    size : how many classes to free next.
    rate : gain per unit of effort, smoothed.
    trials, gains, gained, effort, proven : what has happened so far.
    """

    name: str
    kind: Kind | None
    minimise: Minimise
    size: float = 40.0
    rate: float = 0.0
    trials: int = 0
    gains: int = 0
    gained: int = 0
    effort: float = 0.0
    proven: int = 0

    def learn(self, gain: int, effort: float) -> None:
        """Take note of what a trial has gained and what it has cost."""
        self.trials += 1
        self.gains += gain > 0
        self.gained += gain
        self.effort += effort
        self.rate = _SMOOTHING * self.rate + (1 - _SMOOTHING) * gain / effort

    def fit(self, share: float, proven: bool, most: int) -> None:
        """Adapt the size to a part that took this share of its limit.

        Parts solved to the end in no time say nothing that annealing has not found
        out by itself, so such an arm grows fast; parts that are not solved to the
        end are too large.
        """
        if not proven:
            self.size = max(LEAST_SIZE, self.size * 0.8)
        elif share < 0.05:
            self.size = min(self.size * 1.4, most)
        elif share < 0.4:
            self.size = min(self.size * 1.1, most)
        self.proven += proven


def choose_arm(arms: Sequence[Arm], rng: np.random.Generator) -> Arm:
    """Choose in proportion to what has paid, every arm once before that."""
    for arm in arms:
        if arm.trials == 0:
            return arm
    rates = np.array([arm.rate for arm in arms])
    shares = rates + _CURIOSITY * rates.max() + 1e-9
    return arms[int(rng.choice(len(arms), p=shares / shares.sum()))]
