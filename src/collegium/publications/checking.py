"""Whether a timetable may be published: judged in full, against what is there now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from collegium.catalogue.weekly import bit_text
from collegium.errors import Conflict
from collegium.interchange.snapshot import Snapshot, build_snapshot
from collegium.interchange.snapshot_rows import SessionRows
from collegium.timetabling.itc2019 import read_problem, read_timetable
from collegium.timetabling.problem import Problem
from collegium.timetabling.solution import Timetable
from collegium.timetabling.validate import Report, validate

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Checked:
    """A timetable that may be published.

    Parameters
    ----------
    rows : class, days, start, length, weeks and room of each placement.
    """

    score: dict[str, int]
    rows: list[Sequence[Any]]


def check_timetable(
    problem_xml: bytes, timetable_xml: bytes, rows: SessionRows
) -> Checked:
    """Judge a timetable by the problem that it was made for, and by the session.

    The session is judged without its students: who has come since the timetable was
    made has no seat in it, and changes nothing about where classes meet.

    Parameters
    ----------
    problem_xml, timetable_xml : ITC-2019 files.
    rows : the session as it is, without students.

    Raises
    ------
    Unreadable, Malformed
        When they are not such files.
    Conflict
        When a hard constraint is broken, or the session has changed so that it would.
    """
    problem = read_problem(problem_xml)
    timetable = read_timetable(timetable_xml)
    report = validate(problem, timetable)
    _require_feasible(report, "The timetable")
    classes_only = replace(
        timetable,
        placements=tuple(replace(p, student_ids=()) for p in timetable.placements),
    )
    now = build_snapshot(rows)
    _require_feasible(
        validate(now.problem, classes_only),
        "In the session as it is now, the timetable",
    )
    return Checked(_score(report), _rows(now, timetable))


def _require_feasible(report: Report, what: str) -> None:
    if report.feasible:
        return
    shown = "; ".join(v.message.rstrip(".") for v in report.violations[:SHOWN])
    more = len(report.violations) - SHOWN
    rest = f"; and {more} more" if more > 0 else ""
    raise Conflict(f"{what} breaks rules: {shown}{rest}.")


def _score(report: Report) -> dict[str, int]:
    return {
        "total": report.total,
        "time": report.time,
        "room": report.room,
        "distribution": report.distribution,
        "student": report.student,
    }


def _rows(now: Snapshot, timetable: Timetable) -> list[Sequence[Any]]:
    problem = now.problem
    classes = {class_.id: i for i, class_ in enumerate(problem.classes)}
    rooms = {
        room.id: room_id
        for room, room_id in zip(problem.rooms, now.room_ids, strict=True)
    }
    rows: list[Sequence[Any]] = []
    for placement in timetable.placements:
        index = classes[placement.class_id]
        length = _length(
            problem, index, placement.days, placement.start, placement.weeks
        )
        room = None if placement.room_id is None else rooms[placement.room_id]
        rows.append(
            (
                now.class_ids[index],
                bit_text(placement.days, problem.n_days),
                placement.start,
                length,
                bit_text(placement.weeks, problem.n_weeks),
                room,
            )
        )
    return rows


def _length(problem: Problem, index: int, days: int, start: int, weeks: int) -> int:
    """Return how long the listed time of a class is; none other passes the judge."""
    return next(
        option.time.length
        for option in problem.classes[index].times
        if (option.time.days, option.time.start, option.time.weeks)
        == (days, start, weeks)
    )
