"""Temperatures over the budget, and what a pilot says of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.timetabling.cooling import LEVELS, Cooling, Survey

shares_of_time = st.lists(st.floats(0.001, 10), min_size=LEVELS, max_size=LEVELS).map(
    tuple
)


def test_without_shares_it_is_geometric() -> None:
    """Equal parts of the time divide the temperature by equal factors."""
    cooling = Cooling(100.0, 1.0)
    assert cooling.temperature(0) == pytest.approx(100)
    assert cooling.temperature(0.5) == pytest.approx(10)
    assert cooling.temperature(1) == pytest.approx(1)


@given(shares_of_time, st.lists(st.floats(0, 1), min_size=2).map(sorted))
def test_it_only_falls_and_ends_cold(
    shares: tuple[float, ...], parts: list[float]
) -> None:
    """Whatever the shares are, it goes from hot to cold and never back."""
    cooling = Cooling(50.0, 0.1, shares)
    assert cooling.temperature(0) == pytest.approx(50)
    assert cooling.temperature(1) == pytest.approx(0.1)
    temperatures = [cooling.temperature(part) for part in parts]
    assert temperatures == sorted(temperatures, reverse=True)


def test_it_stays_where_the_shares_say() -> None:
    """A level with half of the time takes half of the time."""
    shares = tuple(0.5 if k == 7 else 0.5 / (LEVELS - 1) for k in range(LEVELS))
    cooling = Cooling(1.0, math.exp(-LEVELS), shares)
    before = 7 * 0.5 / (LEVELS - 1)
    assert cooling.temperature(before) == pytest.approx(math.exp(-7))
    assert cooling.temperature(before + 0.5) == pytest.approx(math.exp(-8))


def test_a_survey_gives_the_time_to_where_the_cost_falls() -> None:
    """A system that changes in one band only is to be cooled slowly there."""
    survey = Survey(100.0, 0.1)
    for k in range(LEVELS):
        temperature = 100.0 * (0.001) ** ((k + 0.5) / LEVELS)
        cost = 1000 if k < 10 else 1000 - 80 * (k - 9) if k < 16 else 520
        survey.add(temperature, cost, accepted=100, trials=1000)
    shares = survey.shares()
    assert len(shares) == LEVELS
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0
    assert sum(shares[9:17]) > 0.7


def test_a_slow_system_gets_more_time() -> None:
    """The less is accepted, the longer the system takes to forget."""
    survey = Survey(100.0, 0.1)
    for k in range(LEVELS):
        temperature = 100.0 * (0.001) ** ((k + 0.5) / LEVELS)
        accepted = 500 if k < LEVELS // 2 else 50
        survey.add(temperature, round(1000 * temperature), accepted, trials=1000)
    shares = survey.shares()
    assert sum(shares[LEVELS // 2 :]) > 2 * sum(shares[: LEVELS // 2])


def test_a_survey_that_saw_too_little_says_nothing() -> None:
    """Three looks are no measurement; nor is a cost that never changes."""
    survey = Survey(10.0, 1.0)
    for temperature in (9.0, 5.0, 2.0):
        survey.add(temperature, 100, 1, 10)
    assert survey.shares() == ()
    still = Survey(10.0, 1.0)
    for k in range(LEVELS):
        still.add(10.0 * 0.1 ** ((k + 0.5) / LEVELS), 100, 1, 10)
    assert still.shares() == ()


@given(st.floats(1e-3, 1e6))
def test_a_temperature_outside_belongs_to_the_nearest_level(temperature: float) -> None:
    """Rounding at either end loses no look."""
    Survey(10.0, 1.0).add(temperature, 1, 1, 1)
