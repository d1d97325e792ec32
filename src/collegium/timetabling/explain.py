"""Why a class cannot be where one would like it: the blockers of every place.

The others stay where they are; each listed time and room of the class is tried by
the validator's own rules, and what is broken there is said by cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from collegium.errors import NotFound
from collegium.timetabling.problem import Distribution, HardRule, Problem, Time
from collegium.timetabling.solution import UNASSIGNED, Solution
from collegium.timetabling.validate.constraints import (
    GROUP_RULES,
    PAIR_RULES,
    Setting,
    is_silent,
)
from collegium.timetabling.validate.placed import Meeting


@dataclass(frozen=True, slots=True)
class Cause:
    """One rule that forbids a place.

    Parameters
    ----------
    kind : ``HardRule`` or the type of the required distribution.
    classes : ids of the other classes concerned.
    distribution : index of the distribution, None for rooms.
    """

    kind: str
    classes: tuple[str, ...] = ()
    distribution: int | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of the class: indices into its times and rooms, room -1 for none."""

    time: int
    room: int
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All places of a class, with what forbids each."""

    class_id: str
    spots: tuple[Spot, ...]

    @property
    def free(self) -> tuple[Spot, ...]:
        """Places that nothing forbids."""
        return tuple(spot for spot in self.spots if not spot.causes)

    @property
    def by_cause(self) -> Mapping[str, int]:
        """How many places each kind of rule forbids."""
        return Counter(kind for spot in self.spots for kind in _kinds(spot))

    @property
    def by_blocker(self) -> Mapping[str, int]:
        """How many places each other class takes part in forbidding."""
        return Counter(
            class_id
            for spot in self.spots
            for class_id in {c for cause in spot.causes for c in cause.classes}
        )


def explain_class(problem: Problem, solution: Solution, index: int) -> Explanation:
    """Say for every listed place of a class what forbids it.

    Parameters
    ----------
    solution : where the other classes are; those without a time block nothing.
    index : the class.

    Raises
    ------
    NotFound
        When there is no such class.
    """
    if not 0 <= index < len(problem.classes):
        raise NotFound(f"There is no class with index {index}.")
    class_ = problem.classes[index]
    others = _meetings(problem, solution, index)
    rules = [
        (number, rule)
        for number, rule in enumerate(problem.distributions)
        if rule.required and index in rule.classes
    ]
    spots = []
    for t, time in enumerate(class_.times):
        grouped = tuple(_broken_groups(problem, rules, others, index, time.time))
        for r in range(len(class_.rooms)) if class_.needs_room else (UNASSIGNED,):
            room = class_.rooms[r].room if r != UNASSIGNED else None
            here = _meeting(time.time, room)
            causes = (
                *_room_causes(problem, others, here),
                *_broken_pairs(problem, rules, others, index, here),
                *grouped,
            )
            spots.append(Spot(t, r, causes))
    return Explanation(class_.id, tuple(spots))


def _kinds(spot: Spot) -> set[str]:
    return {cause.kind for cause in spot.causes}


def _meetings(
    problem: Problem, solution: Solution, leave_out: int
) -> dict[int, Meeting]:
    found = {}
    for c, class_ in enumerate(problem.classes):
        if c != leave_out and solution.times[c] != UNASSIGNED:
            room = None
            if solution.rooms[c] != UNASSIGNED:
                room = class_.rooms[solution.rooms[c]].room
            found[c] = _meeting(class_.times[solution.times[c]].time, room)
    return found


def _meeting(time: Time, room: int | None) -> Meeting:
    return Meeting(time.days, time.start, time.end, time.weeks, room)


def _overlap(a: Meeting, b: Meeting) -> bool:
    common = a.days & b.days and a.weeks & b.weeks
    return bool(common) and a.start < b.end and b.start < a.end


def _room_causes(
    problem: Problem, others: Mapping[int, Meeting], here: Meeting
) -> Iterator[Cause]:
    if here.room is None:
        return
    for closed in problem.rooms[here.room].unavailable:
        if _overlap(here, _meeting(closed, here.room)):
            yield Cause(HardRule.ROOM_UNAVAILABLE)
            break
    for c, other in others.items():
        if other.room == here.room and _overlap(here, other):
            yield Cause(HardRule.ROOM_DOUBLE_BOOKED, (problem.classes[c].id,))


def _broken_pairs(
    problem: Problem,
    rules: Sequence[tuple[int, Distribution]],
    others: Mapping[int, Meeting],
    index: int,
    here: Meeting,
) -> Iterator[Cause]:
    for number, rule in rules:
        holds = PAIR_RULES.get(rule.type)
        if holds is None:
            continue
        setting = _setting(problem, rule)
        position = rule.classes.index(index)
        for k, c in enumerate(rule.classes):
            if c == index or c not in others:
                continue
            pair = (others[c], here) if k < position else (here, others[c])
            if not holds(*pair, setting):
                yield Cause(rule.type, (problem.classes[c].id,), number)


def _broken_groups(
    problem: Problem,
    rules: Sequence[tuple[int, Distribution]],
    others: Mapping[int, Meeting],
    index: int,
    time: Time,
) -> Iterator[Cause]:
    """Say which groups the class makes worse at this time."""
    for number, rule in rules:
        excess = GROUP_RULES.get(rule.type)
        if excess is None:
            continue
        setting = _setting(problem, rule)
        members = [c for c in rule.classes if c in others]
        if is_silent(rule, len(members) + 1):
            continue
        there = [others[c] for c in members]
        amount = excess([*there, _meeting(time, None)], setting)
        if amount > excess(there, setting):
            ids = tuple(problem.classes[c].id for c in members)
            yield Cause(rule.type, ids, number)


def _setting(problem: Problem, rule: Distribution) -> Setting:
    return Setting(rule.parameters, problem.rooms, problem.n_days, problem.n_weeks)
