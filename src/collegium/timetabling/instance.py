"""A problem made ready for the solver: arrays, after preprocessing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from collegium.timetabling.arrays import I16, I32, I64, U8, Model
from collegium.timetabling.distributions import PairRules, group_rules, pair_rules
from collegium.timetabling.enrolment import Enrolment, enrolment_of, mate_table
from collegium.timetabling.places import (
    can_meet_table,
    distinct_times,
    places_of,
    travel_table,
)
from collegium.timetabling.problem import Problem
from collegium.timetabling.reduction import Places, Reduction, reduce_places
from collegium.timetabling.relations import tabulate
from collegium.timetabling.rows import Rows, rows_of

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
    times, time_index = distinct_times(problem)
    relation, travel = tabulate(times), travel_table(problem)
    walk = int(travel.max())
    places = places_of(problem, time_index, times)
    rules, groups = pair_rules(problem), group_rules(problem)
    reduction = reduce_places(places, rules, relation, times, walk)
    enrolment = enrolment_of(problem)
    can_meet = can_meet_table(places, reduction, relation, walk)
    mate_place, mate_ends = mate_table(enrolment, can_meet)
    rows = rows_of(
        problem, times, places, reduction, (rules, groups), enrolment, mate_ends
    )
    model = _model(problem, times, relation, travel, reduction.closed, rows, enrolment)
    counts = {
        **_counts(model, places, rules, reduction),
        "groups": len(groups.rows),
        "mates": int(mate_ends[-1]) // 2,
    }
    _log.info("instance prepared", extra={"problem": problem.name, **counts})
    return Instance(
        problem,
        model,
        places,
        rules,
        rows.time_option,
        rows.room_option,
        mate_place,
        mate_ends,
        rows.n_cells,
        rows.n_roster,
        counts,
    )


def _model(
    problem: Problem,
    times: I64,
    relation: I32,
    travel: I32,
    closed: U8,
    rows: Rows,
    enrolment: Enrolment,
) -> Model:
    w = problem.weights
    return Model(
        n_times=len(times) - 1,
        n_rooms=len(problem.rooms),
        weights=np.array([w.time, w.room, w.distribution, w.student], np.int64),
        n_weeks=problem.n_weeks,
        relation=relation,
        times=times,
        travel=travel,
        closed=closed,
        classes=rows.classes,
        class_times=rows.class_times,
        class_rooms=rows.class_rooms,
        pairs=rows.pairs,
        class_groups=rows.class_groups,
        groups=rows.groups,
        members=rows.members,
        atoms=rows.atoms,
        movable=rows.movable,
        kin=rows.kin,
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


def _counts(
    model: Model, places: Places, rules: PairRules, reduction: Reduction
) -> dict[str, int]:
    return {
        "classes": len(model.classes),
        "classes_movable": len(model.movable),
        "distinct_times": model.n_times,
        "times": len(places.times),
        "times_left": len(model.class_times),
        "rooms": len(places.rooms),
        "rooms_left": int(reduction.rooms.sum()),
        "pairs": rules.given,
        "pairs_merged": len(rules.rows),
        "pairs_left": len(model.pairs) // 2,
        "requests": len(model.requests),
        "requests_flexible": len(model.flexible),
    }
