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
from collegium.timetabling.problem import Problem
from collegium.timetabling.solution import (
    Cost,
    Solution,
    solution_of,
    timetable_of,
)
from collegium.timetabling.validate import Report, validate
from fixtures.itc2019 import solved_files
from fixtures.problems import problems


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_agrees_with_the_validator_on_anything(data: st.DataObject):
    """Every criterion and the number of violations are the validator's."""
    problem = data.draw(problems(most_classes=8))
    solution = _random_solution(problem, data.draw(st.integers(0, 10_000)))
    cost = evaluate(prepare(problem), solution)
    _assert_same(cost, validate(problem, timetable_of(problem, solution)))


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
