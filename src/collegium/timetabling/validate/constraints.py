"""The 19 kinds of distribution constraint, one function each.

A pair rule says whether two meetings satisfy it; a group rule says by how much all
the meetings of a constraint, taken together, pass the bound. Days and weeks are bit
sets, so "no common day" reads ``a.days & b.days == 0``. A class without a room takes
no part in SameRoom and DifferentRoom, and needs no time to walk.

References
----------
https://www.itc2019.org/format#distributions
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from collegium.timetabling.problem import Distribution, DistributionType, Problem, Room
from collegium.timetabling.validate.placed import Meeting, Placed
from collegium.timetabling.validate.report import Violation

_SHOWN_CLASSES = 12


@dataclass(frozen=True, slots=True)
class Setting:
    """What a rule needs to know besides the meetings."""

    parameters: tuple[int, ...]
    rooms: Sequence[Room]
    n_days: int
    n_weeks: int
    exempt_same_start: bool = False


PairRule = Callable[[Meeting, Meeting, Setting], bool]
GroupRule = Callable[[Sequence[Meeting], Setting], int]


def judge_distributions(
    problem: Problem,
    placed: Placed,
    found: list[Violation],
    *,
    exempt_same_start: bool = False,
) -> int:
    """Return the cost of the soft ones; say which required ones are broken."""
    cost = 0
    for distribution in problem.distributions:
        setting = Setting(
            distribution.parameters,
            problem.rooms,
            problem.n_days,
            problem.n_weeks,
            exempt_same_start,
        )
        pair_rule = PAIR_RULES.get(distribution.type)
        if pair_rule is not None:
            amount, classes = _broken_pairs(distribution, placed, pair_rule, setting)
        else:
            amount, classes = _excess(distribution, placed, setting)
        if not distribution.required:
            cost += _cost(distribution, amount, problem.n_weeks)
        elif amount:
            found.append(_violation(problem, distribution, classes))
    return cost


def same_start(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """Both start in the same slot of the day."""
    return a.start == b.start


def same_time(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """One's slots of the day lie within those of the other, whatever the days."""
    return (a.start <= b.start and b.end <= a.end) or (
        b.start <= a.start and a.end <= b.end
    )


