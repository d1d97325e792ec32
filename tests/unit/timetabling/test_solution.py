"""Solutions as indices: the form that travels, and the way from and to ids."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collegium.errors import Malformed
from collegium.timetabling.problem import Problem
from collegium.timetabling.solution import (
    Solution,
    Timetable,
    solution_of,
    timetable_of,
)
from fixtures.problems import problems, timetables


def _same(a: Solution, b: Solution) -> bool:
    return (
        a.times.tolist() == b.times.tolist()
        and a.rooms.tolist() == b.rooms.tolist()
        and a.students == b.students
    )


@settings(max_examples=60)
@given(st.data())
def test_indices_and_ids_say_the_same(data: st.DataObject):
    """An honest timetable becomes indices and JSON and comes back as it was."""
    problem = data.draw(problems())
    timetable = data.draw(timetables(problem, honest=True))
    solution = solution_of(problem, timetable)
    assert _same(Solution.from_json(solution.to_json(), problem), solution)
    again = timetable_of(problem, solution)
    by_id = [
        replace(p, student_ids=tuple(sorted(p.student_ids)))
        for p in timetable.placements
    ]
    assert again == replace(timetable, placements=tuple(by_id))


@settings(max_examples=60)
@given(st.data())
def test_a_timetable_that_invents_something_is_refused(data: st.DataObject):
    """What the problem does not list has no index."""
    problem = data.draw(problems())
    timetable = data.draw(timetables(problem, honest=True))
    assume(timetable.placements)
    at = data.draw(st.integers(0, len(timetable.placements) - 1))
    change = data.draw(
        st.sampled_from(
            [
                {"class_id": "none"},
                {"start": 999},
                {"room_id": "none"},
                {"student_ids": ("none",)},
            ]
        )
    )
    placements = list(timetable.placements)
    placements[at] = replace(placements[at], **change)
    with pytest.raises(Malformed):
        solution_of(problem, replace(timetable, placements=tuple(placements)))


def test_a_missing_class_is_unassigned(tiny: Problem, tiny_timetable: Timetable):
    """A class that a timetable lacks stays without indices and comes back missing."""
    part = replace(tiny_timetable, placements=tiny_timetable.placements[1:])
    solution = solution_of(tiny, part)
    assert (solution.times[0], solution.rooms[0]) == (-1, -1)
    ids = [p.class_id for p in timetable_of(tiny, solution).placements]
    assert ids == ["2", "3", "4", "5"]


GOOD: dict[str, Any] = {
    "times": [0, 1, 0, 0, 0],
    "rooms": [0, 0, 1, -1, 0],
    "students": [[0, 1, 4], [0, 2, 4], [3]],
}


def test_the_form_that_travels(tiny: Problem):
    """The good body is taken, so that what follows refuses for its own reason."""
    solution = Solution.from_json(json.dumps(GOOD).encode(), tiny)
    assert json.loads(solution.to_json()) == GOOD


@pytest.mark.parametrize(
    "change",
    [
        {"times": [0, 1, 0, 0]},
        {"times": [0, 1, 0, 0, 0, 0]},
        {"times": [0, 1, 0, 0, 3]},
        {"times": [0, 1, 0, 0, -2]},
        {"times": [0, 1, 0, 0, 0.0]},
        {"times": [0, True, 0, 0, 0]},
        {"times": [0, "1", 0, 0, 0]},
        {"times": [0, 10**400, 0, 0, 0]},
        {"times": None},
        {"rooms": [0, 0, 1, 0, 0]},
        {"students": []},
        {"students": [[0], [0], [5]]},
        {"students": [[0], [0], ["3"]]},
        {"students": [[0], [0], 3]},
        {"students": "abc"},
    ],
)
def test_a_lying_body_is_refused(tiny: Problem, change: dict[str, Any]):
    """Whatever a worker sends, it is indices of this problem or refused."""
    with pytest.raises(Malformed, match="Not a solution"):
        Solution.from_json(json.dumps(GOOD | change).encode(), tiny)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000, b'{"times": NaN}']
)
def test_something_else_is_refused(tiny: Problem, body: bytes):
    """Bytes that are no such JSON at all are refused in the same way."""
    with pytest.raises(Malformed, match="Not a solution"):
        Solution.from_json(body, tiny)
