"""Sets of rules that cannot hold together, against trying everything."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
from hypothesis import given, settings

from collegium.timetabling.exact.conflicts import Rule, find_conflict
from collegium.timetabling.instance import prepare
from collegium.timetabling.problem import DistributionType, Problem
from collegium.timetabling.smallest import smallest_problem
from collegium.timetabling.solution import Solution, timetable_of
from collegium.timetabling.validate import HardRule, validate
from fixtures.problems import problems

_JUDGED = {HardRule.ROOM_DOUBLE_BOOKED, HardRule.ROOM_UNAVAILABLE, *DistributionType}


@settings(max_examples=60)
@given(problem=problems(most_classes=4))
def test_a_conflict_is_said_exactly_when_no_timetable_keeps_the_rules(problem):
    """All rules together against the validator; then the set, and less than it."""
    problem = _with_places(problem)
    instance = prepare(problem)
    conflict = find_conflict(instance, range(len(problem.classes)))
    broken = _broken_sets(problem)
    assert (conflict is None) == (frozenset() in broken)
    if conflict is not None:
        assert conflict.is_minimal
        rules = {_key(problem, rule) for rule in conflict.rules}
        assert all(rules & found for found in broken)
        for rule in rules:
            assert any(not (rules - {rule}) & found for found in broken)


def test_held_classes_name_what_is_in_the_way_of_another():
    """With the first class where it is, the second has no place: one room, one time."""
    problem = smallest_problem()
    one = replace(
        problem,
        distributions=(),
        classes=tuple(
            replace(c, times=c.times[:1], rooms=c.rooms[:1]) for c in problem.classes
        ),
    )
    held = Solution(np.array([0, -1], np.int32), np.array([0, -1], np.int32), ((),))
    conflict = find_conflict(prepare(one), (0, 1), held=held, free=(1,))
    assert conflict is not None
    assert conflict.rules == (Rule(HardRule.ROOM_DOUBLE_BOOKED, 0, (0, 1)),)
    # With a second room there is nothing to explain.
    two = replace(one, classes=(one.classes[0], problem.classes[1]))
    assert find_conflict(prepare(two), (0, 1), held=held, free=(1,)) is None


def test_a_question_that_is_stopped_is_no_conflict():
    """Nothing is claimed to be in conflict that was not proved to be."""
    instance = prepare(replace(smallest_problem(), distributions=()))
    assert find_conflict(instance, (0, 1), goes_on=lambda: False) is None


def _with_places(problem: Problem) -> Problem:
    """Give a room to no class that needs one and has none."""
    return replace(
        problem,
        classes=tuple(
            replace(c, needs_room=c.needs_room and bool(c.rooms))
            for c in problem.classes
        ),
    )


def _broken_sets(problem: Problem) -> set[frozenset[tuple[str, frozenset[str]]]]:
    """Return for all timetables which rules they break."""
    choices = [
        list(
            product(range(len(c.times)), range(len(c.rooms)) if c.needs_room else [-1])
        )
        for c in problem.classes
    ]
    found = set()
    for chosen in product(*choices):
        times, rooms = zip(*chosen, strict=True) if chosen else ((), ())
        solution = Solution(
            np.array(times, np.int32),
            np.array(rooms, np.int32),
            tuple(() for _ in problem.students),
        )
        violations = validate(problem, timetable_of(problem, solution)).violations
        found.add(_rules_of(problem, solution, violations))
    return found


def _rules_of(problem, solution, violations):
    rules = set()
    for violation in violations:
        if violation.kind in (HardRule.ROOM_DOUBLE_BOOKED, HardRule.ROOM_UNAVAILABLE):
            c = next(
                i for i, x in enumerate(problem.classes) if x.id in violation.classes
            )
            room = problem.classes[c].rooms[solution.rooms[c]].room
            rules.add((violation.kind, room))
        elif violation.kind in _JUDGED:
            rules |= {
                (violation.kind, number)
                for number, rule in enumerate(problem.distributions)
                if rule.required and _is_broken(problem, solution, number)
            }
    return frozenset(rules)


def _is_broken(problem: Problem, solution: Solution, number: int) -> bool:
    alone = replace(problem, distributions=(problem.distributions[number],))
    report = validate(alone, timetable_of(alone, solution))
    return any(v.kind in set(DistributionType) for v in report.violations)


def _key(problem: Problem, rule: Rule) -> tuple[str, int]:
    return (rule.kind, rule.index)
