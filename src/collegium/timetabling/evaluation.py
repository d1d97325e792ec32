"""The full cost of any timetable, by the solver's own arrays.

This is what ``solve`` reports. It counts hard violations as the validator does: a
required distribution counts once, however many of its pairs are broken.
"""

from __future__ import annotations

import numpy as np

from collegium.timetabling.arrays import (
    AT_TIME,
    CONFIGURATION,
    COURSE,
    FIRST,
    G_HARD,
    G_KIND,
    G_MEMBERS,
    G_MEMBERS_END,
    I32,
    I64,
    LAST,
    MAX_BREAKS,
    ORDER,
    REQUESTED,
    SEATS,
    SEATS_END,
    U8,
    WEIGHT_DISTRIBUTION,
    WEIGHT_ROOM,
    WEIGHT_STUDENT,
    WEIGHT_TIME,
    Model,
)
from collegium.timetabling.compiled import compiled
from collegium.timetabling.grouped import group_cost, recount_groups
from collegium.timetabling.instance import Instance
from collegium.timetabling.objective import in_conflict
from collegium.timetabling.relations import is_broken
from collegium.timetabling.solution import UNASSIGNED, Cost, Solution
from collegium.timetabling.states import empty_state, flat_attendance


def evaluate(instance: Instance, solution: Solution) -> Cost:
    """Return the cost of a timetable, complete and feasible or not."""
    m, problem, n = instance.model, instance.problem, len(solution.students)
    t, r, unplaced = _positions(instance, solution)
    time = room = 0
    for c, class_ in enumerate(problem.classes):
        if solution.times[c] != UNASSIGNED:
            time += class_.times[solution.times[c]].penalty
            if class_.needs_room and solution.rooms[c] != UNASSIGNED:
                room += class_.rooms[solution.rooms[c]].penalty
    ends, attended = flat_attendance(solution)
    distribution, broken_groups = _groups(instance, t)
    rules = instance.rules
    distribution += _soft_pairs(m, rules.rows, t, r)
    hard = unplaced + broken_groups
    hard += _broken_distributions(m, rules.required, t, r, len(problem.distributions))
    hard += _room_violations(m, instance.places.closed, t, r)
    # The model's parents and limits leave out what no student can attend.
    parents = np.array([-1 if c.parent is None else c.parent for c in problem.classes])
    limits = np.array([n if c.limit is None else c.limit for c in problem.classes])
    hard += _seat_violations(m, ends, attended, t, parents, limits)
    student = _conflicts(m, ends, attended, t, r)
    total = int(
        m.weights[WEIGHT_TIME] * time
        + m.weights[WEIGHT_ROOM] * room
        + m.weights[WEIGHT_DISTRIBUTION] * distribution
        + m.weights[WEIGHT_STUDENT] * student
    )
    return Cost(time, room, int(distribution), int(student), total, int(hard))


def _positions(instance: Instance, solution: Solution) -> tuple[I32, I32, int]:
    """Return time and room of each class, and how many lack one."""
    m, places = instance.model, instance.places
    n = len(m.classes)
    t, r = np.full(n, m.n_times, np.int32), np.full(n, m.n_rooms, np.int32)
    unplaced = 0
    for c, class_ in enumerate(instance.problem.classes):
        if solution.times[c] == UNASSIGNED:
            unplaced += 1
            continue
        t[c] = places.times[places.time_ends[c] + solution.times[c]]
        if class_.needs_room and solution.rooms[c] == UNASSIGNED:
            unplaced += 1
        elif class_.needs_room:
            r[c] = places.rooms[places.room_ends[c] + solution.rooms[c]]
    return t, r, unplaced


def _groups(instance: Instance, t: I32) -> tuple[int, int]:
    """Return the soft cost of the groups and how many required ones are broken."""
    state = empty_state(instance, 0, 1)
    state.at[:, AT_TIME] = t
    recount_groups(instance.model, state)
    soft = broken = 0
    for g, raw in enumerate(state.raw.tolist()):
        if _says_nothing(instance.model, g, t):
            continue
        if instance.model.groups[g, G_HARD]:
            broken += raw > 0
        else:
            soft += int(group_cost(instance.model, g, raw))
    return soft, broken


