"""The students of one course into its classes anew, at the least number of conflicts.

With all times and all other courses fixed, what a student costs is a number for
each chain of classes, so this is an assignment with limits. Students whom every
class of the course meets equally often are one kind; the numbers of a kind in each
chain are the variables, which keeps the program small and without symmetry.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import product

import numpy as np

from collegium.timetabling.arrays import (
    AT_ROOM,
    AT_TIME,
    C_CLASSES,
    C_CLASSES_END,
    C_REQUESTS,
    C_REQUESTS_END,
    CONFIGURATION,
    FIRST,
    I32,
    I64,
    LAST,
    LIMIT,
    ORDER,
    PARENT,
    SEATS,
    SEATS_END,
    STUDENT,
    WEIGHT_STUDENT,
    Model,
    State,
)
from collegium.timetabling.compiled import compiled
from collegium.timetabling.exact.program import Program, ProgramBuilder
from collegium.timetabling.objective import in_conflict
from collegium.timetabling.sectioning import take_chain

_CHAIN = 2  # row of the scratch space that ``take_chain`` is given


@dataclass(frozen=True)
class Seating:
    """The students of a course, free to change their classes.

    Parameters
    ----------
    requests : (n_requests,) rows of ``Model.requests``.
    chains : for each chain the class in each seat.
    kinds : for each kind of student the numbers of their requests.
    program : how many of a kind take a chain; variables (kind, chain) in ``pairs``.
    cost : weighted conflicts now, in units of the program's cost.
    """

    requests: I32
    chains: list[tuple[int, ...]]
    kinds: list[list[int]]
    pairs: list[tuple[int, int]]
    program: Program
    cost: int


def chains_of(m: Model, course: int, most: int) -> list[tuple[int, ...]] | None:
    """List the chains of a course, parents attended; None when there are too many."""
    first, last = m.courses[course, C_CLASSES], m.courses[course, C_CLASSES_END]
    classes = m.course_classes[first:last].tolist()
    found: list[tuple[int, ...]] = []
    for f in dict.fromkeys(m.classes[classes, CONFIGURATION].tolist()):
        partial: list[tuple[int, ...]] = [()]
        for k in range(m.configurations[f, FIRST], m.configurations[f, LAST]):
            options = m.subpart_classes[m.subparts[k, FIRST] : m.subparts[k, LAST]]
            partial = [
                (*chain, c)
                for chain, c in product(partial, options.tolist())
                if _attends_parent(m, chain, c)
            ]
            if len(partial) + len(found) > most:
                return None
        found.extend(partial)
    return found


def _attends_parent(m: Model, chain: tuple[int, ...], c: int) -> bool:
    parent = int(m.classes[c, PARENT])
    return parent < 0 or chain[m.classes[parent, ORDER]] == parent


def free_course(m: Model, s: State, course: int, most: int) -> Seating | None:
    """Describe the seating of a course; None when it is too large or cannot gain.

    Students without a seat in every subpart are the search's to place: an exchange
    among whole chains cannot, so their course is left alone.
    """
    chains = chains_of(m, course, most)
    if chains is None or len(chains) < 2:
        return None
    first, last = m.courses[course, C_CLASSES], m.courses[course, C_CLASSES_END]
    classes = m.course_classes[first:last]
    numbers = {int(c): i for i, c in enumerate(classes)}
    begin, end = m.courses[course, C_REQUESTS], m.courses[course, C_REQUESTS_END]
    requests = m.course_requests[begin:end]
    chain_number = {chain: i for i, chain in enumerate(chains)}
    here = [chain_number.get(_chain_at(m, s, q), -1) for q in requests]
    if -1 in here:
        return None
    meets = _meetings(m, s, requests, classes)
    table = np.zeros((len(chains), len(classes)), np.int64)
    inside = np.zeros(len(chains), np.int64)
    for i, chain in enumerate(chains):
        table[i, [numbers[c] for c in chain]] = 1
        inside[i] = _inside(m, s, np.array(chain, np.int32))
    kinds_of = defaultdict(list)
    for i, row in enumerate(meets):
        kinds_of[row.tobytes()].append(i)
    kinds = list(kinds_of.values())
    costs = meets[[kind[0] for kind in kinds]] @ table.T + inside
    return _seating(m, requests, chains, kinds, costs, np.array(here), numbers, most)


def _seating(
    m: Model,
    requests: I32,
    chains: list[tuple[int, ...]],
    kinds: list[list[int]],
    costs: I64,
    present: I64,
    numbers: dict[int, int],
    most: int,
) -> Seating | None:
    now = np.zeros_like(costs)
    for k, kind in enumerate(kinds):
        np.add.at(now[k], present[kind], 1)
    sizes = np.array([len(kind) for kind in kinds])
    least = costs.min(axis=1)
    slack = int((costs * now).sum() - (least * sizes).sum())
    if slack == 0:
        return None
    used = (costs - least[:, None] <= slack) | (now > 0)
    if used.sum() > 50 * most:
        return None
    builder = ProgramBuilder()
    pairs = [(int(k), int(i)) for k, i in np.argwhere(used)]
    weight = int(m.weights[WEIGHT_STUDENT])
    of_class: list[list[int]] = [[] for _ in numbers]
    of_kind: list[list[int]] = [[] for _ in kinds]
    for k, i in pairs:
        column = builder.add_variable(
            int(sizes[k]), weight * int(costs[k, i]), int(now[k, i])
        )
        of_kind[k].append(column)
        for c in chains[i]:
            of_class[numbers[c]].append(column)
    for k, columns in enumerate(of_kind):
        builder.add_row(columns, [1] * len(columns), int(sizes[k]), int(sizes[k]))
    for c, number in numbers.items():
        columns = of_class[number]
        # A limit that is broken now must not be broken by more.
        attending = sum(builder.hint[column] for column in columns)
        limit = max(int(m.classes[c, LIMIT]), attending)
        if limit < len(requests):
            builder.add_row(columns, [1] * len(columns), high=limit)
    program = builder.build()
    return Seating(requests, chains, kinds, pairs, program, program.value(program.hint))


def take_seats(m: Model, s: State, seating: Seating, values: I64) -> None:
    """Seat the students as a point of the program says; who can stays."""
    chain_number = {chain: i for i, chain in enumerate(seating.chains)}
    room: list[dict[int, int]] = [{} for _ in seating.kinds]
    for (kind, chain), value in zip(seating.pairs, values.tolist(), strict=True):
        if value:
            room[kind][chain] = value
    for kind, members in enumerate(seating.kinds):
        moving = []
        for i in members:
            here = chain_number[_chain_at(m, s, seating.requests[i])]
            if room[kind].get(here, 0) > 0:
                room[kind][here] -= 1
            else:
                moving.append(i)
        targets = [c for c, n in room[kind].items() for _ in range(n)]
        for i, target in zip(moving, targets, strict=True):
            q = int(seating.requests[i])
            width = int(m.requests[q, SEATS_END] - m.requests[q, SEATS])
            taken = seating.chains[target]
            s.scratch[_CHAIN, :width] = -1
            s.scratch[_CHAIN, : len(taken)] = taken
            take_chain(m, s, q, _CHAIN)


def _chain_at(m: Model, s: State, q: int) -> tuple[int, ...]:
    seats = s.enrolled[m.requests[q, SEATS] : m.requests[q, SEATS_END]]
    return tuple(c for c in seats.tolist() if c >= 0)


@compiled
def _inside(m: Model, s: State, chain: I32) -> int:
    """Return the conflicts among the classes of a chain."""
    count = 0
    for i in range(len(chain)):
        for k in range(i):
            a, b = chain[i], chain[k]
            if in_conflict(
                m,
                s.at[a, AT_TIME],
                s.at[a, AT_ROOM],
                s.at[b, AT_TIME],
                s.at[b, AT_ROOM],
            ):
                count += 1
    return count


@compiled
def _meetings(m: Model, s: State, requests: I32, classes: I32) -> I64:
    """Return how many of each student's other classes each class is in conflict with.

    Returns
    -------
    (n_requests, n_classes)
    """
    found = np.zeros((len(requests), len(classes)), np.int64)
    for i in range(len(requests)):
        q = requests[i]
        low, high = m.requests[q, SEATS], m.requests[q, SEATS_END]
        student = m.requests[q, STUDENT]
        for seat in range(m.students[student, FIRST], m.students[student, LAST]):
            b = s.enrolled[seat]
            if b < 0 or low <= seat < high:
                continue
            for k in range(len(classes)):
                a = classes[k]
                if in_conflict(
                    m,
                    s.at[a, AT_TIME],
                    s.at[a, AT_ROOM],
                    s.at[b, AT_TIME],
                    s.at[b, AT_ROOM],
                ):
                    found[i, k] += 1
    return found
