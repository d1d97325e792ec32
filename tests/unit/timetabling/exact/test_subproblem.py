"""Freed parts against brute force, and their costs against the validator."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collegium.timetabling.arrays import (
    AT_ROOM_ROW,
    G_HARD,
    PENALISED,
    ROOMS,
    ROOMS_END,
    SOFT_COST,
    TIMES,
    TIMES_END,
    WHICH,
    Model,
    State,
)
from collegium.timetabling.exact import cpsat, highs
from collegium.timetabling.exact.placements import lift, put_back
from collegium.timetabling.exact.subproblem import Part, free_part
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.problem import (
    PARAMETER_COUNT,
    Distribution,
    DistributionType,
    Problem,
)
from collegium.timetabling.solution import timetable_of
from collegium.timetabling.solve import fill
from collegium.timetabling.states import empty_state, present_solution
from collegium.timetabling.validate import validate
from fixtures.problems import problems

_ANY_SIZE = 1 << 20


@pytest.mark.parametrize("type_", list(DistributionType))
@settings(max_examples=12)
@given(data=st.data())
def test_the_optimum_of_a_part_is_that_of_trying_everything(type_, data):
    """Whatever constraint there is, hard or soft, kept or broken at the start."""
    instance, state = _begun(data, type_)
    part = _freed(instance, state, data)
    least = _least_by_trying(instance.model, state, part)
    for minimise in (cpsat.minimise, highs.minimise):
        outcome = minimise(part.program, effort=5.0)
        assert outcome.proven
        assert part.program.is_satisfied(outcome.values)
        assert outcome.cost - part.cost == least - state.totals[PENALISED]


@pytest.mark.parametrize("type_", list(DistributionType))
@settings(max_examples=12)
@given(data=st.data())
def test_the_hint_is_the_timetable_and_costs_what_it_costs(type_, data):
    """Before anything is solved, program and state agree, and the state stays."""
    instance, state = _begun(data, type_)
    before = present_solution(instance, state)
    part = _freed(instance, state, data)
    assert part.program.is_satisfied(part.program.hint)
    assert part.program.value(part.program.hint) == part.cost
    assert np.array_equal(part.rows_of(part.program.hint), part.rows)
    after = present_solution(instance, state)
    assert after.to_json() == before.to_json()


@settings(max_examples=50)
@given(data=st.data())
def test_what_a_part_gains_the_validator_sees(data):
    """The soft cost after taking the optimum is the validator's total."""
    type_ = data.draw(st.sampled_from(DistributionType))
    instance, state = _begun(data, type_)
    part = _freed(instance, state, data)
    outcome = cpsat.minimise(part.program, effort=5.0)
    lift(instance.model, state, part.free)
    put_back(instance.model, state, part.free, part.rows_of(outcome.values))
    solution = present_solution(instance, state)
    report = validate(instance.problem, timetable_of(instance.problem, solution))
    assert report.total == state.totals[SOFT_COST]


def test_a_part_with_too_many_placements_is_refused_and_nothing_has_changed():
    """The limit on placements holds, and the classes are back where they were."""
    instance = prepare(generate(SampleSize.of_classes(30)))
    state = empty_state(instance, 0, 1000)
    fill(instance, state, None)
    before = present_solution(instance, state).to_json()
    free = instance.model.movable[:8]
    assert free_part(instance.model, state, free, 8) is None
    assert present_solution(instance, state).to_json() == before
    assert free_part(instance.model, state, free, _ANY_SIZE) is not None


def _begun(data: st.DataObject, type_: DistributionType) -> tuple[Instance, State]:
    problem = data.draw(problems(most_classes=7))
    rules = data.draw(st.lists(_rule(problem, type_), min_size=1, max_size=4))
    problem = replace(problem, distributions=tuple(rules) + problem.distributions[:2])
    instance = prepare(problem)
    hard_weight = data.draw(st.sampled_from([3, 50, 1 << 20]))
    state = empty_state(instance, data.draw(st.integers(0, 99)), hard_weight)
    fill(instance, state, None)
    return instance, state


@st.composite
def _rule(draw, problem: Problem, type_: DistributionType) -> Distribution:
    n = len(problem.classes)
    numbers = st.integers(0, 6)
    return Distribution(
        type=type_,
        parameters=tuple(draw(numbers) for _ in range(PARAMETER_COUNT[type_])),
        required=draw(st.booleans()),
        penalty=draw(st.integers(1, 9)),
        classes=tuple(draw(st.permutations(range(n)))[: draw(st.integers(2, 7))]),
    )


def _freed(instance: Instance, state: State, data: st.DataObject) -> Part:
    placed = np.flatnonzero(state.at[:, AT_ROOM_ROW] >= 0).tolist()
    assume(placed)  # a class that needs a room and has none can have no place
    classes = data.draw(
        st.lists(st.sampled_from(placed), unique=True, min_size=1, max_size=3)
    )
    free = np.array(sorted(classes), np.int32)
    part = free_part(instance.model, state, free, _ANY_SIZE)
    assert part is not None
    return part


def _least_by_trying(m: Model, state: State, part: Part) -> int:
    """Return the least penalised cost of the state over all placements.

    Required Max* constraints that are kept have to stay so: they are never traded.
    """
    kept = (m.groups[:, G_HARD] != 0) & (state.raw == 0)
    choices = []
    for k, c in enumerate(part.free):
        rows = [
            (i, j)
            for i in range(m.classes[c, TIMES], m.classes[c, TIMES_END])
            for j in range(m.classes[c, ROOMS], m.classes[c, ROOMS_END])
            if not m.closed[m.class_rooms[j, WHICH], m.class_times[i, WHICH]]
        ]
        choices.append({*rows, tuple(part.rows[k].tolist())})
    least = int(state.totals[PENALISED])
    for chosen in product(*choices):
        lift(m, state, part.free)
        put_back(m, state, part.free, np.array(chosen, np.int32))
        if not state.raw[kept].any():
            least = min(least, int(state.totals[PENALISED]))
    lift(m, state, part.free)
    put_back(m, state, part.free, part.rows)
    return least
