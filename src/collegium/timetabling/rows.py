"""The rows that stand class by class in the model: times, rooms, constraints, seats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.timetabling.arrays import (
    CLASS_COLUMNS,
    CONFIGURATION,
    COPIES,
    COURSE,
    GROUP_COLUMNS,
    GROUPS,
    GROUPS_END,
    HARD,
    I32,
    I64,
    KIND,
    LIMIT,
    MATES,
    MAX_DAYS,
    ORDER,
    OTHER,
    PAIR_COLUMNS,
    PAIRS,
    PAIRS_END,
    PARAMETER,
    PARENT,
    ROOMS,
    ROOMS_END,
    ROSTER,
    SOFT,
    TIMES,
    TIMES_END,
)
from collegium.timetabling.distributions import GroupRules, PairRules
from collegium.timetabling.enrolment import Enrolment
from collegium.timetabling.problem import Problem
from collegium.timetabling.reduction import Places, Reduction
from collegium.timetabling.relations import (
    BITS,
    FOLLOWS,
    ONE_ROOM,
    PRECEDES,
    TOGETHER,
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Parts of ``Model`` under the same names, and what leads back to the problem.

    Parameters
    ----------
    time_option, room_option : (n,) for each row of ``class_times`` and
        ``class_rooms`` the index into ``Class.times`` and ``Class.rooms``.
    n_cells : rows of ``State.cells``; n_roster : places in ``State.roster``.
    """

    classes: I32
    class_times: I32
    class_rooms: I32
    pairs: I32
    class_groups: I32
    groups: I64
    members: I32
    atoms: I64
    time_option: I32
    room_option: I32
    n_cells: int
    n_roster: int

    @property
    def movable(self) -> I32:
        """Classes with more than one placement."""
        n_times = self.classes[:, TIMES_END] - self.classes[:, TIMES]
        n_rooms = self.classes[:, ROOMS_END] - self.classes[:, ROOMS]
        return np.flatnonzero(n_times * n_rooms > 1).astype(np.int32)

    @property
    def kin(self) -> I32:
        """Movable classes that must or should share a time, days or a room."""
        kind, parameter = self.pairs[:, KIND], self.pairs[:, PARAMETER]
        together = (kind == BITS) & (parameter & TOGETHER != 0) | (kind == ONE_ROOM)
        count = np.add.reduceat(
            np.append(together, 0), self.classes[:, PAIRS].astype(np.intp)
        )
        has_pairs = self.classes[:, PAIRS_END] > self.classes[:, PAIRS]
        related = np.flatnonzero((count > 0) & has_pairs)
        return np.intersect1d(related, self.movable).astype(np.int32)


def rows_of(
    problem: Problem,
    times: I64,
    places: Places,
    reduction: Reduction,
    rules: tuple[PairRules, GroupRules],
    enrolment: Enrolment,
    mate_ends: I32,
) -> Rows:
    """Lay out what the reduction has left of a problem.

    Parameters
    ----------
    times : (n_times + 1, 4) distinct times, the last of them "no time".
    rules : the constraints over pairs and over groups.
    mate_ends : (n_classes + 1,) where each class has its rows of ``State.mates``.
    """
    pairs, groups = rules
    classes = np.zeros((len(problem.classes), CLASS_COLUMNS), np.int32)
    time_option, class_times = _time_rows(problem, places, reduction, classes)
    room_option, class_rooms = _room_rows(problem, places, reduction, classes)
    pair_rows = _pair_rows(pairs, reduction, classes)
    group_rows, members, atoms, n_cells = _group_rows(groups, places, times)
    class_groups = _class_groups(groups, classes)
    _fill_enrolment(classes, enrolment, mate_ends)
    return Rows(
        classes=classes,
        class_times=class_times,
        class_rooms=class_rooms,
        pairs=pair_rows,
        class_groups=class_groups,
        groups=group_rows,
        members=members,
        atoms=atoms,
        time_option=time_option,
        room_option=room_option,
        n_cells=n_cells,
        n_roster=int((enrolment.demand + 1).sum()),
    )


def _time_rows(
    problem: Problem, places: Places, reduction: Reduction, classes: I32
) -> tuple[I32, I32]:
    penalties = [o.penalty for c in problem.classes for o in c.times]
    left = reduction.times.astype(bool)
    option, starts = _rows_left(places.time_ends, left)
    classes[:, TIMES], classes[:, TIMES_END] = starts[:-1], starts[1:]
    rows = np.stack([places.times[left], np.array(penalties, np.int32)[left]], axis=1)
    return option, np.ascontiguousarray(rows, np.int32)


def _room_rows(
    problem: Problem, places: Places, reduction: Reduction, classes: I32
) -> tuple[I32, I32]:
    penalties = []
    for class_ in problem.classes:
        penalties.extend(
            [o.penalty for o in class_.rooms] if class_.needs_room else [0]
        )
    left = reduction.rooms.astype(bool)
    option, starts = _rows_left(places.room_ends, left)
    classes[:, ROOMS], classes[:, ROOMS_END] = starts[:-1], starts[1:]
    rows = np.stack([places.rooms[left], np.array(penalties, np.int32)[left]], axis=1)
    return option, np.ascontiguousarray(rows, np.int32)


