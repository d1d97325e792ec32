"""The entry of the solver: budgets, leases, reproducibility, cancellation."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from collegium.errors import Invalid
from collegium.timetabling.cooling import LEVELS
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.itc2019 import read_problem
from collegium.timetabling.solution import Solution, timetable_of
from collegium.timetabling.solve import Progress, Result, evaluate, solve
from collegium.timetabling.validate import validate
from fixtures.problems import hopeless

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sample() -> Instance:
    """Return a small generated university."""
    return prepare(generate(SampleSize.of_classes(60)))


def test_finds_a_feasible_timetable(sample: Instance):
    """A generated university is solved, and the validator agrees on the cost."""
    result = solve(sample, seed=3, iterations=1_500_000)
    report = validate(sample.problem, timetable_of(sample.problem, result.best))
    assert report.feasible
    assert (report.total, report.student) == (result.cost.total, result.cost.student)


def test_same_arguments_same_result(sample: Instance):
    """With a budget in iterations nothing but the arguments decides."""
    first = solve(sample, seed=5, iterations=60_000)
    again = solve(sample, seed=5, iterations=60_000)
    other = solve(sample, seed=6, iterations=60_000)
    assert _key(first.walk) == _key(again.walk)
    assert _key(first.best) == _key(again.best)
    assert first.moves == again.moves
    assert _key(first.walk) != _key(other.walk)


def test_an_observer_ends_the_search(sample: Instance):
    """The first False ends it within a burst, with the best so far."""
    seen: list[Progress] = []

    def observe(progress: Progress) -> bool:
        seen.append(progress)
        return len(seen) < 3

    begun_s = time.monotonic()
    result = solve(sample, seconds=600, observe=observe)
    assert time.monotonic() - begun_s < 60
    assert len(seen) == 3
    assert result.best_cost == evaluate(sample, result.best)


def test_progress_tells_the_true_cost(sample: Instance):
    """What an observer is told last is the cost of the best in the end."""
    seen: list[Progress] = []
    result = solve(
        sample, seed=1, iterations=400_000, observe=lambda p: seen.append(p) or True
    )
    told = seen[-1].best
    assert (told.time, told.room, told.distribution, told.student, told.total) == (
        result.cost.time,
        result.cost.room,
        result.cost.distribution,
        result.cost.student,
        result.cost.total,
    )


def test_leases_cool_like_one_run(sample: Instance):
    """Leases in a row, each from the walk before, end as good as a feasible run."""
    start, result = None, None
    for part in range(5):
        result = solve(
            sample,
            start=start,
            seed=part,
            iterations=300_000,
            cool_from=part / 5,
            cool_to=(part + 1) / 5,
        )
        start = result.walk
    assert result is not None
    assert result.cost.is_feasible
    once = solve(sample, seed=0, iterations=1_500_000)
    assert result.cost.total <= 1.25 * once.cost.total + 50


def test_a_cold_lease_keeps_its_start(sample: Instance):
    """At the last temperature a good start is not lost."""
    good = solve(sample, seed=1, iterations=500_000)
    again = solve(
        sample, start=good.best, seed=2, iterations=20_000, cool_from=1, cool_to=1
    )
    assert again.cost.rank <= good.cost.rank


def test_an_impossible_start_is_repaired(sample: Instance):
    """A start without places, seats or sense is made anew."""
    n = len(sample.problem.classes)
    nothing = np.full(n, -1, np.int32)
    crowd = tuple((0, 1, 2) for _ in sample.problem.students)
    result = solve(sample, start=Solution(nothing, nothing, crowd), iterations=50_000)
    assert (result.best.times >= 0).all()
    report = validate(sample.problem, timetable_of(sample.problem, result.best))
    assert not {v.kind for v in report.violations} & {
        "limit",
        "sectioning",
        "parent-not-attended",
        "class-missing",
    }


@pytest.mark.parametrize(
    "budget",
    [
        {},
        {"seconds": 1.0, "iterations": 1},
        {"seconds": 0.0},
        {"iterations": 0},
        {"seconds": 1.0, "method": "magic"},
        {"seconds": 1.0, "cool_from": 0.5, "cool_to": 0.4},
        {"seconds": 1.0, "cool_to": 1.5},
    ],
)
def test_refuses_senseless_arguments(sample: Instance, budget):
    """A budget, method or part of the cooling without sense is an error."""
    with pytest.raises(Invalid):
        solve(sample, **budget)


def test_warm_up_leaves_nothing_to_compile():
    """After it no search, of either method, compiles a function that was not yet."""
    code = """
import sys
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.solve import prepare, solve, warm_up
from fixtures.problems import hopeless

def compiled():
    return {
        value.py_func.__name__
        for name, module in sys.modules.items() if name.startswith("collegium.")
        for value in vars(module).values() if getattr(value, "signatures", None)
    }

warm_up()
before = compiled()
problem = generate(SampleSize.of_classes(60))
for each in (problem, hopeless(problem)):
    instance = prepare(each)
    start = solve(instance, seed=1, iterations=100_000).walk
    solve(instance, start=start, iterations=12, method="lns")
# Of which compiled code has made its own use before.
print(sorted(compiled() - before - {"take_chain"}))
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        check=True,
        capture_output=True,
    )
    assert run.stdout == b"[]\n"


def test_a_pilot_that_breaks_constraints_knows_where_to_cool(sample: Instance):
    """Weights that grow while it is cold do not pass for heat: most time is cold."""
    instance = prepare(hopeless(sample.problem))
    pilot = solve(instance, seed=1, iterations=300_000, method="pilot")
    assert pilot.best_cost.hard == 1
    assert max(pilot.weights.values()) > min(pilot.weights.values())
    assert sum(pilot.shares[LEVELS // 2 :]) > 0.5


@pytest.mark.parametrize(
    ("name", "iterations"),
    [
        ("lums-sum17", 200_000),
        ("wbg-fal10", 2_000_000),
        ("pu-cs-fal07", 2_000_000),
        ("bet-sum18", 3_000_000),
    ],
)
@pytest.mark.itc2019
def test_solves_the_small_public_instances(itc2019, name: str, iterations: int):
    """The four small ones are feasible after a few seconds' work."""
    problem = read_problem(itc2019 / f"{name}.xml.gz")
    result: Result = solve(prepare(problem), seed=1, iterations=iterations)
    assert validate(problem, timetable_of(problem, result.best)).feasible


def _key(solution: Solution) -> tuple[object, ...]:
    return (
        solution.times.tobytes(),
        solution.rooms.tobytes(),
        solution.students,
    )
