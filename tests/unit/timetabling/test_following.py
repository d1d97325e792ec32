"""Students follow a class that moves, or everything stays as it was."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.timetabling.arrays import AT_TIME_ROW, PENALISED, TIMES, State
from collegium.timetabling.following import try_followed
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.itc2019 import read_problem
from collegium.timetabling.moves import try_place
from collegium.timetabling.objective import place, recount
from collegium.timetabling.seating import seat_given
from collegium.timetabling.states import empty_state

_TIME = '<time days="1000000" start="{0}" length="10" weeks="1" penalty="{1}"/>'
_CLASS = '<class id="{0}" limit="{1}" room="false">{2}</class>'
_PROBLEM = """<problem name="seminars" nrDays="7" nrWeeks="1" slotsPerDay="288">
<optimization time="1" room="1" distribution="5" student="5"/><rooms/>
<courses>
<course id="1"><config id="1"><subpart id="1">{lecture}</subpart></config></course>
<course id="2"><config id="2"><subpart id="2">{seminars}</subpart></config></course>
</courses><distributions/>
<students>
<student id="1"><course id="1"/><course id="2"/></student>
<student id="2"><course id="2"/></student>
</students></problem>"""
_LECTURE, _EARLY, _LATE = 0, 1, 2


def _instance(limit: int) -> Instance:
    """Return a lecture, better at 8 than at 20, and seminars at 8 and at 30."""
    lecture = _CLASS.format(1, 9, _TIME.format(20, 3) + _TIME.format(8, 0))
    seminars = _CLASS.format(2, limit, _TIME.format(8, 0))
    seminars += _CLASS.format(3, limit, _TIME.format(30, 0))
    text = _PROBLEM.format(lecture=lecture, seminars=seminars)
    return prepare(read_problem(text.encode()))


def _state(instance: Instance) -> State:
    """Return the first student in lecture and early seminar, the second in the late."""
    m = instance.model
    state = empty_state(instance, 1, 1000)
    attended = np.array([_LECTURE, _EARLY, _LATE], np.int32)
    seat_given(m, state, np.array([0, 2, 3], np.int32), attended)
    for c in range(3):
        place(m, state, c, int(m.classes[c, TIMES]), 0)
    recount(m, state)
    assert state.totals[PENALISED] == 3
    return state


@pytest.mark.parametrize("limit", [1, 2])
def test_a_student_makes_way_for_a_class(limit: int) -> None:
    """The lecture cannot go to 8 alone; its student takes a free seat, or swaps one."""
    instance = _instance(limit)
    m, state = instance.model, _state(instance)
    better = int(m.classes[_LECTURE, TIMES]) + 1
    try_place(m, state, _LECTURE, better, 0, 0)
    assert state.totals[PENALISED] == 3
    try_followed(m, state, _LECTURE, better, 0, 0)
    assert state.at[_LECTURE, AT_TIME_ROW] == better
    assert state.totals[PENALISED] == 0
    assert state.attendance.tolist() == [1, 2 - limit, limit]


def test_nobody_has_moved_when_it_was_in_vain() -> None:
    """A threshold that is not met leaves everybody and everything in place."""
    instance = _instance(1)
    m, state = instance.model, _state(instance)
    at, enrolled = state.at.copy(), state.enrolled.copy()
    totals = state.totals[: PENALISED + 1].copy()
    better = int(m.classes[_LECTURE, TIMES]) + 1
    try_followed(m, state, _LECTURE, better, 0, -4)
    np.testing.assert_array_equal(state.at, at)
    np.testing.assert_array_equal(state.enrolled, enrolled)
    np.testing.assert_array_equal(state.totals[: PENALISED + 1], totals)
