"""The smallest problem that makes the solver call all of its compiled functions."""

from __future__ import annotations

from collegium.timetabling.problem import (
    Class,
    Configuration,
    Course,
    Distribution,
    DistributionType,
    Problem,
    Room,
    RoomOption,
    Student,
    Subpart,
    Time,
    TimeOption,
    Weights,
)


def smallest_problem() -> Problem:
    """Return two classes for one student, and constraints that stay broken."""
    times = tuple(TimeOption(Time(1, start, 10, 1)) for start in (90, 100))
    classes = tuple(
        Class(name, 1, None, True, (RoomOption(0), RoomOption(1)), times)
        for name in ("1", "2")
    )
    configuration = Configuration("1", (Subpart("1", (0, 1)),))
    same_start = Distribution(DistributionType.SAME_START, (), False, 1, (0, 1))
    max_days = Distribution(DistributionType.MAX_DAYS, (1,), True, 0, (0, 1))
    max_block = Distribution(DistributionType.MAX_BLOCK, (15, 5), False, 1, (0, 1))
    hopeless = (
        Distribution(DistributionType.OVERLAP, (), True, 0, (0, 1)),
        Distribution(DistributionType.NOT_OVERLAP, (), True, 0, (0, 1)),
    )
    return Problem(
        name="smallest",
        n_days=7,
        n_weeks=1,
        slots_per_day=288,
        weights=Weights(1, 1, 1, 1),
        rooms=(Room("1", 1), Room("2", 1)),
        courses=(Course("1", (configuration,)),),
        classes=classes,
        distributions=(same_start, max_days, max_block, *hopeless),
        students=(Student("1", (0,)),),
    )
