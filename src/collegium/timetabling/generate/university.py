"""What a sample university is: its size, its problem, and what people call things."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.errors import Invalid
from collegium.timetabling.problem import Problem
from collegium.timetabling.solution import Timetable

_BOUNDS = {
    "n_classes": (12, 10_000),
    "n_students": (0, 100_000),
    "n_rooms": (4, 5_000),
    "n_weeks": (4, 52),
}


@dataclass(frozen=True, slots=True)
class SampleSize:
    """How large a sample university is.

    Raises
    ------
    Invalid
        When a number is out of its bounds.
    """

    n_classes: int = 300
    n_students: int = 2_000
    n_rooms: int = 40
    n_weeks: int = 14

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                what = name.removeprefix("n_")
                raise Invalid(f"A sample university has {least} to {most} {what}.")

    @classmethod
    def of_classes(cls, n_classes: int) -> SampleSize:
        """Return the size with rooms and students in proportion to the classes."""
        return cls(n_classes, n_classes * 20 // 3, max(4, n_classes * 2 // 15))


@dataclass(frozen=True, slots=True)
class SampleBuilding:
    """A building and the campus that it stands on."""

    code: str
    name: str
    campus: str


@dataclass(frozen=True, slots=True)
class SampleRoom:
    """A room; ``id`` is that of the problem."""

    id: str
    building: str
    name: str
    capacity: int


@dataclass(frozen=True, slots=True)
class SampleCourse:
    """A course; ``id`` is that of the problem."""

    id: str
    code: str
    title: str
    department: str


@dataclass(frozen=True, slots=True)
class SampleUniversity:
    """A university with one term's problem and a feasible timetable of it.

    Parameters
    ----------
    rooms, courses, class_names : in the order of the problem's.
    """

    name: str
    problem: Problem
    timetable: Timetable
    campuses: tuple[str, ...]
    buildings: tuple[SampleBuilding, ...]
    rooms: tuple[SampleRoom, ...]
    courses: tuple[SampleCourse, ...]
    class_names: tuple[str, ...]
