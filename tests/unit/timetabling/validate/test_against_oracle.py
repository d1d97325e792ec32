"""The judge against a slow one that looks at every single slot."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.timetabling.problem import (
    PARAMETER_COUNT,
    Distribution,
    DistributionType,
)
from collegium.timetabling.validate import validate
from fixtures.oracle import Oracle
from fixtures.problems import problems, timetables


@settings(max_examples=120)
@given(st.data())
def test_agrees_with_a_look_at_every_slot(data: st.DataObject):
    """Every finding and every criterion is that of a slot-by-slot judge."""
    problem = data.draw(problems())
    timetable = data.draw(timetables(problem))
    oracle = Oracle(problem, timetable)
    report = validate(problem, timetable)
    findings = Counter(
        (str(v.kind), frozenset(v.classes), frozenset(v.students))
        for v in report.violations
    )
    assert findings == oracle.findings
    assert report.feasible == (not oracle.findings)
    assert (report.time, report.room) == (oracle.time, oracle.room)
    assert (report.distribution, report.student) == (
        oracle.distribution,
        oracle.student,
    )
    assert report.total == oracle.total


@pytest.mark.parametrize("type_", DistributionType)
@settings(max_examples=20)
@given(data=st.data())
def test_agrees_on_each_type(type_: DistributionType, data: st.DataObject):
    """Each type, over all classes at once, is judged as slot by slot."""
    problem = data.draw(problems(most_classes=8))
    everybody = tuple(data.draw(st.permutations(range(len(problem.classes)))))
    parameters = tuple(
        data.draw(st.integers(0, 4)) for _ in range(PARAMETER_COUNT[type_])
    )
    rules = tuple(
        Distribution(type_, parameters, required, 3, everybody)
        for required in (True, False)
    )
    problem = replace(problem, distributions=rules, students=())
    timetable = data.draw(timetables(problem, honest=True))
    oracle = Oracle(problem, timetable)
    report = validate(problem, timetable)
    named = [set(v.classes) for v in report.violations if v.kind == type_]
    assert named == [set(c) for kind, c, _ in oracle.findings if kind == type_]
    assert report.distribution == oracle.distribution
