"""What is said to block a place, against the validator's verdict on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.errors import NotFound
from collegium.timetabling.explain import Cause, explain_class
from collegium.timetabling.problem import (
    Class,
    Configuration,
    Course,
    Distribution,
    DistributionType,
    Problem,
    Room,
    RoomOption,
    Subpart,
    Time,
    TimeOption,
    Weights,
)
from collegium.timetabling.solution import Solution, timetable_of
from collegium.timetabling.validate import HardRule, validate
from fixtures.problems import problems

_CLASS_RULES = {
    HardRule.ROOM_UNAVAILABLE,
    HardRule.ROOM_DOUBLE_BOOKED,
    *DistributionType,
}


@settings(max_examples=150)
@given(data=st.data())
def test_a_place_is_free_exactly_when_the_validator_finds_nothing_new(data):
    """Moving the class there breaks a rule that names it iff a cause is said."""
    problem = data.draw(problems(most_classes=6))
    index = data.draw(st.integers(0, len(problem.classes) - 1))
    solution = _some_solution(problem, data)
    groups = {
        d.type
        for d in problem.distributions
        if d.type.startswith("Max") and index in d.classes
    }
    for spot in explain_class(problem, solution, index).spots:
        solution.times[index], solution.rooms[index] = spot.time, spot.room
        found = {
            violation.kind
            for violation in validate(
                problem, timetable_of(problem, solution)
            ).violations
            if violation.kind in _CLASS_RULES
            and problem.classes[index].id in violation.classes
        }
        said = {cause.kind for cause in spot.causes}
        # A required pair rule names every class that takes part in a broken pair,
        # and a group that others have broken already is nothing this class does.
        assert said <= found
        assert found - said <= groups


@settings(max_examples=150)
@given(data=st.data())
def test_what_is_not_placed_yet_is_not_held_against_a_place(data):
    """With some classes unplaced nothing is said that the validator would not say."""
    problem = data.draw(problems(most_classes=6))
    index = data.draw(st.integers(0, len(problem.classes) - 1))
    solution = _some_solution(problem, data)
    for c in data.draw(st.sets(st.integers(0, len(problem.classes) - 1))):
        solution.times[c] = solution.rooms[c] = -1
    for spot in explain_class(problem, solution, index).spots:
        solution.times[index], solution.rooms[index] = spot.time, spot.room
        verdict = validate(problem, timetable_of(problem, solution))
        found = {violation.kind for violation in verdict.violations}
        assert {cause.kind for cause in spot.causes} <= found


def test_a_missing_class_may_bridge_a_break():
    """MaxBreaks says nothing of two far apart while the third is not placed."""
    far = Time(1, 10, 4, 1), Time(1, 14, 4, 1), Time(1, 18, 4, 1)
    classes = tuple(
        Class(name, None, None, False, (), (TimeOption(time),))
        for name, time in zip("abc", far, strict=True)
    )
    rule = Distribution(DistributionType.MAX_BREAKS, (0, 2), True, 0, (0, 1, 2))
    problem = replace(_three(), classes=classes, distributions=(rule,))
    (spot,) = explain_class(problem, _at([0, -1, 0], [-1, -1, -1]), 2).spots
    assert spot.causes == ()


def test_every_blocker_is_named():
    """A closed room, a taken room and a constraint, each with its culprit."""
    explanation = explain_class(_three(), _at([0, 0, 0], [0, 1, 0]), 2)
    causes = {(s.time, s.room): s.causes for s in explanation.spots}
    together = Cause(DistributionType.NOT_OVERLAP, ("b",), 0)
    assert causes == {
        (0, 0): (Cause(HardRule.ROOM_DOUBLE_BOOKED, ("a",)), together),
        (0, 1): (Cause(HardRule.ROOM_DOUBLE_BOOKED, ("b",)), together),
        (1, 0): (),
        (1, 1): (Cause(HardRule.ROOM_UNAVAILABLE),),
    }
    assert explanation.by_cause == {
        HardRule.ROOM_DOUBLE_BOOKED: 2,
        DistributionType.NOT_OVERLAP: 2,
        HardRule.ROOM_UNAVAILABLE: 1,
    }
    assert explanation.by_blocker == {"a": 1, "b": 2}
    assert [(s.time, s.room) for s in explanation.free] == [(1, 0)]


def test_classes_without_a_time_block_nothing():
    """With the others unplaced only the closed room is left to say."""
    explanation = explain_class(_three(), _at([-1, -1, -1], [-1, -1, -1]), 2)
    assert explanation.by_cause == {HardRule.ROOM_UNAVAILABLE: 1}
    assert explanation.by_blocker == {}


def test_an_unknown_class_is_refused():
    """An index beyond the classes is not found."""
    with pytest.raises(NotFound, match="index 3"):
        explain_class(_three(), _at([0, 0, 0], [0, 0, 0]), 3)


def _some_solution(problem: Problem, data: st.DataObject) -> Solution:
    times, rooms = [], []
    for class_ in problem.classes:
        times.append(data.draw(st.integers(0, len(class_.times) - 1)))
        can_sit = class_.needs_room and class_.rooms
        rooms.append(
            data.draw(st.integers(0, len(class_.rooms) - 1)) if can_sit else -1
        )
    students = tuple(() for _ in problem.students)
    return Solution(np.array(times, np.int32), np.array(rooms, np.int32), students)


def _three() -> Problem:
    early, late = Time(1, 10, 4, 1), Time(1, 20, 4, 1)
    classes = tuple(
        Class(
            name,
            None,
            None,
            True,
            (RoomOption(0), RoomOption(1)),
            (TimeOption(early), TimeOption(late)),
        )
        for name in "abc"
    )
    rule = Distribution(DistributionType.NOT_OVERLAP, (), True, 0, (1, 2))
    return Problem(
        name="three",
        n_days=5,
        n_weeks=1,
        slots_per_day=288,
        weights=Weights(1, 1, 1, 1),
        rooms=(Room("1", 9), Room("2", 9, {}, (late,))),
        courses=(Course("1", (Configuration("1", (Subpart("1", (0, 1, 2)),)),)),),
        classes=classes,
        distributions=(rule,),
        students=(),
    )


def _at(times: list[int], rooms: list[int]) -> Solution:
    return Solution(np.array(times, np.int32), np.array(rooms, np.int32))
