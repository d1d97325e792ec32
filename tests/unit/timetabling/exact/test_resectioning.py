"""Seating a course anew against trying all seatings."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.timetabling.arrays import (
    LIMIT,
    PENALISED,
    SEATS,
    SEATS_END,
    Model,
    State,
)
from collegium.timetabling.exact import cpsat, highs
from collegium.timetabling.exact.resectioning import (
    chains_of,
    free_course,
    take_seats,
)
from collegium.timetabling.instance import Instance, prepare
from collegium.timetabling.problem import (
    Class,
    Configuration,
    Course,
    Problem,
    Student,
    Subpart,
    Time,
    TimeOption,
    Weights,
)
from collegium.timetabling.sectioning import take_chain
from collegium.timetabling.solve import fill
from collegium.timetabling.states import empty_state
from fixtures.problems import problems

_MOST = 100
_CHAIN = 2  # row of the scratch space that ``take_chain`` is given


@settings(max_examples=150)
@given(problem=problems(most_classes=8), seed=st.integers(0, 99))
def test_no_seating_of_a_course_has_fewer_conflicts(problem, seed):
    """The optimum is that of trying everything; None means nothing can be gained."""
    instance = prepare(problem)
    state = empty_state(instance, seed, 10)
    fill(instance, state, None)
    crowded = np.maximum(instance.model.classes[:, LIMIT], state.attendance)
    for course in range(len(problem.courses)):
        least = _least_by_trying(instance, state, course)
        seating = free_course(instance.model, state, course, _MOST)
        if seating is None:
            assert least == state.totals[PENALISED]
            continue
        for minimise in (cpsat.minimise, highs.minimise):
            outcome = minimise(seating.program, effort=5.0)
            assert outcome.proven
            gain = seating.cost - outcome.cost
            assert state.totals[PENALISED] - gain == least
        take_seats(instance.model, state, seating, outcome.values)
        assert state.totals[PENALISED] == least
    assert np.all(state.attendance <= crowded)


def test_a_student_with_half_a_course_is_left_to_the_search():
    """No class has room and the second one's parent was not taken: nobody moves."""
    problem = _half_a_course()
    instance = prepare(problem)
    stuck = 0
    for seed in range(20):
        state = empty_state(instance, seed, 10)
        fill(instance, state, None)
        if state.enrolled[1] < 0:
            stuck += 1
            assert free_course(instance.model, state, 0, _MOST) is None
    assert stuck > 0


def _half_a_course() -> Problem:
    def a_class(
        name: str, limit: int | None = None, parent: int | None = None
    ) -> Class:
        time = TimeOption(Time(1, 0, 1, 1))
        return Class(name, limit, parent, False, (), (time,))

    two = (Subpart("1", (0, 1)), Subpart("2", (2,)))
    other = (Subpart("3", (3,)),)
    return Problem(
        name="half",
        n_days=1,
        n_weeks=1,
        slots_per_day=4,
        weights=Weights(0, 0, 0, 1),
        rooms=(),
        courses=(Course("1", (Configuration("1", two), Configuration("2", other))),),
        classes=(
            a_class("lecture"),
            a_class("other"),
            a_class("full", limit=0, parent=0),
            a_class("elsewhere", limit=0),
        ),
        distributions=(),
        students=(Student("1", (0,)),),
    )


def _least_by_trying(instance: Instance, state: State, course: int) -> int:
    """Return the least penalised cost over all seatings within the limits."""
    m = instance.model
    requests = [q for q in range(len(m.requests)) if m.requests[q, 1] == course]
    chains = chains_of(m, course, _MOST)
    assert chains is not None
    given_chains = [_chain_of(m, state, q) for q in requests]
    least = int(state.totals[PENALISED])
    if () in given_chains:
        return least
    before = state.attendance.copy()
    for chosen in product(chains, repeat=len(requests)):
        if _is_within_limits(m, chosen, before):
            for q, chain in zip(requests, chosen, strict=True):
                _take(m, state, q, chain)
            least = min(least, int(state.totals[PENALISED]))
    for q, chain in zip(requests, given_chains, strict=True):
        _take(m, state, q, chain)
    return least


def _chain_of(m: Model, state: State, q: int) -> tuple[int, ...]:
    seats = state.enrolled[m.requests[q, SEATS] : m.requests[q, SEATS_END]]
    return tuple(c for c in seats.tolist() if c >= 0)


def _take(m: Model, state: State, q: int, chain: tuple[int, ...]) -> None:
    width = m.requests[q, SEATS_END] - m.requests[q, SEATS]
    state.scratch[_CHAIN, :width] = -1
    state.scratch[_CHAIN, : len(chain)] = chain
    take_chain(m, state, q, _CHAIN)


def _is_within_limits(
    m: Model, chosen: tuple[tuple[int, ...], ...], before: np.ndarray
) -> bool:
    """Say whether no limit is broken, or not by more than before."""
    counts = np.bincount(
        [c for chain in chosen for c in chain], minlength=len(m.classes)
    )
    return bool(np.all(counts <= np.maximum(m.classes[:, LIMIT], before)))
