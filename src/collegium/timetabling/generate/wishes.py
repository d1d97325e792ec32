"""Distribution constraints: what teachers and courses ask for, of all 19 types.

A constraint is required only if the hidden timetable fulfils it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from collegium.timetabling.generate.curriculum import Curriculum, Kind, Section
from collegium.timetabling.problem import Distribution, DistributionType, Problem
from collegium.timetabling.validate.constraints import judge_distributions
from collegium.timetabling.validate.placed import Placed
from collegium.timetabling.validate.report import Violation

_PARAMETERS = {
    DistributionType.WORK_DAY: (96,),  # 8 hours
    DistributionType.MIN_GAP: (2,),  # 10 minutes
    DistributionType.MAX_DAYS: (3,),
    DistributionType.MAX_DAY_LOAD: (60,),  # 5 hours
    DistributionType.MAX_BREAKS: (1, 12),  # one break of more than an hour
    DistributionType.MAX_BLOCK: (48, 6),  # 4 hours without half an hour's break
}
_PENALTIES = (1, 1, 2, 4)
_TRIES = 3_000


class Wish(NamedTuple):
    """A constraint that somebody asks for.

    Parameters
    ----------
    required : probability that it becomes so when the hidden timetable fulfils it.
    """

    type: DistributionType
    classes: tuple[int, ...]
    required: float


def draft_distributions(
    problem: Problem, placed: Placed, curriculum: Curriculum, chance: Random
) -> tuple[Distribution, ...]:
    """Return the constraints of a problem whose hidden timetable is given."""
    asked: dict[tuple[DistributionType, tuple[int, ...]], Distribution] = {}
    for wish in _wishes(curriculum, chance):
        distribution = _granted(problem, placed, wish, chance)
        asked.setdefault((wish.type, wish.classes), distribution)
    _complete(problem, placed, asked, chance)
    return tuple(asked.values())


def _wishes(curriculum: Curriculum, chance: Random) -> Iterator[Wish]:
    courses: dict[int, dict[Kind, list[int]]] = {}
    teachers: dict[int, list[int]] = {}
    for index, section in enumerate(curriculum.sections):
        courses.setdefault(section.course, {}).setdefault(section.kind, []).append(
            index
        )
        teachers.setdefault(section.instructor, []).append(index)
        yield from _family_wishes(index, section, chance)
    for kinds in courses.values():
        yield from _course_wishes(kinds, chance)
    for classes in teachers.values():
        if len(classes) > 1:
            yield from _teacher_wishes(classes, chance)


def _family_wishes(index: int, section: Section, chance: Random) -> Iterator[Wish]:
    if section.parent is not None:
        yield Wish(DistributionType.SAME_ATTENDEES, (section.parent, index), 1.0)
    if section.twin is None:
        return
    together = (section.twin, index)
    if section.kind is Kind.SECOND_HALF:
        yield Wish(DistributionType.DIFFERENT_WEEKS, together, 1.0)
        yield Wish(DistributionType.SAME_ROOM, together, 0.7)
        alike = (DistributionType.SAME_TIME, DistributionType.SAME_START)
    else:
        yield Wish(DistributionType.OVERLAP, together, 1.0)
        yield Wish(DistributionType.DIFFERENT_ROOM, together, 0.7)
        alike = (DistributionType.SAME_DAYS, DistributionType.SAME_WEEKS)
    yield Wish(chance.choice(alike), together, 0.8)


def _course_wishes(kinds: dict[Kind, list[int]], chance: Random) -> Iterator[Wish]:
    lectures, labs = kinds.get(Kind.LECTURE, []), kinds.get(Kind.LAB, [])
    recitations = kinds.get(Kind.RECITATION, [])
    if lectures and labs:
        yield Wish(DistributionType.PRECEDENCE, (lectures[0], labs[0]), 0.5)
        yield Wish(DistributionType.DIFFERENT_DAYS, (lectures[0], labs[-1]), 0.3)
    if len(labs) > 1:
        yield Wish(DistributionType.SAME_WEEKS, tuple(labs), 0.2)
        yield Wish(DistributionType.SAME_ROOM, tuple(labs), 0.2)
    if len(lectures) > 1:
        alike = (DistributionType.SAME_START, DistributionType.SAME_DAYS)
        yield Wish(chance.choice(alike), tuple(lectures), 0.5)
        yield Wish(DistributionType.SAME_ROOM, tuple(lectures), 0.5)
    if len(recitations) > 1:
        yield Wish(DistributionType.DIFFERENT_TIME, tuple(recitations[:4]), 0.2)
    if len(kinds.get(Kind.SEMINAR, [])) > 1:
        yield Wish(DistributionType.NOT_OVERLAP, tuple(kinds[Kind.SEMINAR][:6]), 0.4)


def _teacher_wishes(classes: Sequence[int], chance: Random) -> Iterator[Wish]:
    yield Wish(DistributionType.SAME_ATTENDEES, tuple(classes), 1.0)
    for type_ in chance.sample(sorted(_PARAMETERS), 2):
        yield Wish(type_, tuple(classes), 0.5)


def _granted(
    problem: Problem, placed: Placed, wish: Wish, chance: Random
) -> Distribution:
    distribution = Distribution(
        type=wish.type,
        parameters=_PARAMETERS.get(wish.type, ()),
        required=True,
        penalty=0,
        classes=wish.classes,
    )
    wanted = chance.random() < wish.required
    if wanted and _holds(problem, placed, distribution):
        return distribution
    return replace(distribution, required=False, penalty=chance.choice(_PENALTIES))


def _holds(problem: Problem, placed: Placed, distribution: Distribution) -> bool:
    alone = replace(problem, distributions=(distribution,))
    broken: list[Violation] = []
    judge_distributions(alone, placed, broken)
    return not broken


def _complete(
    problem: Problem,
    placed: Placed,
    asked: dict[tuple[DistributionType, tuple[int, ...]], Distribution],
    chance: Random,
) -> None:
    """See to it that every type is asked for, both required and soft."""
    roomed = [i for i, room in enumerate(placed.rooms) if room is not None]
    there = {(d.type, d.required) for d in asked.values()}
    for type_ in DistributionType:
        for required in (True, False):
            if (type_, required) in there:
                continue
            for _ in range(_TRIES):
                wish = Wish(type_, tuple(chance.sample(roomed, 2)), float(required))
                granted = _granted(problem, placed, wish, chance)
                if granted.required is required and wish[:2] not in asked:
                    asked[wish[:2]] = granted
                    break
