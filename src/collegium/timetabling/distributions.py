"""The 19 distribution constraints, said in the rows that the search reads.

Fifteen types speak about pairs of classes and become rows of ``PairRules``, equal
pairs merged; four speak about the whole group and become ``GroupRules``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from collegium.timetabling import arrays, relations
from collegium.timetabling.arrays import I32, I64
from collegium.timetabling.problem import Distribution, DistributionType, Problem

_T = DistributionType

_BITS = {
    _T.SAME_START: relations.SAME_START,
    _T.SAME_TIME: relations.SAME_TIME,
    _T.DIFFERENT_TIME: relations.DIFFERENT_TIME,
    _T.SAME_DAYS: relations.SAME_DAYS,
    _T.DIFFERENT_DAYS: relations.DIFFERENT_DAYS,
    _T.SAME_WEEKS: relations.SAME_WEEKS,
    _T.DIFFERENT_WEEKS: relations.DIFFERENT_WEEKS,
    _T.OVERLAP: relations.OVERLAP,
    _T.PRECEDENCE: relations.PRECEDES,
}
_GROUPS = {
    _T.MAX_DAYS: arrays.MAX_DAYS,
    _T.MAX_DAY_LOAD: arrays.MAX_DAY_LOAD,
    _T.MAX_BREAKS: arrays.MAX_BREAKS,
    _T.MAX_BLOCK: arrays.MAX_BLOCK,
}


@dataclass(frozen=True)
class PairRules:
    """Constraints over pairs of classes, each pair once, the lower index first.

    Parameters
    ----------
    rows : (n, 6) first class, second class, kind, parameter, unweighted penalty,
        number of required constraints that say so.
    required : (n, 5) the pairs of required constraints one by one: first class,
        second class, kind, parameter, number of the constraint.
    given : number of pairs before equal ones were merged.
    """

    rows: I32
    required: I32
    given: int


@dataclass(frozen=True)
class GroupRules:
    """Constraints over groups of classes.

    Parameters
    ----------
    rows : (n, 5) kind, first parameter, second parameter, penalty, required.
    members : for each row the classes.
    """

    rows: I64
    members: tuple[tuple[int, ...], ...]


def pair_rules(problem: Problem) -> PairRules:
    """Collect all constraints over pairs of classes."""
    merged: dict[tuple[int, int, int, int], list[int]] = {}
    required: list[tuple[int, ...]] = []
    given = 0
    for number, distribution in enumerate(problem.distributions):
        if distribution.type in _GROUPS:
            continue
        kind, parameter = pair_kind(distribution)
        for first, second in combinations(distribution.classes, 2):
            given += 1
            key = (first, second, kind, parameter)
            if first > second:
                key = (second, first, kind, _reversed(kind, parameter))
            entry = merged.setdefault(key, [0, 0])
            if distribution.required:
                entry[1] += 1
                required.append((*key, number))
            else:
                entry[0] += distribution.penalty
    rows = [(*key, *entry) for key, entry in merged.items() if any(entry)]
    rows.sort()
    return PairRules(
        np.array(rows, np.int32).reshape(-1, 6),
        np.array(required, np.int32).reshape(-1, 5),
        given,
    )


def group_rules(problem: Problem) -> GroupRules:
    """Collect all constraints over groups of classes."""
    rows: list[tuple[int, ...]] = []
    members: list[tuple[int, ...]] = []
    for distribution in _grouped(problem):
        first, second = (*distribution.parameters, 0)[:2]
        penalty = 0 if distribution.required else distribution.penalty
        kind = _GROUPS[distribution.type]
        rows.append((kind, first, second, penalty, int(distribution.required)))
        members.append(distribution.classes)
    return GroupRules(np.array(rows, np.int64).reshape(-1, 5), tuple(members))


def _grouped(problem: Problem) -> Iterator[Distribution]:
    for distribution in problem.distributions:
        matters = distribution.required or distribution.penalty > 0
        if distribution.type in _GROUPS and matters and distribution.classes:
            yield distribution


def pair_kind(distribution: Distribution) -> tuple[int, int]:
    """Return kind and parameter of a pair rule, for classes in the listed order."""
    kind = distribution.type
    if kind in _BITS:
        return relations.BITS, _BITS[kind]
    if kind == _T.SAME_ATTENDEES:
        return relations.TRAVEL, 0
    if kind == _T.SAME_ROOM:
        return relations.ONE_ROOM, 0
    if kind == _T.DIFFERENT_ROOM:
        return relations.TWO_ROOMS, 0
    if kind == _T.NOT_OVERLAP:
        return relations.GAP, 0
    if kind == _T.MIN_GAP:
        return relations.GAP, distribution.parameters[0]
    return relations.SPAN, distribution.parameters[0]


def _reversed(kind: int, parameter: int) -> int:
    if kind == relations.BITS and parameter == relations.PRECEDES:
        return relations.FOLLOWS
    return parameter