def _says_nothing(m: Model, g: int, t: I32) -> bool:
    """Tell whether a group is about breaks and lacks a class that may bridge one."""
    members = m.members[m.groups[g, G_MEMBERS] : m.groups[g, G_MEMBERS_END]]
    is_about_breaks = m.groups[g, G_KIND] == MAX_BREAKS
    return bool(is_about_breaks and np.any(t[members] == m.n_times))


@compiled
def _soft_pairs(m: Model, rules: I32, t: I32, r: I32) -> int:
    cost = 0
    for row in range(len(rules)):
        if rules[row, 4] > 0 and _is_pair_broken(m, rules[row], t, r):
            cost += rules[row, 4]
    return cost


@compiled
def _broken_distributions(m: Model, rules: I32, t: I32, r: I32, n: int) -> int:
    broken = np.zeros(n, np.uint8)
    for row in range(len(rules)):
        if not broken[rules[row, 4]] and _is_pair_broken(m, rules[row], t, r):
            broken[rules[row, 4]] = 1
    return broken.sum()


@compiled
def _is_pair_broken(m: Model, rule: I32, t: I32, r: I32) -> bool:
    a, b = rule[0], rule[1]
    if t[a] == m.n_times or t[b] == m.n_times:
        return False
    entry = m.relation[t[a] * (m.n_times + 1) + t[b]]
    return is_broken(m, rule[2], rule[3], entry, t[a], t[b], r[a], r[b])


@compiled
def _room_violations(m: Model, closed: U8, t: I32, r: I32) -> int:
    count = 0
    for a in range(len(t)):
        if r[a] == m.n_rooms:
            continue
        count += closed[r[a], t[a]]
        for b in range(a):
            if r[a] == r[b] and m.relation[t[a] * (m.n_times + 1) + t[b]] < 0:
                count += 1
    return count


@compiled
def _conflicts(m: Model, ends: I32, attended: I32, t: I32, r: I32) -> int:
    count = 0
    for student in range(len(ends) - 1):
        for i in range(ends[student], ends[student + 1]):
            a = attended[i]
            for k in range(ends[student], i):
                b = attended[k]
                if in_conflict(m, t[a], r[a], t[b], r[b]):
                    count += 1
    return count


@compiled
def _seat_violations(
    m: Model, ends: I32, attended: I32, t: I32, parents: I64, limits: I64
) -> int:
    """Count full classes, missing parents, and courses attended wrongly."""
    attendance = np.zeros(len(m.classes), np.int64)
    count = 0
    for student in range(len(ends) - 1):
        own = attended[ends[student] : ends[student + 1]]
        for c in own:
            if t[c] == m.n_times:
                continue
            attendance[c] += 1
            parent = parents[c]
            if parent >= 0 and not _is_attended(own, parent, t, m.n_times):
                count += 1
            if not _is_requested(m, student, m.classes[c, COURSE]):
                count += 1
        low, high = m.students[student, FIRST], m.students[student, LAST]
        while low < high:
            q = m.seats[low]
            low = m.requests[q, SEATS_END]
            if not _is_complete(m, q, own, t):
                count += 1
    for c in range(len(attendance)):
        if attendance[c] > limits[c]:
            count += 1
    return count


@compiled
def _is_attended(own: I32, wanted: int, t: I32, nowhere: int) -> bool:
    found = False
    for c in own:
        found |= c == wanted and t[c] != nowhere
    return found


@compiled
def _is_requested(m: Model, student: int, course: int) -> bool:
    low, high = m.students[student, FIRST], m.students[student, LAST]
    while low < high:
        q = m.seats[low]
        if m.requests[q, REQUESTED] == course:
            return True
        low = m.requests[q, SEATS_END]
    return False


@compiled
def _is_complete(m: Model, q: int, own: I32, t: I32) -> bool:
    """Say whether it is one class of each subpart of one configuration, no more."""
    f, seen, size = -1, 0, 0
    for c in own:
        if m.classes[c, COURSE] == m.requests[q, REQUESTED] and t[c] != m.n_times:
            if f >= 0 and m.classes[c, CONFIGURATION] != f:
                return False
            f = m.classes[c, CONFIGURATION]
            seen |= 1 << m.classes[c, ORDER]
            size += 1
    if f < 0:
        return m.requests[q, SEATS] == m.requests[q, SEATS_END]
    width = m.configurations[f, LAST] - m.configurations[f, FIRST]
    return size == width and seen == (1 << width) - 1
