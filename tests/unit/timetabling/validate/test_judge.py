"""The rules that hold for every timetable, each broken on purpose, and the costs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from collegium.timetabling.problem import Distribution, DistributionType, Problem
from collegium.timetabling.solution import Timetable
from collegium.timetabling.validate import HardRule, Report, validate


def _changed(timetable: Timetable, class_id: str, **changes: Any) -> Timetable:
    return replace(
        timetable,
        placements=tuple(
            replace(p, **changes) if p.class_id == class_id else p
            for p in timetable.placements
        ),
    )


def _found(report: Report) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(str(v.kind), v.classes, v.students) for v in report.violations]


def test_costs_worked_out_by_hand(tiny: Problem, tiny_timetable: Timetable):
    """The criteria are those explained in tiny.solution.xml."""
    report = validate(tiny, tiny_timetable)
    assert report.to_dict() == {
        "feasible": True,
        "violations": [],
        "time": 1,
        "room": 1,
        "distribution": 12,
        "student": 4,
        "total": 103,
    }


ONE_CHANGE: list[tuple[str, dict[str, Any], HardRule, tuple[str, ...]]] = [
    ("1", {"start": 97}, HardRule.TIME_NOT_LISTED, ()),
    ("1", {"days": 0b1}, HardRule.TIME_NOT_LISTED, ()),
    ("1", {"weeks": 0b1}, HardRule.TIME_NOT_LISTED, ()),
    ("1", {"room_id": None}, HardRule.ROOM_MISSING, ()),
    ("4", {"room_id": "1"}, HardRule.ROOM_NOT_NEEDED, ()),
    ("3", {"room_id": "1"}, HardRule.ROOM_NOT_LISTED, ()),
    ("1", {"room_id": "nowhere"}, HardRule.ROOM_UNKNOWN, ()),
    ("2", {"days": 0b10000, "start": 96}, HardRule.ROOM_UNAVAILABLE, ()),
    ("4", {"student_ids": ("3", "9")}, HardRule.STUDENT_UNKNOWN, ("9",)),
    ("4", {"student_ids": ("3", "3")}, HardRule.STUDENT_TWICE, ("3",)),
    ("5", {"student_ids": ("1", "2", "3")}, HardRule.COURSE_NOT_REQUESTED, ("3",)),
]


@pytest.mark.parametrize(("class_id", "change", "rule", "students"), ONE_CHANGE)
def test_one_change_breaks_one_rule(
    tiny: Problem,
    tiny_timetable: Timetable,
    class_id: str,
    change: dict[str, Any],
    rule: HardRule,
    students: tuple[str, ...],
):
    """Each change breaks one rule, which names the class and the student."""
    report = validate(tiny, _changed(tiny_timetable, class_id, **change))
    assert not report.feasible
    assert _found(report) == [(rule.value, (class_id,), students)]


def test_missing_class(tiny: Problem, tiny_timetable: Timetable):
    """A class that is not there is named, and so are the students who miss it."""
    shorter = replace(tiny_timetable, placements=tiny_timetable.placements[:4])
    assert _found(validate(tiny, shorter)) == [
        ("class-missing", ("5",), ()),
        ("sectioning", (), ("1",)),
        ("sectioning", (), ("2",)),
    ]


def test_class_listed_twice(tiny: Problem, tiny_timetable: Timetable):
    """The same class twice is a violation even when both say the same."""
    placements = (*tiny_timetable.placements, tiny_timetable.placements[3])
    report = validate(tiny, replace(tiny_timetable, placements=placements))
    assert _found(report) == [("class-listed-twice", ("4",), ())]
    assert report.total == 103


def test_unknown_class(tiny: Problem, tiny_timetable: Timetable):
    """A class that the problem does not have is named."""
    stranger = replace(tiny_timetable.placements[3], class_id="77")
    placements = (*tiny_timetable.placements, stranger)
    report = validate(tiny, replace(tiny_timetable, placements=placements))
    assert _found(report) == [("unknown-class", ("77",), ())]


def test_room_double_booked(tiny: Problem, tiny_timetable: Timetable):
    """Two classes in one room at one time are named together."""
    damaged = _changed(tiny_timetable, "1", room_id="2")
    damaged = _changed(damaged, "3", room_id="2", days=0b1, start=102)
    report = validate(tiny, damaged)
    booked = [c for kind, c, _ in _found(report) if kind == "room-double-booked"]
    assert booked == [("1", "3"), ("2", "3")]


def test_a_room_is_free_in_other_weeks(tiny: Problem, tiny_timetable: Timetable):
    """Classes of different weeks share a room at the same hour."""
    monday = {"days": 0b1, "start": 102, "room_id": "3"}
    clash = _changed(tiny_timetable, "3", **monday)
    kinds = [kind for kind, _, _ in _found(validate(tiny, clash))]
    assert kinds == ["room-double-booked"]
    classes = list(tiny.classes)
    option = classes[2].times[1]
    other_week = replace(option, time=replace(option.time, weeks=0b10))
    classes[2] = replace(classes[2], times=(other_week,))
    even = _changed(tiny_timetable, "3", weeks=0b10, **monday)
    assert validate(replace(tiny, classes=tuple(classes)), even).feasible


def test_limit(tiny: Problem, tiny_timetable: Timetable):
    """A class over its limit is named; one just at its limit is fine."""
    classes = list(tiny.classes)
    classes[0] = replace(classes[0], limit=2)
    assert validate(replace(tiny, classes=tuple(classes)), tiny_timetable).feasible
    classes[0] = replace(classes[0], limit=1)
    report = validate(replace(tiny, classes=tuple(classes)), tiny_timetable)
    assert _found(report) == [("limit", ("1",), ())]
    assert "2 students, its limit is 1" in report.violations[0].message


def test_parent_not_attended(tiny: Problem, tiny_timetable: Timetable):
    """Who attends a class without its parent is named with both classes."""
    damaged = _changed(tiny_timetable, "1", student_ids=("2",))
    assert _found(validate(tiny, damaged)) == [
        ("sectioning", ("2",), ("1",)),
        ("parent-not-attended", ("2", "1"), ("1",)),
    ]


@pytest.mark.parametrize(
    ("attended", "complete"),
    [
        ({"1", "2"}, True),
        ({"1", "3"}, True),
        ({"4"}, True),
        (set(), False),
        ({"1"}, False),
        ({"1", "2", "3"}, False),
        ({"1", "2", "4"}, False),
        ({"1", "4"}, False),
    ],
)
def test_sectioning(
    tiny: Problem, tiny_timetable: Timetable, attended: set[str], complete: bool
):
    """Exactly one class of every subpart of exactly one configuration will do."""
    timetable = tiny_timetable
    for class_id in "1234":
        others = set() if class_id != "4" else {"3"}
        ids = {"2"} if class_id in "13" else set()
        mine = {"1"} if class_id in attended else set()
        students = tuple(sorted(others | ids | mine))
        timetable = _changed(timetable, class_id, student_ids=students)
    found = _found(validate(tiny, timetable))
    wrong = [("sectioning", tuple(sorted(attended)), ("1",))]
    assert found == ([] if complete else wrong)


def test_required_distribution(tiny: Problem, tiny_timetable: Timetable):
    """A required distribution that is broken is named with its classes."""
    damaged = _changed(tiny_timetable, "1", start=120)  # now ends after class 2
    report = validate(tiny, damaged)
    assert _found(report) == [("Precedence", ("1", "2"), ())]
    assert "Required Precedence" in report.violations[0].message


@pytest.mark.parametrize(("n_days", "n_weeks"), [(5, 2), (7, 3)])
def test_another_calendar(
    tiny: Problem, tiny_timetable: Timetable, n_days: int, n_weeks: int
):
    """Bit strings of another width are not those of the problem."""
    other = replace(tiny_timetable, n_days=n_days, n_weeks=n_weeks)
    assert _found(validate(tiny, other)) == [("calendar", (), ())]


def test_an_infeasible_timetable_still_costs(tiny: Problem, tiny_timetable: Timetable):
    """What is defined is counted: a class without a listed time meets nobody."""
    report = validate(tiny, _changed(tiny_timetable, "5", start=3))
    assert not report.feasible
    # No class 5 on Mondays: 24 slots in both weeks, 3 + 3 over, by 2 weeks.
    assert (report.time, report.room, report.distribution) == (1, 1, 6)
    assert report.student == 1
    assert report.total == 2 * 1 + 1 * 1 + 5 * 6 + 10 * 1


def test_breaks_are_not_judged_on_a_part(tiny: Problem, tiny_timetable: Timetable):
    """A missing class may be the one that bridges the break, so nothing is said."""
    rule = Distribution(DistributionType.MAX_BREAKS, (0, 0), True, 0, (0, 1, 4))
    problem = replace(tiny, distributions=(rule,))
    # Mondays: class 5 from 100 to 112, class 2 from 108 to 120, class 1 from 120 on.
    whole = _changed(tiny_timetable, "1", start=120)
    assert validate(problem, whole).feasible
    part = _changed(whole, "2", start=1)
    assert _found(validate(problem, part)) == [("time-not-listed", ("2",), ())]
    broken = _changed(whole, "2", start=96, days=0b10)
    assert ("MaxBreaks", ("1", "2", "5"), ()) in _found(validate(problem, broken))


def test_an_empty_timetable(tiny: Problem):
    """Nothing at all is every class missing and every student unserved."""
    report = validate(tiny, Timetable("tiny", ()))
    kinds = [kind for kind, _, _ in _found(report)]
    assert kinds == ["class-missing"] * 5 + ["sectioning"] * 5
    assert report.total == 0


def test_the_report_is_json(tiny: Problem):
    """The report of any timetable can be said in JSON and tells kinds as strings."""
    report = json.loads(json.dumps(validate(tiny, Timetable("x", ())).to_dict()))
    first = report["violations"][0]
    assert first == {
        "kind": "class-missing",
        "message": "Class 1 is missing.",
        "classes": ["1"],
        "students": [],
    }