def different_time(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """They share no slot of the day, whatever the days."""
    return a.end <= b.start or b.end <= a.start


def same_days(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """One's days are among those of the other."""
    return a.days | b.days in (a.days, b.days)


def different_days(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """They share no day of the week."""
    return a.days & b.days == 0


def same_weeks(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """One's weeks are among those of the other."""
    return a.weeks | b.weeks in (a.weeks, b.weeks)


def different_weeks(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """They share no week."""
    return a.weeks & b.weeks == 0


def overlap(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """They share a slot of a day of a week."""
    return _same_dates(a, b) and a.start < b.end and b.start < a.end


def not_overlap(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """They share no slot of any day of any week."""
    return not overlap(a, b, setting)


def same_room(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """Both are in the same room."""
    return a.room is None or b.room is None or a.room == b.room


def different_room(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """They are in two rooms."""
    return a.room is None or b.room is None or a.room != b.room


def same_attendees(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """Somebody can attend both, walking included."""
    if not _same_dates(a, b):
        return True
    walk = _travel_slots(a, b, setting.rooms)
    return a.end + walk <= b.start or b.end + walk <= a.start


def precedence(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """One, listed first, has its first meeting end before that of the other."""
    first, second = _first_date(a), _first_date(b)
    return first < second or (first == second and a.end <= b.start)


def work_day(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """No day lasts longer than S slots from the first start to the last end."""
    (longest,) = setting.parameters
    if not _same_dates(a, b):
        return True
    return max(a.end, b.end) - min(a.start, b.start) <= longest


def min_gap(a: Meeting, b: Meeting, setting: Setting) -> bool:
    """At least G slots lie between them on a day that they share."""
    (gap,) = setting.parameters
    if not _same_dates(a, b):
        return True
    return a.end + gap <= b.start or b.end + gap <= a.start


def max_days(meetings: Sequence[Meeting], setting: Setting) -> int:
    """Days of the week beyond D that any of them uses, in whatever weeks."""
    (most,) = setting.parameters
    used = 0
    for meeting in meetings:
        used |= meeting.days
    return max(0, used.bit_count() - most)


def max_day_load(meetings: Sequence[Meeting], setting: Setting) -> int:
    """Slots beyond S, summed over all days of all weeks."""
    (most,) = setting.parameters
    return sum(
        max(0, sum(m.end - m.start for m in day) - most)
        for day in _days(meetings, setting)
    )


def max_breaks(meetings: Sequence[Meeting], setting: Setting) -> int:
    """All breaks beyond R, of more than S slots, over all days of all weeks."""
    most, gap = setting.parameters
    return sum(
        max(0, len(_blocks(day, gap)) - most - 1) for day in _days(meetings, setting)
    )


def max_block(meetings: Sequence[Meeting], setting: Setting) -> int:
    """Blocks of two or more meetings that are longer than M slots."""
    return sum(
        _is_too_long(block, setting)
        for day in _days(meetings, setting)
        for block in _blocks(day, setting.parameters[1])
    )


PAIR_RULES: Mapping[DistributionType, PairRule] = {
    DistributionType.SAME_START: same_start,
    DistributionType.SAME_TIME: same_time,
    DistributionType.DIFFERENT_TIME: different_time,
    DistributionType.SAME_DAYS: same_days,
    DistributionType.DIFFERENT_DAYS: different_days,
    DistributionType.SAME_WEEKS: same_weeks,
    DistributionType.DIFFERENT_WEEKS: different_weeks,
    DistributionType.OVERLAP: overlap,
    DistributionType.NOT_OVERLAP: not_overlap,
    DistributionType.SAME_ROOM: same_room,
    DistributionType.DIFFERENT_ROOM: different_room,
    DistributionType.SAME_ATTENDEES: same_attendees,
    DistributionType.PRECEDENCE: precedence,
    DistributionType.WORK_DAY: work_day,
    DistributionType.MIN_GAP: min_gap,
}
GROUP_RULES: Mapping[DistributionType, GroupRule] = {
    DistributionType.MAX_DAYS: max_days,
    DistributionType.MAX_DAY_LOAD: max_day_load,
    DistributionType.MAX_BREAKS: max_breaks,
    DistributionType.MAX_BLOCK: max_block,
}


def _broken_pairs(
    distribution: Distribution, placed: Placed, rule: PairRule, setting: Setting
) -> tuple[int, list[int]]:
    """Return how many pairs are broken, and the classes of those."""
    members = []
    for index in distribution.classes:
        meeting = placed.meetings[index]
        if meeting is not None:
            members.append((index, meeting))
    count = 0
    classes: dict[int, None] = {}
    for (i, a), (j, b) in combinations(members, 2):
        if not rule(a, b, setting):
            count += 1
            classes[i] = classes[j] = None
    return count, list(classes)


def _excess(
    distribution: Distribution, placed: Placed, setting: Setting
) -> tuple[int, list[int]]:
    classes = [i for i in distribution.classes if placed.meetings[i] is not None]
    if is_silent(distribution, len(classes)):
        return 0, []
    meetings = [m for m in (placed.meetings[i] for i in classes) if m is not None]
    return GROUP_RULES[distribution.type](meetings, setting), classes


def is_silent(distribution: Distribution, placed: int) -> bool:
    """Tell whether a constraint says nothing while so few of its classes are placed.

    A class more can bridge two blocks, so fewer than all say nothing of breaks.
    """
    is_about_breaks = distribution.type is DistributionType.MAX_BREAKS
    return is_about_breaks and placed < len(distribution.classes)


def _cost(distribution: Distribution, amount: int, n_weeks: int) -> int:
    """Return the penalty; what is summed over weeks is averaged, once, at the end."""
    if distribution.type in (
        DistributionType.MAX_DAY_LOAD,
        DistributionType.MAX_BREAKS,
        DistributionType.MAX_BLOCK,
    ):
        return distribution.penalty * amount // n_weeks
    return distribution.penalty * amount


def _violation(
    problem: Problem, distribution: Distribution, classes: Sequence[int]
) -> Violation:
    ids = tuple(problem.classes[i].id for i in classes)
    shown = ", ".join(ids[:_SHOWN_CLASSES]) + (
        " and others" if len(ids) > _SHOWN_CLASSES else ""
    )
    name = distribution.type.value
    if distribution.parameters:
        name += f"({','.join(map(str, distribution.parameters))})"
    return Violation(
        distribution.type.value, f"Required {name} is broken by classes {shown}.", ids
    )


def _same_dates(a: Meeting, b: Meeting) -> bool:
    return a.days & b.days != 0 and a.weeks & b.weeks != 0


def _travel_slots(a: Meeting, b: Meeting, rooms: Sequence[Room]) -> int:
    if a.room is None or b.room is None or a.room == b.room:
        return 0
    return rooms[a.room].travel.get(b.room, 0)


def _first_date(meeting: Meeting) -> tuple[int, int]:
    return _lowest_bit(meeting.weeks), _lowest_bit(meeting.days)


def _lowest_bit(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _days(meetings: Sequence[Meeting], setting: Setting) -> Iterator[list[Meeting]]:
    """Yield the meetings of each day of each week that has any."""
    for week in range(setting.n_weeks):
        of_week = [m for m in meetings if m.weeks >> week & 1]
        for day in range(setting.n_days):
            of_day = [m for m in of_week if m.days >> day & 1]
            if of_day:
                yield of_day


def _blocks(day: Sequence[Meeting], gap: int) -> list[list[Meeting]]:
    """Cut a day into runs of meetings with no more than ``gap`` slots in between."""
    blocks: list[list[Meeting]] = []
    end = -1
    for meeting in sorted(day, key=lambda m: m.start):
        if blocks and meeting.start <= end + gap:
            blocks[-1].append(meeting)
            end = max(end, meeting.end)
        else:
            blocks.append([meeting])
            end = meeting.end
    return blocks


def _is_too_long(block: Sequence[Meeting], setting: Setting) -> bool:
    if len(block) < 2:
        return False
    if setting.exempt_same_start and len({m.start for m in block}) == 1:
        return False
    return max(m.end for m in block) - block[0].start > setting.parameters[0]
