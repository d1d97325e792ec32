"""The solver's full cost against the independent validator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.timetabling.evaluation import evaluate
from collegium.timetabling.instance import prepare
from collegium.timetabling.itc2019 import read_problem, read_timetable
from collegium.timetabling.problem import (
    Class,
    Configuration,
    Course,
    Distribution,
    DistributionType,
    Problem,
    Subpart,
    Time,
    TimeOption,
    Weights,
)
from collegium.timetabling.solution import (
    Cost,
    Solution,
    solution_of,
    timetable_of,
)
from collegium.timetabling.validate import Report, validate
from fixtures.itc2019 import solved_files
from fixtures.problems import problems


@settings(max_examples=150)
@given(st.data())
def test_agrees_with_the_validator_on_anything(data: st.DataObject):
    """Every criterion and the number of violations are the validator's."""
    problem = data.draw(problems(most_classes=8))
    solution = _random_solution(problem, data.draw(st.integers(0, 10_000)))
    cost = evaluate(prepare(problem), solution)
    _assert_same(cost, validate(problem, timetable_of(problem, solution)))


@pytest.mark.parametrize("required", [True, False])
def test_fewer_classes_than_all_say_nothing_of_breaks(required: bool) -> None:
    """A break that a missing class might bridge is not counted, as by the validator."""
    problem = _with_breaks(required=required)
    rooms = np.full(3, -1, np.int32)
    for missing, broken in ((None, True), (1, False)):
        times = np.zeros(3, np.int32)
        if missing is not None:
            times[missing] = -1
        solution = Solution(times, rooms, ())
        cost = evaluate(prepare(problem), solution)
        _assert_same(cost, validate(problem, timetable_of(problem, solution)))
        assert (cost.distribution, cost.hard) == (
            int(broken and not required),
            int(broken and required) + (missing is not None),
        )


@pytest.mark.parametrize(("instance", "solution", "expected"), solved_files())
def test_agrees_on_published_solutions(
    instance: Path, solution: Path, expected: dict[str, Any]
):
    """The costs of the solutions at hand are exact."""
    problem = read_problem(instance)
    found = solution_of(problem, read_timetable(solution))
    cost = evaluate(prepare(problem), found)
    assert cost == Cost(
        expected["time"],
        expected["room"],
        expected["distribution"],
        expected["student"],
        expected["total"],
        expected["hard_violations"],
    )


def _assert_same(cost: Cost, report: Report) -> None:
    assert cost == Cost(
        report.time,
        report.room,
        report.distribution,
        report.student,
        report.total,
        len(report.violations),
    )


def _random_solution(problem: Problem, seed: int) -> Solution:
    """Return any listed times and rooms, some missing, and students anywhere."""
    random = np.random.default_rng(seed)
    times = np.array(
        [
            -1
            if not c.times or random.random() < 0.05
            else random.integers(len(c.times))
            for c in problem.classes
        ],
        np.int32,
    )
    rooms = np.array(
        [
            random.integers(len(c.rooms)) if c.needs_room and c.rooms else -1
            for c in problem.classes
        ],
        np.int32,
    )
    rooms[times < 0] = -1
    students = tuple(
        tuple(np.flatnonzero(random.random(len(problem.classes)) < 0.4).tolist())
        for _ in problem.students
    )
    return Solution(times, rooms, students)


def _with_breaks(*, required: bool) -> Problem:
    """Return three classes on one day: two that touch, and one after a break."""
    classes = tuple(
        Class(str(start), None, None, False, (), (TimeOption(Time(1, start, 1, 1)),))
        for start in (0, 1, 9)
    )
    rule = Distribution(DistributionType.MAX_BREAKS, (0, 0), required, 1, (0, 1, 2))
    subparts = tuple(Subpart(str(c), (c,)) for c in range(3))
    return Problem(
        name="breaks",
        n_days=1,
        n_weeks=1,
        slots_per_day=12,
        weights=Weights(0, 0, 1, 0),
        rooms=(),
        courses=(Course("1", (Configuration("1", subparts),)),),
        classes=classes,
        distributions=(rule,),
        students=(),
    )