def _rows_left(ends: I32, left: NDArray[np.bool_]) -> tuple[I32, I32]:
    """Return the index of each row left in its class, and where classes begin now."""
    number = np.arange(len(left)) - np.repeat(ends[:-1], np.diff(ends))
    before = np.concatenate([[0], np.cumsum(left)])
    return number[left].astype(np.int32), before[ends].astype(np.int32)


def _pair_rows(rules: PairRules, reduction: Reduction, classes: I32) -> I32:
    rows = rules.rows[reduction.breakable.astype(bool)]
    n = len(rows)
    both = np.zeros((2 * n, PAIR_COLUMNS + 1), np.int32)
    hard = np.where(rows[:, 5] > 0, np.cumsum(rows[:, 5] > 0) - 1, -1)
    for side, part in enumerate((both[:n], both[n:])):
        part[:, PAIR_COLUMNS] = rows[:, side]
        part[:, OTHER] = rows[:, 1 - side]
        part[:, KIND] = rows[:, 2]
        part[:, PARAMETER] = rows[:, 3]
        part[:, SOFT] = rows[:, 4]
        part[:, HARD] = hard
        part[:, COPIES] = rows[:, 5]
    ordered = both[n:, KIND] == BITS
    parameter = both[n:, PARAMETER]
    forward, back = ordered & (parameter == PRECEDES), ordered & (parameter == FOLLOWS)
    parameter[forward], parameter[back] = FOLLOWS, PRECEDES
    both = both[np.lexsort((both[:, OTHER], both[:, KIND], both[:, PAIR_COLUMNS]))]
    starts = np.searchsorted(both[:, PAIR_COLUMNS], np.arange(len(classes) + 1))
    classes[:, PAIRS], classes[:, PAIRS_END] = starts[:-1], starts[1:]
    return np.ascontiguousarray(both[:, :PAIR_COLUMNS])


def _group_rows(
    groups: GroupRules, places: Places, times: I64
) -> tuple[I64, I32, I64, int]:
    rows: list[tuple[int, ...]] = []
    members: list[int] = []
    atoms: list[tuple[int, int]] = []
    n_cells = 0
    for rule, classes in zip(groups.rows.tolist(), groups.members, strict=True):
        kind, first, second, penalty, required = rule
        begin, begin_atoms = len(members), len(atoms)
        members.extend(classes)
        if kind != MAX_DAYS:
            atoms.extend(_week_atoms(classes, places, times))
        ends = (begin, len(members), begin_atoms, len(atoms))
        rows.append((kind, first, second, *ends, n_cells, penalty, required))
        n_cells += 7 * (len(atoms) - begin_atoms)
    return (
        np.array(rows, np.int64).reshape(-1, GROUP_COLUMNS),
        np.array(members, np.int32),
        np.array(atoms, np.int64).reshape(-1, 2),
        n_cells,
    )


def _week_atoms(
    classes: tuple[int, ...], places: Places, times: I64
) -> list[tuple[int, int]]:
    """Cut the weeks into sets that no time of these classes tells apart."""
    week_sets = set()
    for c in classes:
        used = places.times[places.time_ends[c] : places.time_ends[c + 1]]
        week_sets.update(times[used, 3].tolist())
    distinct = sorted(week_sets)
    atoms: dict[tuple[bool, ...], int] = {}
    for week in range(max((w.bit_length() for w in distinct), default=0)):
        signature = tuple(bool(w >> week & 1) for w in distinct)
        if any(signature):
            atoms[signature] = atoms.get(signature, 0) | 1 << week
    return [(weeks, weeks.bit_count()) for weeks in atoms.values()]


def _class_groups(groups: GroupRules, classes: I32) -> I32:
    of_class: list[list[int]] = [[] for _ in range(len(classes))]
    for g, members in enumerate(groups.members):
        for c in members:
            of_class[c].append(g)
    starts = np.cumsum([0, *map(len, of_class)])
    classes[:, GROUPS], classes[:, GROUPS_END] = starts[:-1], starts[1:]
    return np.array([g for rows in of_class for g in rows], np.int32)


def _fill_enrolment(classes: I32, enrolment: Enrolment, mate_ends: I32) -> None:
    classes[:, MATES] = mate_ends[:-1]
    # One place more than students: a swap seats the one before the other leaves.
    classes[:, ROSTER] = np.cumsum([0, *(enrolment.demand + 1)])[:-1]
    classes[:, LIMIT] = enrolment.limit
    classes[:, PARENT] = enrolment.parent
    classes[:, ORDER] = enrolment.order
    classes[:, CONFIGURATION] = enrolment.configuration
    classes[:, COURSE] = enrolment.course
