"""Which classes to free together: kinds of neighbourhoods of a timetable.

A neighbourhood grows from a class: what is tied most strongly to those chosen so far
comes next, ties being required and soft constraints, common students, or a place
that one has and the other could use. Other kinds take rooms or a band of hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.timetabling.arrays import (
    AT_ROOM,
    AT_TIME,
    DAYS,
    END,
    G_MEMBERS,
    G_MEMBERS_END,
    GROUPS,
    GROUPS_END,
    HARD_COUNT,
    HARD_UNIT,
    I32,
    JOINT,
    MATE,
    MATES,
    OTHER,
    PAIRS,
    PAIRS_END,
    ROOMS,
    ROOMS_END,
    START,
    WHICH,
    Model,
    State,
)
from collegium.timetabling.chance import draw, draw_unit
from collegium.timetabling.compiled import compiled

Scores = NDArray[np.float64]

_OTHER_DAYS, _BLUR = 288.0, 36.0  # in slots


@dataclass(frozen=True)
class Kind:
    """A way of choosing classes.

    Parameters
    ----------
    ties : how much constraints, common students and rooms tie classes together.
    costly : whether growth starts at a class that costs much.
    band : whether classes of a part of the week come first instead.
    """

    name: str
    ties: tuple[float, float, float] = (0.0, 0.0, 0.0)
    costly: bool = True
    band: bool = False


KINDS = (
    Kind("constraints", (1.0, 0.0, 0.0)),
    Kind("students", (0.0, 1.0, 0.0)),
    Kind("rooms", (0.0, 0.0, 1.0)),
    Kind("mixed", (1.0, 1.0, 1.0)),
    Kind("mixed-anywhere", (1.0, 1.0, 1.0), costly=False),
    Kind("hours", band=True),
    Kind("random", (0.0, 0.0, 0.0)),
)


def choose(m: Model, s: State, kind: Kind, size: int) -> I32:
    """Return at most ``size`` movable classes, ascending."""
    if kind.band:
        return _in_band(m, s, size)
    seed = _seed_class(m, s, kind.costly)
    chosen = grow(m, s, seed, size, np.array(kind.ties))
    chosen.sort()
    return chosen


@compiled
def _seed_class(m: Model, s: State, costly: bool) -> int:
    c = m.movable[draw(s, len(m.movable))]
    if costly and s.totals[HARD_COUNT] > 0:
        # From a random one on, the first that breaks something.
        first = draw(s, len(m.movable))
        for k in range(len(m.movable)):
            d = m.movable[(first + k) % len(m.movable)]
            if s.cost[d] >= s.totals[HARD_UNIT]:
                return int(d)
    if costly:
        for _ in range(4):
            d = m.movable[draw(s, len(m.movable))]
            if s.cost[d] > s.cost[c]:
                c = d
    return c


@compiled
def grow(m: Model, s: State, seed: int, size: int, ties: Scores) -> I32:
    """Return at most ``size`` movable classes, the seed first.

    Parameters
    ----------
    ties : (3,) how much constraints, common students and rooms tie together.
    """
    score = np.full(len(m.classes), -1.0)
    for i in range(len(m.movable)):
        c = m.movable[i]
        # Costs draw a class in when nothing ties it; chance breaks all ties.
        score[c] = 1e-6 * (1.0 + s.cost[c]) * draw_unit(s)
    score[seed] = 1e9
    chosen = np.empty(min(size, len(m.movable)), np.int32)
    for i in range(len(chosen)):
        c = int(np.argmax(score))
        chosen[i] = c
        score[c] = -1.0
        _add_ties(m, s, c, ties, score)
    return chosen


@compiled
def _add_ties(m: Model, s: State, c: int, ties: Scores, score: Scores) -> None:
    """Raise the scores of all that c is tied to; negative scores stay out."""
    if ties[0] > 0:
        _tie_constraints(m, s, c, ties[0], score)
    if ties[1] > 0:
        first = m.classes[c, MATES]
        for row in range(first, first + s.mate_count[c]):
            joint = s.mates[row, JOINT]
            _tie(s, s.mates[row, MATE], ties[1] * joint / (joint + 5.0), score)
    if ties[2] > 0:
        for k in range(m.classes[c, ROOMS], m.classes[c, ROOMS_END]):
            r = m.class_rooms[k, WHICH]
            if r < m.n_rooms:
                weight = 1.0 if r == s.at[c, AT_ROOM] else 0.3
                for i in range(s.room_size[r]):
                    _tie(s, s.in_room[r, i], ties[2] * weight, score)


@compiled
def _tie_constraints(m: Model, s: State, c: int, tie: float, score: Scores) -> None:
    for row in range(m.classes[c, PAIRS], m.classes[c, PAIRS_END]):
        _tie(s, m.pairs[row, OTHER], tie, score)
    for row in range(m.classes[c, GROUPS], m.classes[c, GROUPS_END]):
        g = m.class_groups[row]
        for i in range(m.groups[g, G_MEMBERS], m.groups[g, G_MEMBERS_END]):
            _tie(s, m.members[i], tie, score)


@compiled
def _tie(s: State, j: int, tie: float, score: Scores) -> None:
    if score[j] >= 0.0:
        score[j] += tie * draw_unit(s)


def _in_band(m: Model, s: State, size: int) -> I32:
    """Take the classes that meet nearest to a moment of the week of some class."""
    middles = (m.times[:, START] + m.times[:, END]) // 2
    t = s.at[m.movable[draw(s, len(m.movable))], AT_TIME]
    at = s.at[m.movable, AT_TIME]
    distance = np.abs(middles[at] - middles[t]).astype(np.float64)
    distance += np.where(m.times[at, DAYS] & m.times[t, DAYS] != 0, 0.0, _OTHER_DAYS)
    distance += [_BLUR * draw_unit(s) for _ in at]
    nearest = np.argsort(distance)[:size]
    return np.sort(m.movable[nearest]).astype(np.int32)
