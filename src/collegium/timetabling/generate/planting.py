"""The hidden timetable: a time and a room for every class, none in another's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from random import Random

from collegium.timetabling.generate.curriculum import Curriculum, Kind, Section
from collegium.timetabling.problem import Room, Time

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY = (1 << day for day in range(6))
WEEKDAYS = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)

_MORNING, _EVENING = 96, 216  # 8:00 and 18:00
_HOUR, _LONG_HOUR, _HALF_DAY = 12, 18, 36
_NEAREST_ROOMS = 14


class Weeks:
    """The sets of weeks in which things meet, for a term of so many weeks."""

    def __init__(self, n_weeks: int) -> None:
        self.all = 2**n_weeks - 1
        self.odd = sum(1 << week for week in range(0, n_weeks, 2))
        self.even = self.all & ~self.odd
        self.first_half = 2 ** (n_weeks // 2) - 1
        self.second_half = self.all & ~self.first_half


def listed_times(section: Section, weeks: Weeks) -> list[Time]:
    """Return all the times at which such a class may meet."""
    if section.kind is Kind.LECTURE:
        return [
            *_times([MONDAY | WEDNESDAY | FRIDAY], _HOUR, 10, weeks.all),
            *_times(
                [TUESDAY | THURSDAY, MONDAY | WEDNESDAY], _LONG_HOUR, 16, weeks.all
            ),
        ]
    if section.kind is Kind.RECITATION:
        return list(_times(WEEKDAYS, _HOUR, 10, weeks.all))
    if section.kind is Kind.SEMINAR:
        return [
            *_times([TUESDAY | THURSDAY], _LONG_HOUR, 16, weeks.all),
            *_times(WEEKDAYS, _HALF_DAY, 30, weeks.all),
        ]
    if section.kind is Kind.LAB:
        patterns = (weeks.odd, weeks.even) if section.course % 3 else (weeks.all,)
        return [t for w in patterns for t in _times(WEEKDAYS, _HALF_DAY, 34, w)]
    if section.kind is Kind.ONLINE:
        evenings = [*WEEKDAYS, SATURDAY]
        return [Time(day, s, 18, weeks.all) for day in evenings for s in (204, 222)]
    half = weeks.first_half if section.kind is Kind.FIRST_HALF else weeks.second_half
    return list(_times([MONDAY | WEDNESDAY, TUESDAY | THURSDAY], _LONG_HOUR, 16, half))


class Garden:
    """Where everything has been placed so far.

    Parameters
    ----------
    times, rooms : of each section that has been placed; room index, None for none.
    """

    def __init__(
        self, curriculum: Curriculum, rooms: Sequence[Room], n_weeks: int
    ) -> None:
        self.times: dict[int, Time] = {}
        self.rooms: dict[int, int | None] = {}
        self._curriculum = curriculum
        self._all_rooms = rooms
        self._weeks = Weeks(n_weeks)
        self._taken: list[list[Time]] = [list(room.unavailable) for room in rooms]
        self._taught: dict[int, list[int]] = {}

    def plant(self, chance: Random) -> bool:
        """Place every section, large courses first; say whether all have a place."""
        sections = self._curriculum.sections
        for index in _largest_first(sections):
            place = self._best_place(sections[index], chance)
            if place is None:
                return False
            self._place(index, sections[index], *place)
        return True

    def fitting_rooms(self, section: Section) -> list[int]:
        """Return the rooms that seat the class, the tightest first."""
        limit = section.limit or 0
        fitting = [i for i, r in enumerate(self._all_rooms) if r.capacity >= limit]
        return sorted(fitting, key=lambda i: (self._all_rooms[i].capacity, i))

    def _best_place(
        self, section: Section, chance: Random
    ) -> tuple[Time, int | None] | None:
        """Return a free place, if possible one that its people can get to."""
        away = self._not_at_once(section)
        free = None
        for place in chain(self._beside_twin(section), self._anywhere(section, chance)):
            if self._is_free(*place):
                if all(self._is_apart(*place, other) for other in away):
                    return place
                free = free or place
        return free

    def _beside_twin(self, section: Section) -> Iterator[tuple[Time, int | None]]:
        """Yield the places that go with the twin's."""
        if section.twin is None or section.twin not in self.times:
            return
        time, room = self.times[section.twin], self.rooms[section.twin]
        fitting = self.fitting_rooms(section)
        if section.kind is Kind.SECOND_HALF:
            if room in fitting:
                yield replace(time, weeks=self._weeks.second_half), room
            return
        yield from ((time, other) for other in fitting if other != room)

    def _anywhere(
        self, section: Section, chance: Random
    ) -> Iterator[tuple[Time, int | None]]:
        times = listed_times(section, self._weeks)
        chance.shuffle(times)
        if section.kind is Kind.ONLINE:
            yield from ((time, None) for time in times)
            return
        fitting = self.fitting_rooms(section)
        near, far = fitting[:_NEAREST_ROOMS], fitting[_NEAREST_ROOMS:]
        chance.shuffle(near)
        for some in (near, far):
            yield from ((time, room) for time in times for room in some)

    def _not_at_once(self, section: Section) -> list[int]:
        """Return the placed sections that people need to attend besides this one."""
        away = list(self._taught.get(section.instructor, ()))
        parent = section.parent
        while parent is not None:
            away.append(parent)
            parent = self._curriculum.sections[parent].parent
        return away

    def _is_free(self, time: Time, room: int | None) -> bool:
        return room is None or not any(_overlap(time, t) for t in self._taken[room])

    def _is_apart(self, time: Time, room: int | None, other: int) -> bool:
        there = self.rooms[other]
        walk = 0
        if room is not None and there is not None:
            walk = self._all_rooms[room].travel.get(there, 0)
        return not _overlap(time, self.times[other], walk)

    def _place(
        self, index: int, section: Section, time: Time, room: int | None
    ) -> None:
        self.times[index] = time
        self.rooms[index] = room
        self._taught.setdefault(section.instructor, []).append(index)
        if room is not None:
            self._taken[room].append(time)


def _times(days: Sequence[int], step: int, length: int, weeks: int) -> Iterator[Time]:
    for pattern in days:
        for start in range(_MORNING, _EVENING + 1, step):
            yield Time(pattern, start, length, weeks)


def _largest_first(sections: Sequence[Section]) -> list[int]:
    """Return an order by course, in which parents and twins come first."""
    largest: dict[int, int] = {}
    for section in sections:
        size = section.limit or 0
        largest[section.course] = max(size, largest.get(section.course, 0))
    return sorted(range(len(sections)), key=lambda i: (-largest[sections[i].course], i))


def _overlap(a: Time, b: Time, walk: int = 0) -> bool:
    return (
        a.days & b.days != 0
        and a.weeks & b.weeks != 0
        and a.start < b.end + walk
        and b.start < a.end + walk
    )
