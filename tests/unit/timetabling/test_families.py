"""Classes that belong together move together."""

from __future__ import annotations

import numpy as np

from collegium.timetabling.arrays import AT_TIME, PENALISED, TIMES
from collegium.timetabling.families import try_family
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.itc2019 import read_problem
from collegium.timetabling.objective import place, recount
from collegium.timetabling.states import empty_state

_CLASSES = 6
_CLASS = """<course id="{0}"><config id="{0}"><subpart id="{0}">
<class id="{0}" limit="9" room="false">
<time days="1000000" start="{1}" length="10" weeks="1" penalty="3"/>
<time days="0100000" start="{1}" length="10" weeks="1" penalty="0"/>
</class></subpart></config></course>"""
_PROBLEM = """<problem name="kin" nrDays="7" nrWeeks="1" slotsPerDay="288">
<optimization time="1" room="1" distribution="5" student="1"/><rooms/>
<courses>{classes}</courses><distributions>
<distribution type="SameDays" {how}>{members}</distribution>
</distributions><students/></problem>"""


def _instance(how: str) -> Instance:
    classes = "".join(_CLASS.format(k, 20 * k) for k in range(1, _CLASSES + 1))
    members = "".join(f'<class id="{k}"/>' for k in range(1, _CLASSES + 1))
    text = _PROBLEM.format(classes=classes, how=how, members=members)
    return prepare(read_problem(text.encode()))


def test_a_whole_family_goes_to_another_day_at_once() -> None:
    """No class can leave its five relatives alone, but all six can go."""
    for how in ('penalty="4"', 'required="true"'):
        instance = _instance(how)
        m = instance.model
        assert m.kin.tolist() == list(range(_CLASSES))
        state = empty_state(instance, 1, 1000)
        for c in range(_CLASSES):
            place(m, state, c, int(m.classes[c, TIMES]), 0)
        recount(m, state)
        assert state.totals[PENALISED] == 3 * _CLASSES
        for _ in range(20):
            try_family(m, state, 0)
        assert state.totals[PENALISED] == 0
        days = {int(m.times[t, 0]) for t in state.at[:, AT_TIME]}
        assert len(days) == 1


def test_a_family_that_cannot_follow_stays() -> None:
    """When the threshold is not met everything is where it was."""
    instance = _instance('penalty="4"')
    m = instance.model
    state = empty_state(instance, 1, 1000)
    for c in range(_CLASSES):
        place(m, state, c, int(m.classes[c, TIMES]) + 1, 0)
    recount(m, state)
    before = state.at.copy()
    for _ in range(20):
        try_family(m, state, 3 * _CLASSES - 1)
    np.testing.assert_array_equal(state.at, before)


def test_strangers_are_no_kin() -> None:
    """Constraints that keep classes apart make no family."""
    text = _PROBLEM.format(
        classes="".join(_CLASS.format(k, 20 * k) for k in (1, 2)),
        how='penalty="4"',
        members='<class id="1"/><class id="2"/>',
    ).replace("SameDays", "DifferentDays")
    assert len(prepare(read_problem(text.encode())).model.kin) == 0
