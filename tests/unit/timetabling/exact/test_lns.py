"""Large-neighbourhood search as a method of its own."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from collegium.errors import Invalid
from collegium.timetabling.arrays import HARD_COUNT
from collegium.timetabling.exact import cpsat
from collegium.timetabling.exact.arms import LEAST_SIZE, Arm, choose_arm
from collegium.timetabling.exact.lns import improve
from collegium.timetabling.exact.neighbourhoods import KINDS, choose
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.solution import Solution, timetable_of
from collegium.timetabling.solve import evaluate, fill, solve
from collegium.timetabling.states import empty_state
from collegium.timetabling.validate import validate
from fixtures.problems import hopeless


@pytest.fixture(scope="module")
def sample() -> Instance:
    """Return a small generated university."""
    return prepare(generate(SampleSize.of_classes(40)))


@pytest.fixture(scope="module")
def start(sample: Instance) -> Solution:
    """Return a feasible timetable of it that can still be better."""
    result = solve(sample, seed=1, iterations=10_000)
    assert result.best_cost.is_feasible
    return result.best


def test_improves_a_timetable_as_the_validator_sees_it(sample, start):
    """The result is feasible, better than the start, and costs what it says."""
    result = improve(sample, start=start, iterations=20, effort=0.05)
    report = validate(sample.problem, timetable_of(sample.problem, result.best))
    assert report.feasible
    assert report.total == result.cost.total
    assert result.cost.total < evaluate(sample, start).total


def test_same_arguments_same_result(sample, start):
    """With a budget in parts nothing but the arguments decides."""
    first = improve(sample, start=start, seed=5, iterations=12, effort=0.05)
    again = improve(sample, start=start, seed=5, iterations=12, effort=0.05)
    assert first.best.to_json() == again.best.to_json()
    assert dict(first.statistics) == dict(again.statistics)


def test_is_a_method_of_solve(sample, start):
    """``solve`` finds it by name, and names it when an unknown one is asked for."""
    found = solve(sample, start=start, method="lns", iterations=1)
    assert "course/cpsat/trials" in found.statistics
    with pytest.raises(Invalid, match="'anneal', 'pilot', 'lns'"):
        solve(sample, method="magic", iterations=1)


def test_is_imported_only_when_asked_for():
    """The solver starts without the libraries of the exact half."""
    code = (
        "import sys, collegium.timetabling.solve;"
        "sys.exit(any(name in sys.modules for name in ('ortools', 'highspy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_needs_no_start(sample):
    """Without a start a first timetable is made, and broken constraints get fewer."""
    first = improve(sample, start=None, seed=2, iterations=1, effort=0.05)
    result = improve(sample, start=None, seed=2, iterations=20, effort=0.05)
    assert result.cost.rank < first.cost.rank


def test_an_observer_ends_it_at_once(sample, start):
    """After the first False nothing more than a look's time passes."""
    refused_s: list[float] = []

    def observe(_progress: object) -> bool:
        refused_s.append(time.monotonic())
        return len(refused_s) < 3

    improve(sample, start=start, seconds=600, observe=observe)
    assert time.monotonic() - refused_s[2] < 5


def test_the_seconds_are_kept(sample, start):
    """A budget in seconds is used and hardly exceeded."""
    result = improve(sample, start=start, seconds=1.5)
    assert 1.0 < result.seconds < 10


@pytest.mark.parametrize(
    "budget", [{}, {"seconds": 1.0, "iterations": 1}, {"seconds": 0}, {"iterations": 0}]
)
def test_a_budget_that_makes_no_sense_is_refused(sample, budget):
    """One budget, positive."""
    with pytest.raises(Invalid, match="budget"):
        improve(sample, start=None, **budget)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_neighbourhoods_are_distinct_movable_classes(sample, start, kind):
    """Every kind gives as many as asked, ascending, and all when asked for more."""
    state = empty_state(sample, 3, 100)
    fill(sample, state, start)
    movable = set(sample.model.movable.tolist())
    for size in (1, 7, 10_000):
        chosen = choose(sample.model, state, kind, size).tolist()
        assert chosen == sorted(set(chosen))
        assert set(chosen) <= movable
        assert len(chosen) == min(size, len(movable))


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.costly and not kind.band], ids=str
)
def test_what_is_broken_is_freed_first(sample, start, kind):
    """Among many dear classes it begins with one of the two that break something."""
    broken = prepare(hopeless(sample.problem, 3, 8))
    state = empty_state(broken, 3, 1_000_000)
    fill(broken, state, start)
    assert state.totals[HARD_COUNT] == 1
    first = {int(choose(broken.model, state, kind, 1)[0]) for _ in range(50)}
    assert first == {3, 8}


def test_what_pays_is_chosen_more_often():
    """Shares follow the gain per effort; what never pays is still tried sometimes."""
    arms = [Arm(str(k), KINDS[0], cpsat.minimise) for k in range(3)]
    for arm, gain in zip(arms, (100, 10, 0), strict=True):
        for _ in range(20):
            arm.learn(gain, 0.5)
    rng = np.random.default_rng(0)
    counts = {arm.name: 0 for arm in arms}
    for _ in range(2000):
        counts[choose_arm(arms, rng).name] += 1
    assert counts["0"] > 2 * counts["1"] > 2 * counts["2"] > 0


def test_sizes_follow_the_time_that_parts_take():
    """Quick parts grow, unsolved ones shrink, both within bounds."""
    arm = Arm("x", KINDS[0], cpsat.minimise, size=40)
    arm.fit(0.01, proven=True, most=50)
    assert arm.size == 50
    arm.fit(0.9, proven=True, most=50)
    assert arm.size == 50
    for _ in range(50):
        arm.fit(1.0, proven=False, most=50)
    assert arm.size == LEAST_SIZE
