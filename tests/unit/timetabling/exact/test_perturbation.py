"""Repairs of published timetables: no more moves than are paid for and allowed."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collegium.errors import StateForbids
from collegium.timetabling.changes import (
    ClassAdded,
    RoomClosed,
    TimeForbidden,
    apply_changes,
    carry_over,
)
from collegium.timetabling.exact.perturbation import Repair, repair
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.problem import Problem, Time
from collegium.timetabling.solution import UNASSIGNED, Solution, timetable_of
from collegium.timetabling.solve import evaluate, solve
from collegium.timetabling.validate import validate
from fixtures.problems import problems


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Return a small generated university."""
    return generate(SampleSize.of_classes(20))


@pytest.fixture(scope="module")
def published(problem: Problem) -> Solution:
    """Return a feasible timetable of it."""
    result = solve(prepare(problem), seed=1, iterations=50_000)
    assert result.best_cost.is_feasible
    return result.best


@pytest.fixture(scope="module")
def dear(problem: Problem, published: Solution) -> Repair:
    """Return the repair of a closed room at a price that nothing is worth."""
    changed, _ = _busiest_room_closed(problem, published)
    start = carry_over(problem, published, changed).solution
    return repair(prepare(changed), start, move_cost=100_000, seconds=20)


def test_a_closed_room_moves_those_in_it_and_nobody_else(problem, published, dear):
    """Dear moves: only who must move moves, and all is kept."""
    changed, inside = _busiest_room_closed(problem, published)
    assert len(inside) >= 2
    found = dear
    assert found.displaced == inside
    assert found.moved == inside
    report = validate(changed, timetable_of(changed, found.solution))
    assert report.feasible
    assert report.total == found.cost.total


def test_free_moves_make_a_better_timetable_than_dear_ones(problem, published, dear):
    """Without a price the repair may improve what it likes, within the bound."""
    changed, inside = _busiest_room_closed(problem, published)
    start = carry_over(problem, published, changed).solution
    most = len(inside) + 3
    free = repair(prepare(changed), start, most_moved=most, seconds=5)
    assert free.cost.is_feasible
    assert len(free.moved) <= most
    assert free.cost.total <= dear.cost.total


def test_a_bound_below_the_displaced_is_refused(problem, published):
    """One class less than has lost its place cannot be."""
    changed, inside = _busiest_room_closed(problem, published)
    start = carry_over(problem, published, changed).solution
    with pytest.raises(StateForbids, match=f"{len(inside)} classes"):
        repair(prepare(changed), start, most_moved=len(inside) - 1)


def test_an_added_class_gets_a_place_and_does_not_count_as_moved(problem, published):
    """A twin of an existing class is placed; nobody else needs to leave."""
    twin = replace(problem.classes[0], id="twin")
    subpart = problem.courses[0].configurations[0].subparts[0].id
    changed = apply_changes(problem, [ClassAdded(subpart, twin)])
    start = carry_over(problem, published, changed).solution
    assert start.times[-1] == UNASSIGNED
    found = repair(prepare(changed), start, move_cost=100_000, seconds=20)
    assert found.cost.is_feasible
    assert found.solution.times[-1] != UNASSIGNED
    assert found.displaced == ()


def test_a_forbidden_time_is_left(problem, published):
    """The class goes elsewhere, and it is the only one that had to."""
    movable = [i for i, c in enumerate(problem.classes) if len(c.times) > 3]
    class_ = problem.classes[movable[0]]
    time = class_.times[published.times[movable[0]]].time
    changed = apply_changes(problem, [TimeForbidden(class_.id, time)])
    start = carry_over(problem, published, changed)
    assert start.lost == (movable[0],)
    found = repair(
        prepare(changed),
        start.solution,
        lost=start.lost,
        move_cost=100_000,
        seconds=20,
    )
    assert found.cost.is_feasible
    assert found.displaced == (movable[0],)
    assert movable[0] in found.moved


def test_nothing_changed_nothing_moves(problem, published):
    """At a price, the published timetable of an unchanged problem stays as it is."""
    found = repair(prepare(problem), published, move_cost=100_000, seconds=3)
    assert found.moved == ()
    assert found.cost == evaluate(prepare(problem), published)


@settings(max_examples=50)
@given(data=st.data())
def test_an_optimal_repair_is_that_of_trying_everything(data):
    """Price and bound of moves together, on problems small enough to try all."""
    problem = data.draw(problems(most_classes=4))
    problem = replace(problem, students=())
    assume(all(c.rooms or not c.needs_room for c in problem.classes))
    instance = prepare(problem)
    published = _random_solution(problem, data)
    move_cost = data.draw(st.integers(0, 30))
    most = data.draw(st.integers(0, 4))
    try:
        found = repair(
            instance, published, most_moved=most, move_cost=move_cost, seconds=20
        )
    except StateForbids:
        return
    assert len(found.moved) <= most
    least = _least_by_trying(instance, published, most, move_cost)
    if least is not None:
        assert found.is_optimal or len(instance.model.movable) == 0
        assert found.cost.is_feasible
        assert found.cost.total + move_cost * len(found.moved) == least


def _busiest_room_closed(
    problem: Problem, published: Solution
) -> tuple[Problem, tuple[int, ...]]:
    """Close a room in mornings; return the classes that lose their place, too."""
    best: tuple[int, ...] = ()
    closed = Time(31, 96, 48, (1 << problem.n_weeks) - 1)
    chosen = ""
    for r, room in enumerate(problem.rooms):
        inside = []
        for c, class_ in enumerate(problem.classes):
            if published.rooms[c] == UNASSIGNED:
                continue
            time = class_.times[published.times[c]].time
            is_there = class_.rooms[published.rooms[c]].room == r
            if is_there and time.start < closed.end and closed.start < time.end:
                inside.append(c)
        can_move = all(len(problem.classes[c].rooms) > 1 for c in inside)
        if len(inside) > len(best) and can_move:
            best, chosen = tuple(inside), room.id
    return apply_changes(problem, [RoomClosed(chosen, closed)]), best


def _random_solution(problem: Problem, data: st.DataObject) -> Solution:
    times = [data.draw(st.integers(0, len(c.times) - 1)) for c in problem.classes]
    rooms = [
        data.draw(st.integers(0, len(c.rooms) - 1)) if c.needs_room else UNASSIGNED
        for c in problem.classes
    ]
    return Solution(np.array(times, np.int32), np.array(rooms, np.int32))


def _least_by_trying(
    instance: Instance, published: Solution, most: int, move_cost: int
) -> int | None:
    """Return the least total with moves paid, over all feasible timetables."""
    problem = instance.problem
    choices = [
        list(
            product(range(len(c.times)), range(len(c.rooms)) if c.needs_room else [-1])
        )
        for c in problem.classes
    ]
    least = None
    for chosen in product(*choices):
        rows = np.array(chosen, np.int32).reshape(-1, 2)
        solution = Solution(rows[:, 0].copy(), rows[:, 1].copy())
        moved = int(
            np.sum((rows[:, 0] != published.times) | (rows[:, 1] != published.rooms))
        )
        cost = evaluate(instance, solution)
        if moved <= most and cost.is_feasible:
            value = cost.total + move_cost * moved
            least = value if least is None else min(least, value)
    return least
