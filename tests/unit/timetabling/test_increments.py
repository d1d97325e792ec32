"""The increments of the search against a count from scratch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.timetabling.arrays import (
    AT_ROOM_ROW,
    AT_TIME_ROW,
    PENALISED,
    ROOMS,
    ROOMS_END,
    SEATS,
    SEATS_END,
    TIMES,
    TIMES_END,
    State,
)
from collegium.timetabling.families import try_family
from collegium.timetabling.following import try_followed
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.itc2019 import read_problem
from collegium.timetabling.moves import try_ejection, try_place, try_swap
from collegium.timetabling.objective import place, recount
from collegium.timetabling.search import anneal, construct, raise_weights
from collegium.timetabling.seating import seat_all
from collegium.timetabling.sectioning import take_chain, try_student
from collegium.timetabling.states import empty_state
from fixtures.itc2019 import instance_files
from fixtures.problems import problems

_HARD_WEIGHT = 37


@settings(max_examples=150)
@given(st.data())
def test_never_drift_on_random_problems(data: st.DataObject):
    """After every single move all costs are those of a count from scratch."""
    instance = prepare(data.draw(problems(most_classes=8)))
    state = _begun(instance, data.draw(st.integers(0, 1000)))
    _assert_exact(instance, state)
    moves = st.tuples(st.integers(0, 5), st.sampled_from([-50, 0, 20, 1000, 1 << 40]))
    for kind, threshold in data.draw(st.lists(moves, min_size=5, max_size=40)):
        _move(instance, state, kind, threshold, data.draw(st.integers(0, 1 << 20)))
        _assert_exact(instance, state)


@settings(max_examples=30)
@given(problem=problems(most_classes=10), seed=st.integers(0, 1000))
def test_never_drift_in_the_annealing(problem, seed):
    """Long runs at any temperature and growing weights leave exact costs behind."""
    instance = prepare(problem)
    state = _begun(instance, seed)
    for hot in (1000.0, 10.0, 0.1):
        anneal(instance.model, state, 2000, hot, hot / 3)
        raise_weights(instance.model, state, 10)
        _assert_exact(instance, state)


@pytest.mark.parametrize("path", instance_files())
def test_never_drift_on_real_instances(path: Path):
    """The same on the public instances."""
    instance = prepare(read_problem(path))
    state = _begun(instance, 1)
    for hot in (500.0, 5.0):
        anneal(instance.model, state, 50_000, hot, hot / 10)
        _assert_exact(instance, state)


def _begun(instance: Instance, seed: int) -> State:
    state = empty_state(instance, seed, _HARD_WEIGHT)
    seat_all(instance.model, state)
    order = np.arange(len(instance.model.classes), dtype=np.int32)
    construct(instance.model, state, order, 20)
    recount(instance.model, state)
    return state


def _move(
    instance: Instance, state: State, kind: int, threshold: int, random: int
) -> None:
    m = instance.model
    if kind == 3:
        if len(m.flexible):
            try_student(m, state, threshold)
        return
    if kind == 4:
        if len(m.kin):
            try_family(m, state, threshold)
        return
    if len(m.movable) == 0:
        return
    c = int(m.movable[random % len(m.movable)])
    first, last, first_room, last_room = m.classes[
        c, [TIMES, TIMES_END, ROOMS, ROOMS_END]
    ].tolist()
    time_row = first + random // 7 % (last - first)
    room_row = first_room + random // 11 % (last_room - first_room)
    if kind == 0:
        try_place(m, state, c, time_row, room_row, threshold)
    elif kind == 5:
        try_followed(m, state, c, time_row, room_row, threshold)
    elif kind == 1:
        try_swap(m, state, c, threshold)
    else:
        try_ejection(m, state, c, time_row, room_row, threshold)


def _assert_exact(instance: Instance, state: State) -> None:
    anew = empty_state(instance, 0, _HARD_WEIGHT)
    _copy(instance, state, anew)
    anew.pair_weight[:] = state.pair_weight
    anew.room_weight[:] = state.room_weight
    anew.group_weight[:] = state.group_weight
    recount(instance.model, anew)
    rows = [AT_TIME_ROW, AT_ROOM_ROW]
    placed = state.at[:, AT_TIME_ROW] >= 0
    np.testing.assert_array_equal(state.at[placed][:, rows], anew.at[placed][:, rows])
    np.testing.assert_array_equal(state.enrolled, anew.enrolled)
    np.testing.assert_array_equal(state.attendance, anew.attendance)
    np.testing.assert_array_equal(state.raw, anew.raw)
    np.testing.assert_array_equal(state.cells, anew.cells)
    np.testing.assert_array_equal(state.cost, anew.cost)
    assert state.totals[: PENALISED + 1].tolist() == (
        anew.totals[: PENALISED + 1].tolist()
    )
    assert _joint(instance, state) == _joint(instance, anew)


def _copy(instance: Instance, state: State, anew: State) -> None:
    m = instance.model
    for c, row in enumerate(state.at):
        if row[AT_TIME_ROW] >= 0:
            place(m, anew, c, int(row[AT_TIME_ROW]), int(row[AT_ROOM_ROW]))
    for q, (first, last) in enumerate(m.requests[:, [SEATS, SEATS_END]]):
        anew.scratch[2, : last - first] = state.enrolled[first:last]
        take_chain(m, anew, q, 2)


def _joint(instance: Instance, state: State) -> dict[tuple[int, int], int]:
    return {
        (c, int(mate)): int(joint)
        for c, (first, count) in enumerate(
            zip(instance.mate_ends[:-1], state.mate_count, strict=True)
        )
        for mate, joint in state.mates[first : first + count]
    }
