"""The university course timetabling problem of ITC-2019, as immutable data.

Nothing here decides anything: the meaning of the constraints stands in
``validate`` (for judging) and ``distributions`` (for solving), apart on purpose.

Indices, not ids, connect the parts: ``Problem.classes[i]`` is the class that
``Distribution.classes`` and ``Subpart.classes`` call ``i``. Ids are the strings of
the XML and serve only for reading and writing.

References
----------
Format: https://www.itc2019.org/format
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class DistributionType(StrEnum):
    """The 19 kinds of distribution constraint."""

    SAME_START = "SameStart"
    SAME_TIME = "SameTime"
    DIFFERENT_TIME = "DifferentTime"
    SAME_DAYS = "SameDays"
    DIFFERENT_DAYS = "DifferentDays"
    SAME_WEEKS = "SameWeeks"
    DIFFERENT_WEEKS = "DifferentWeeks"
    OVERLAP = "Overlap"
    NOT_OVERLAP = "NotOverlap"
    SAME_ROOM = "SameRoom"
    DIFFERENT_ROOM = "DifferentRoom"
    SAME_ATTENDEES = "SameAttendees"
    PRECEDENCE = "Precedence"
    WORK_DAY = "WorkDay"  # parameters: (S,) slots
    MIN_GAP = "MinGap"  # (G,) slots
    MAX_DAYS = "MaxDays"  # (D,) days
    MAX_DAY_LOAD = "MaxDayLoad"  # (S,) slots
    MAX_BREAKS = "MaxBreaks"  # (R, S) breaks, slots
    MAX_BLOCK = "MaxBlock"  # (M, S) slots, slots


PARAMETER_COUNT: Mapping[DistributionType, int] = dict.fromkeys(DistributionType, 0) | {
    DistributionType.WORK_DAY: 1,
    DistributionType.MIN_GAP: 1,
    DistributionType.MAX_DAYS: 1,
    DistributionType.MAX_DAY_LOAD: 1,
    DistributionType.MAX_BREAKS: 2,
    DistributionType.MAX_BLOCK: 2,
}


class HardRule(StrEnum):
    """What is broken in a timetable, distributions aside: names only, no code."""

    CALENDAR = "calendar"
    UNKNOWN_CLASS = "unknown-class"
    CLASS_TWICE = "class-listed-twice"
    CLASS_MISSING = "class-missing"
    TIME_NOT_LISTED = "time-not-listed"
    ROOM_MISSING = "room-missing"
    ROOM_NOT_NEEDED = "room-not-needed"
    ROOM_NOT_LISTED = "room-not-listed"
    ROOM_UNKNOWN = "room-unknown"
    ROOM_UNAVAILABLE = "room-unavailable"
    ROOM_DOUBLE_BOOKED = "room-double-booked"
    STUDENT_UNKNOWN = "student-unknown"
    STUDENT_TWICE = "student-listed-twice"
    COURSE_NOT_REQUESTED = "course-not-requested"
    SECTIONING = "sectioning"
    PARENT_NOT_ATTENDED = "parent-not-attended"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the four criteria in the total to minimise (integers >= 0)."""

    time: int = 0
    room: int = 0
    distribution: int = 0
    student: int = 0


@dataclass(frozen=True, slots=True)
class Time:
    """When something meets: on each set day of each set week, in [start, end).

    Parameters
    ----------
    days : bit ``d`` is set when it meets on weekday ``d``; 0 is Monday.
    start : first slot of the day, 0 at midnight (slots of 5 min, 288 a day).
    length : slots, >= 1.
    weeks : bit ``w`` is set when it meets in week ``w``; 0 is the first week.
    """

    days: int
    start: int
    length: int
    weeks: int

    @property
    def end(self) -> int:
        """First slot after the meeting."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class TimeOption:
    """A time that a class may be given, and what it costs (unweighted)."""

    time: Time
    penalty: int = 0


@dataclass(frozen=True, slots=True)
class RoomOption:
    """A room (index) that a class may be given, and what it costs (unweighted)."""

    room: int
    penalty: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """A room.

    Parameters
    ----------
    travel : room index to slots of walking; symmetric; absent means 0.
    """

    id: str
    capacity: int
    travel: Mapping[int, int] = field(default_factory=dict)
    unavailable: tuple[Time, ...] = ()


@dataclass(frozen=True, slots=True)
class Class:
    """A class: the thing that gets one time and one room.

    Parameters
    ----------
    limit : how many students at most; None is unlimited.
    parent : index of the class that its students must attend too.
    needs_room : False (``room="false"``) when it gets a time only.
    """

    id: str
    limit: int | None
    parent: int | None
    needs_room: bool
    rooms: tuple[RoomOption, ...]
    times: tuple[TimeOption, ...]


@dataclass(frozen=True, slots=True)
class Subpart:
    """A student of the configuration attends exactly one of these classes."""

    id: str
    classes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way of taking a course: one class of every subpart."""

    id: str
    subparts: tuple[Subpart, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """A course: its student attends exactly one configuration."""

    id: str
    configurations: tuple[Configuration, ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A constraint over several classes, in the listed order.

    Parameters
    ----------
    parameters : as many integers as ``PARAMETER_COUNT`` says for the type.
    required : hard when True; otherwise each violation costs ``penalty``.
    classes : class indices; the order matters for Precedence.
    """

    type: DistributionType
    parameters: tuple[int, ...]
    required: bool
    penalty: int
    classes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Student:
    """A student and the courses (indices) requested."""

    id: str
    courses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One instance: everything that decides what a timetable may be and costs."""

    name: str
    n_days: int
    n_weeks: int
    slots_per_day: int
    weights: Weights
    rooms: tuple[Room, ...]
    courses: tuple[Course, ...]
    classes: tuple[Class, ...]
    distributions: tuple[Distribution, ...]
    students: tuple[Student, ...]
