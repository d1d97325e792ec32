"""A search's state: made from an instance, filled from a timetable, read back."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from collegium.timetabling.arrays import (
    AT_ROOM,
    AT_TIME,
    BEST_HARD,
    BEST_SOFT,
    HARD,
    HARD_UNIT,
    I32,
    ROOMS,
    ROOMS_END,
    SEATS,
    SEATS_END,
    TIMES,
    TIMES_END,
    TOTALS,
    WEIGHT_STUDENT,
    State,
)
from collegium.timetabling.chance import seeded
from collegium.timetabling.following import MOST_FOLLOWERS
from collegium.timetabling.instance import Instance
from collegium.timetabling.objective import place
from collegium.timetabling.seating import seat_given
from collegium.timetabling.solution import UNASSIGNED, Solution

_WORST = 1 << 60


@dataclass(frozen=True, slots=True)
class Moves:
    """How often which move is tried.

    Parameters
    ----------
    student : part of all trials, in [0, 1].
    swap, ejection, family : parts of the others; the rest move one class.
    followed : part of the others that is replaced by moves of a class that its
        students follow.
    student_heat : temperature of students, in that of classes. Below 1 they stay close
        to their best seats, so that it is these by which times are judged.
    """

    student: float = 0.15
    swap: float = 0.07
    ejection: float = 0.12
    family: float = 0.002
    followed: float = 0.02
    student_heat: float = 0.3


def empty_state(
    instance: Instance, seed: int, hard_weight: int, moves: Moves | None = None
) -> State:
    """Return a state without any placement or enrolment.

    Parameters
    ----------
    hard_weight : what each broken hard constraint costs at first.
    """
    m = instance.model
    n, n_seats = len(m.classes), len(m.seats)
    at = np.full((n, 4), -1, np.int32)
    at[:, AT_TIME], at[:, AT_ROOM] = m.n_times, m.n_rooms
    totals = np.zeros(TOTALS, np.int64)
    totals[HARD_UNIT] = hard_weight
    totals[BEST_HARD] = totals[BEST_SOFT] = _WORST
    n_hard = int(m.pairs[:, HARD].max(initial=-1)) + 1
    return State(
        at=at,
        cost=np.zeros(n, np.int64),
        in_room=np.zeros((m.n_rooms, n), np.int32),
        room_size=np.zeros(m.n_rooms, np.int32),
        room_place=np.zeros(n, np.int32),
        mates=np.zeros((int(instance.mate_ends[-1]), 2), np.int32),
        mate_count=np.zeros(n, np.int32),
        mate_place=instance.mate_place.copy(),
        enrolled=np.full(n_seats, -1, np.int32),
        roster_place=np.zeros(n_seats, np.int32),
        roster=np.zeros(instance.n_roster, np.int32),
        attendance=np.zeros(n, np.int32),
        cells=np.zeros(instance.n_cells, np.int32),
        raw=np.zeros(len(m.groups), np.int64),
        pair_weight=np.full(n_hard, hard_weight, np.int64),
        room_weight=np.full(m.n_rooms, hard_weight, np.int64),
        group_weight=np.full(len(m.groups), hard_weight, np.int64),
        totals=totals,
        shares=_shares(instance, moves or Moves()),
        random=np.array([seeded(seed)], np.uint64),
        scratch=np.zeros((6, max(64, n)), np.int32),
        followers=np.zeros((MOST_FOLLOWERS, 1 + _widest(instance)), np.int32),
        best_at=np.full((n, 2), -1, np.int32),
        best_enrolled=np.full(n_seats, -1, np.int32),
    )


def load(instance: Instance, state: State, solution: Solution) -> None:
    """Fill an empty state from a timetable, as far as its parts are possible."""
    ends, attended = flat_attendance(solution)
    seat_given(instance.model, state, ends, attended)
    time_row = _row_of_option(instance, solution.times, "time")
    room_row = _row_of_option(instance, solution.rooms, "room")
    for c in np.flatnonzero((time_row >= 0) & (room_row >= 0)):
        place(instance.model, state, int(c), int(time_row[c]), int(room_row[c]))


def best_solution(instance: Instance, state: State) -> Solution:
    """Return the best timetable that the search has noted and saved."""
    return _solution(instance, state.best_at[:, :2], state.best_enrolled)


def present_solution(instance: Instance, state: State) -> Solution:
    """Return the timetable that the search stands at."""
    return _solution(instance, state.at[:, 2:], state.enrolled)


def flat_attendance(solution: Solution) -> tuple[I32, I32]:
    """Return where each student's classes begin, and the classes, as arrays."""
    ends = np.cumsum([0, *map(len, solution.students)], dtype=np.int32)
    flat = np.fromiter(chain.from_iterable(solution.students), np.int32, ends[-1])
    return ends, flat


def _shares(instance: Instance, moves: Moves) -> I32:
    m = instance.model
    student, followed = moves.student, moves.followed
    if len(m.flexible) == 0 or m.weights[WEIGHT_STUDENT] == 0:
        student = followed = 0.0
    elif len(m.movable) == 0:
        student = 1.0
    family = moves.family if len(m.kin) > 0 else 0.0
    alone = 1 - moves.swap - family - moves.ejection
    kinds = [alone, alone + moves.swap, 1 - moves.ejection]
    parts = np.array([student, *kinds, followed, moves.student_heat])
    return np.round(1024 * parts).astype(np.int32)


def _widest(instance: Instance) -> int:
    """Return the largest number of seats that a request has."""
    requests = instance.model.requests
    return int((requests[:, SEATS_END] - requests[:, SEATS]).max(initial=0))


def _solution(instance: Instance, rows: I32, enrolled: I32) -> Solution:
    times = _options(rows[:, 0], instance.time_option)
    rooms = _options(rows[:, 1], instance.room_option)
    needs_room = np.array([c.needs_room for c in instance.problem.classes])
    rooms[(times == UNASSIGNED) | ~needs_room] = UNASSIGNED
    lists = enrolled.tolist()
    students = tuple(
        tuple(sorted(c for c in lists[first:last] if c >= 0))
        for first, last in instance.model.students.tolist()
    )
    return Solution(times, rooms, students)


def _options(rows: I32, option: I32) -> I32:
    found = np.full(len(rows), UNASSIGNED, np.int32)
    found[rows >= 0] = option[rows[rows >= 0]]
    return found


def _row_of_option(instance: Instance, chosen: I32, what: str) -> I32:
    """Return the row left of each class's chosen option, -1 where there is none."""
    m, places = instance.model, instance.places
    if what == "time":
        first, ends, option = (
            m.classes[:, TIMES],
            places.time_ends,
            instance.time_option,
        )
        last = m.classes[:, TIMES_END]
    else:
        first, ends, option = (
            m.classes[:, ROOMS],
            places.room_ends,
            instance.room_option,
        )
        last = m.classes[:, ROOMS_END]
    rows = np.full(int(ends[-1]), -1, np.int32)
    owner = np.repeat(np.arange(len(first)), last - first)
    rows[ends[owner] + option] = np.arange(len(option))
    wanted = chosen.astype(np.int64)
    if what == "room":
        needs_room = np.array([c.needs_room for c in instance.problem.classes])
        wanted = np.where(needs_room, wanted, 0)
    found = np.full(len(chosen), -1, np.int32)
    given = wanted >= 0
    found[given] = rows[ends[:-1][given] + wanted[given]]
    return found
