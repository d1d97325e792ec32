"""How hot the search is at which moment of its budget.

Every cooling goes through the same temperatures, from where constraints hardly matter
to where nothing moves. How long it stays at each is measured: most of what an
annealing finds, it finds in a narrow band that differs from instance to instance, and
a pilot, which is a short cooling of its own, shows where that band is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LEVELS = 24
"""Equal steps of the logarithm of the temperature, each with a share of the time."""
_EVENLY = 0.25
"""Part of the time that is spread evenly, since a pilot can be wrong."""
_LEAST_RATE = 1e-4
"""Accepted share of the trials below which a system counts as frozen."""


class Cooling:
    """A way from hot to cold.

    Parameters
    ----------
    hot, cold : first and last temperature, in units of cost, hot > cold > 0.
    shares : (LEVELS,) share of the time spent in each level, from hot to cold;
        without them all levels take the same time.
    """

    def __init__(self, hot: float, cold: float, shares: tuple[float, ...] = ()) -> None:
        self._hot, self._span = hot, math.log(cold / hot)
        ends = np.cumsum([0.0, *(shares or (1.0,))])
        self._ends = ends / ends[-1]
        self._depths = np.linspace(0.0, 1.0, len(ends))

    def temperature(self, part: float) -> float:
        """Return the temperature after this part of the time, in [0, 1]."""
        depth = float(np.interp(part, self._ends, self._depths))
        return self._hot * math.exp(self._span * depth)


class Survey:
    """What a pilot sees on its way down, and how long a cooling should stay where.

    Notes
    -----
    A cooling of constant thermodynamic speed stays at a temperature for as long as
    the root of the heat capacity times the time that the system takes to forget says;
    the latter is taken as the inverse of the accepted share of the trials.

    References
    ----------
    P. Salamon, J. D. Nulton, J. R. Harland, J. Pedersen, G. Ruppeiner, L. Liao:
    Simulated annealing with constant thermodynamic speed, Computer Physics
    Communications 49 (1988) 423-428, doi:10.1016/0010-4655(88)90003-3.
    """

    def __init__(self, hot: float, cold: float) -> None:
        self._hot, self._span = hot, math.log(cold / hot)
        # Of each level: looks, sum of the costs seen, trials accepted, trials.
        self._seen = np.zeros((LEVELS, 4))

    def add(self, temperature: float, cost: int, accepted: int, trials: int) -> None:
        """Note the penalised cost after some trials at about this temperature."""
        level = int(math.log(temperature / self._hot) / self._span * LEVELS)
        self._seen[min(max(level, 0), LEVELS - 1)] += (1, cost, accepted, trials)

    def shares(self) -> tuple[float, ...]:
        """Return the share of the time that each level deserves, () if unknown."""
        looks = self._seen[:, 0]
        if np.count_nonzero(looks) < LEVELS // 2:
            return ()
        level = np.arange(LEVELS)
        known = looks > 0
        cost = np.interp(level, level[known], self._seen[known, 1] / looks[known])
        rate = self._seen[known, 2] / np.maximum(self._seen[known, 3], 1)
        rate = np.interp(level, level[known], rate)
        temperature = self._hot * np.exp(self._span * (level + 0.5) / LEVELS)
        fall = np.maximum(-np.gradient(np.minimum.accumulate(cost)), 0.0)
        wanted = np.sqrt(fall / temperature) / np.maximum(rate, _LEAST_RATE)
        wanted = _smoothed(wanted)
        if wanted.sum() == 0:
            return ()
        shares = _EVENLY / LEVELS + (1 - _EVENLY) * wanted / wanted.sum()
        return tuple(shares.tolist())


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(values, 1, mode="edge")
    smooth: NDArray[np.float64] = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return smooth
