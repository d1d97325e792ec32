"""A problem made ready for the solver: arrays, after preprocessing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
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
    I16,
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
    U8,
    Model,
)
from collegium.timetabling.distributions import (
    GroupRules,
    PairRules,
    group_rules,
    pair_rules,
)
from collegium.timetabling.enrolment import Enrolment, enrolment_of, mate_table
from collegium.timetabling.problem import Problem, Time
from collegium.timetabling.reduction import Places, Reduction, reduce_places
from collegium.timetabling.relations import APART, FOLLOWS, PRECEDES, tabulate
from collegium.timetabling.relations import BITS as BITS_KIND

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Instance:
    """A problem with everything that the solver derives from it once.

    Parameters
    ----------
    model : the arrays of the compiled search.
    places : all placements that the problem lists (rows of ``Class.times`` and
        ``Class.rooms`` in order), before the reduction.
    rules : all constraints over pairs, those that cannot be broken included.
    time_option, room_option : (n,) for each row of ``model.class_times`` and
        ``model.class_rooms`` the index into ``Class.times`` and ``Class.rooms``.
    mate_place, mate_ends : where ``State.mates`` has room for what.
    n_cells : rows of ``State.cells``; n_roster : places in ``State.roster``.
    counts : what preprocessing found and removed, for the log.
    """

    problem: Problem
    model: Model
    places: Places
    rules: PairRules
    time_option: I32
    room_option: I32
    mate_place: I16
    mate_ends: I32
    n_cells: int
    n_roster: int
    counts: Mapping[str, int]


def prepare(problem: Problem) -> Instance:
    """Make a problem ready for ``solve`` and ``evaluate``; the same for every call.

    Raises
    ------
    Malformed
        When the subparts of a configuration need each other's classes as parents.
    """
    times, time_index = _distinct_times(problem)
    relation = tabulate(times)
    travel = _travel(problem)
    places = _places(problem, time_index, times)
    rules, groups = pair_rules(problem), group_rules(problem)
    reduction = reduce_places(places, rules, relation, times, int(travel.max()))
    enrolment = enrolment_of(problem)
    can_meet = _can_meet(places, reduction, relation, len(times), int(travel.max()))
    mate_place, mate_ends = mate_table(enrolment, can_meet)

    classes = np.zeros((len(problem.classes), CLASS_COLUMNS), np.int32)
    time_option, class_times = _time_rows(problem, places, reduction, classes)
    room_option, class_rooms = _room_rows(problem, places, reduction, classes)
    pairs = _pair_rows(rules, reduction, classes)
    group_rows, members, atoms, n_cells = _group_rows(groups, places, times)
    class_groups = _class_groups(groups, classes)
    _fill_enrolment(classes, enrolment, mate_ends)
    n_places = (classes[:, TIMES_END] - classes[:, TIMES]) * (
        classes[:, ROOMS_END] - classes[:, ROOMS]
    )
    weights = problem.weights
    model = Model(
        n_times=len(times) - 1,
        n_rooms=len(problem.rooms),
        weights=np.array(
            [weights.time, weights.room, weights.distribution, weights.student],
            np.int64,
        ),
        n_weeks=problem.n_weeks,
        relation=relation,
        times=times,
        travel=travel,
        closed=reduction.closed,
        classes=classes,
        class_times=class_times,
        class_rooms=class_rooms,
        pairs=pairs,
        class_groups=class_groups,
        groups=group_rows,
        members=members,
        atoms=atoms,
        movable=np.flatnonzero(n_places > 1).astype(np.int32),
        seats=enrolment.seats,
        students=enrolment.students,
        requests=enrolment.requests,
        flexible=enrolment.flexible,
        courses=enrolment.courses,
        course_classes=enrolment.course_classes,
        course_requests=enrolment.course_requests,
        configurations=enrolment.configurations,
        subparts=enrolment.subparts,
        subpart_classes=enrolment.subpart_classes,
    )
    counts = {
        "classes": len(classes),
        "classes_movable": len(model.movable),
        "distinct_times": model.n_times,
        "times": len(places.times),
        "times_left": len(class_times),
        "rooms": len(places.rooms),
        "rooms_left": int(reduction.rooms.sum()),
        "pairs": rules.given,
        "pairs_merged": len(rules.rows),
        "pairs_left": len(pairs) // 2,
        "groups": len(groups.rows),
        "mates": int(mate_ends[-1]) // 2,
        "requests": len(enrolment.requests),
        "requests_flexible": len(enrolment.flexible),
    }
    _log.info("instance prepared", extra={"problem": problem.name, **counts})
    return Instance(
        problem,
        model,
        places,
        rules,
        time_option,
        room_option,
        mate_place,
        mate_ends,
        n_cells,
        int((enrolment.demand + 1).sum()),
        counts,
    )


def _distinct_times(problem: Problem) -> tuple[I64, dict[Time, int]]:
    index: dict[Time, int] = {}
    for class_ in problem.classes:
        for option in class_.times:
            index.setdefault(option.time, len(index))
    rows = [(t.days, t.start, t.end, t.weeks) for t in index]
    return np.array([*rows, (0, 0, 0, 0)], np.int64), index


def _travel(problem: Problem) -> I32:
    n = len(problem.rooms)
    travel = np.zeros((n + 1, n + 1), np.int32)
    for r, room in enumerate(problem.rooms):
        for q, slots in room.travel.items():
            travel[r, q] = travel[q, r] = slots
    np.fill_diagonal(travel, 0)
    return travel


def _places(problem: Problem, index: dict[Time, int], times: I64) -> Places:
    n_rooms = len(problem.rooms)
    rows_t: list[int] = []
    rows_r: list[int] = []
    ends_t, ends_r = [0], [0]
    for class_ in problem.classes:
        rows_t.extend(index[option.time] for option in class_.times)
        if class_.needs_room:
            rows_r.extend(option.room for option in class_.rooms)
        else:
            rows_r.append(n_rooms)
        ends_t.append(len(rows_t))
        ends_r.append(len(rows_r))
    closed = np.zeros((n_rooms + 1, len(times)), np.uint8)
    for r, room in enumerate(problem.rooms):
        for time in room.unavailable:
            closed[r] |= _overlapping(times, time)
    return Places(
        np.array(ends_t, np.int32),
        np.array(rows_t, np.int32),
        np.array(ends_r, np.int32),
        np.array(rows_r, np.int32),
        closed,
    )


def _overlapping(times: I64, time: Time) -> U8:
    days, start, end, weeks = times.T
    hits = (days & time.days != 0) & (weeks & time.weeks != 0)
    return (hits & (start < time.end) & (time.start < end)).astype(np.uint8)


def _can_meet(
    places: Places, reduction: Reduction, relation: I32, n: int, walk: int
) -> NDArray[np.bool_]:
    """Return for all pairs of classes whether they can ever be in conflict."""
    near = ((relation >> 16) < max(walk, 0)).reshape(n, n).astype(np.float32)
    near[relation.reshape(n, n) >> 16 == APART] = 0
    n_classes = len(places.time_ends) - 1
    owner = np.repeat(np.arange(n_classes), np.diff(places.time_ends))
    left = reduction.times.astype(bool)
    has = np.zeros((n_classes, n), np.float32)
    has[owner[left], places.times[left]] = 1
    meet: NDArray[np.bool_] = (has @ near) @ has.T > 0
    return meet


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
    ordered = both[n:, KIND] == BITS_KIND
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
