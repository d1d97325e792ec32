"""The judge against published solutions, as they are and damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from collegium.timetabling.itc2019 import read_problem, read_timetable
from collegium.timetabling.problem import (
    Distribution,
    DistributionType,
    Problem,
    RoomOption,
    Time,
    TimeOption,
)
from collegium.timetabling.solution import Placement, Timetable
from collegium.timetabling.validate import HardRule, Report, validate
from fixtures.itc2019 import solved_files

_Files = tuple[Problem, Timetable]


@lru_cache(maxsize=16)
def _solved(instance: Path, solution: Path) -> _Files:
    return read_problem(instance), read_timetable(solution)


@pytest.mark.parametrize(("instance", "solution", "expected"), solved_files())
def test_published_costs(instance: Path, solution: Path, expected: dict[str, Any]):
    """Raw penalties and totals are exactly the published ones, no rule broken."""
    problem, timetable = _solved(instance, solution)
    report = validate(problem, timetable).to_dict()
    assert report.pop("violations") == []
    assert report == {k: v for k, v in expected.items() if k != "hard_violations"}


@pytest.mark.parametrize(("instance", "solution", "expected"), solved_files())
@pytest.mark.parametrize("kind", ["class", "time", "room", "limit", "parent"])
def test_damaged_copy(
    instance: Path, solution: Path, expected: dict[str, Any], kind: str
):
    """A damaged copy is infeasible for the reason and the class of the damage."""
    problem, timetable = _solved(instance, solution)
    damaged = _DAMAGES[kind](problem, timetable)
    if damaged is None:
        assert kind in ("limit", "parent")
        assert not problem.students
        return
    broken, rule, class_id = damaged
    assert rule in _kinds_naming(validate(problem, broken), class_id)


@pytest.mark.parametrize(("instance", "solution", "expected"), solved_files())
def test_broken_distributions(instance: Path, solution: Path, expected: dict[str, Any]):
    """Each kind of required distribution is named with its classes once broken."""
    problem, timetable = _solved(instance, solution)
    kinds = {d.type for d in problem.distributions if d.required and len(d.classes) > 1}
    for kind in sorted(kinds):
        rules = [d for d in problem.distributions if d.required and d.type is kind]
        rule = next(d for d in rules if _is_breakable(d))
        report = validate(*_broken(problem, timetable, rule))
        ids = {problem.classes[i].id for i in rule.classes}
        assert any(v.kind == kind and ids & set(v.classes) for v in report.violations)


def _is_breakable(rule: Distribution) -> bool:
    if rule.type is DistributionType.MAX_BREAKS:
        breaks, gap = rule.parameters
        return breaks + 1 < len(rule.classes) <= 288 // (gap + 2)
    return len(rule.classes) > 1


def _broken(
    problem: Problem, timetable: Timetable, rule: Distribution
) -> tuple[Problem, Timetable]:
    """Place the classes of a rule so that it breaks, at times that are listed then."""
    classes = list(problem.classes)
    for position, index in enumerate(rule.classes):
        time, room = _bad_place(problem, rule, position)
        classes[index] = replace(
            classes[index],
            needs_room=True,
            rooms=(RoomOption(room),),
            times=(TimeOption(time),),
        )
        timetable = _with_placement(
            timetable,
            classes[index].id,
            days=time.days,
            start=time.start,
            weeks=time.weeks,
            room_id=problem.rooms[room].id,
        )
    return replace(problem, classes=tuple(classes)), timetable


def _bad_place(problem: Problem, rule: Distribution, position: int) -> tuple[Time, int]:
    """Return a place for the class at this position that breaks such a rule."""
    all_days, all_weeks = 2**problem.n_days - 1, 2**problem.n_weeks - 1
    if rule.type is DistributionType.MAX_BREAKS:  # many short meetings, far apart
        return Time(1, position * (rule.parameters[1] + 2), 1, all_weeks), 0
    if rule.type in _TOGETHER:  # nothing in common
        day, week = 1 << position % problem.n_days, 1 << position % problem.n_weeks
        return Time(day, position, 1, week), position % len(problem.rooms)
    return Time(all_days, 0, problem.slots_per_day, all_weeks), 0  # all in common


_TOGETHER = {
    DistributionType.SAME_START,
    DistributionType.SAME_TIME,
    DistributionType.SAME_DAYS,
    DistributionType.SAME_WEEKS,
    DistributionType.SAME_ROOM,
    DistributionType.OVERLAP,
}


def _kinds_naming(report: Report, class_id: str) -> set[str]:
    return {str(v.kind) for v in report.violations if class_id in v.classes}


def _with_placement(timetable: Timetable, class_id: str, **changes: Any) -> Timetable:
    placements = tuple(
        replace(p, **changes) if p.class_id == class_id else p
        for p in timetable.placements
    )
    return replace(timetable, placements=placements)


def _placement_of(timetable: Timetable, class_id: str) -> Placement:
    return next(p for p in timetable.placements if p.class_id == class_id)


_Damage = tuple[Timetable, HardRule, str] | None


def _without_class(problem: Problem, timetable: Timetable) -> _Damage:
    lost, *rest = timetable.placements
    damaged = replace(timetable, placements=tuple(rest))
    return damaged, HardRule.CLASS_MISSING, lost.class_id


def _unlisted_time(problem: Problem, timetable: Timetable) -> _Damage:
    class_id = timetable.placements[-1].class_id
    damaged = _with_placement(timetable, class_id, start=3)
    return damaged, HardRule.TIME_NOT_LISTED, class_id


def _unlisted_room(problem: Problem, timetable: Timetable) -> _Damage:
    for class_ in problem.classes:
        listed = {option.room for option in class_.rooms}
        for room in range(len(problem.rooms)):
            if class_.needs_room and room not in listed:
                damaged = _with_placement(
                    timetable, class_.id, room_id=problem.rooms[room].id
                )
                return damaged, HardRule.ROOM_NOT_LISTED, class_.id
    return None


def _too_many_students(problem: Problem, timetable: Timetable) -> _Damage:
    everybody = tuple(s.id for s in problem.students)
    for class_ in problem.classes:
        if class_.limit is not None and class_.limit < len(everybody):
            damaged = _with_placement(timetable, class_.id, student_ids=everybody)
            return damaged, HardRule.LIMIT, class_.id
    return None


def _parent_not_attended(problem: Problem, timetable: Timetable) -> _Damage:
    for class_ in problem.classes:
        if (
            class_.parent is not None
            and _placement_of(timetable, class_.id).student_ids
        ):
            parent = problem.classes[class_.parent].id
            damaged = _with_placement(timetable, parent, student_ids=())
            return damaged, HardRule.PARENT_NOT_ATTENDED, class_.id
    return None


_DAMAGES: dict[str, Callable[[Problem, Timetable], _Damage]] = {
    "class": _without_class,
    "time": _unlisted_time,
    "room": _unlisted_room,
    "limit": _too_many_students,
    "parent": _parent_not_attended,
}
