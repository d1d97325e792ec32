"""The verdict on a timetable, put together from the rules."""

from __future__ import annotations

from collegium.timetabling.problem import Problem
from collegium.timetabling.solution import Timetable
from collegium.timetabling.validate.constraints import judge_distributions
from collegium.timetabling.validate.placed import Placed, place
from collegium.timetabling.validate.report import Report, Violation
from collegium.timetabling.validate.rooms import judge_rooms
from collegium.timetabling.validate.students import judge_students, student_conflicts


def validate(
    problem: Problem, timetable: Timetable, *, exempt_same_start: bool = False
) -> Report:
    """Judge a timetable.

    Parameters
    ----------
    exempt_same_start : do not count a MaxBlock block whose classes all start
        together. The format's text counts it; some published solutions rely on the
        exemption.

    Notes
    -----
    Time grows with the pairs of classes in distributions and with the square of
    the number of classes (vectorised).
    """
    violations: list[Violation] = []
    placed = place(problem, timetable, violations)
    judge_rooms(problem, placed, violations)
    judge_students(problem, placed, violations)
    distribution = judge_distributions(
        problem, placed, violations, exempt_same_start=exempt_same_start
    )
    return _report(problem, placed, distribution, violations)


def _report(
    problem: Problem, placed: Placed, distribution: int, violations: list[Violation]
) -> Report:
    weights = problem.weights
    student = student_conflicts(problem, placed)
    return Report(
        violations=tuple(violations),
        time=placed.time_penalty,
        room=placed.room_penalty,
        distribution=distribution,
        student=student,
        total=weights.time * placed.time_penalty
        + weights.room * placed.room_penalty
        + weights.distribution * distribution
        + weights.student * student,
    )
