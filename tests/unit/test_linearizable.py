"""The checker of histories is right about those whose verdict is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.linearizable import Operation, Outcome, stuck_at

NEVER = math.inf


def read(began_s: float, ended_s: float, value: str | None) -> Operation:
    """Return a read that found a value."""
    return Operation("read", began_s, ended_s, value)


def change(
    began_s: float,
    ended_s: float,
    expected: str | None,
    value: str | None,
    outcome: Outcome = "ok",
) -> Operation:
    """Return a conditional change."""
    return Operation("change", began_s, ended_s, value, expected, outcome)


EXPLAINED = {
    "nothing happened": [],
    "one after the other": [change(0, 1, "a", "b"), read(2, 3, "b")],
    "a read beside a change may see either": [
        change(0, 9, "a", "b"),
        read(1, 2, "a"),
        read(3, 4, "b"),
    ],
    "an unanswered change that happened": [
        change(0, NEVER, "a", "b", "info"),
        read(1, 2, "a"),
        read(3, 4, "b"),
        change(5, 6, "b", "c"),
    ],
    "an unanswered change that never happened": [
        change(0, NEVER, "a", "b", "info"),
        change(1, 2, "a", "c"),
        read(3, 4, "c"),
    ],
    "a refused change for which an unanswered one is the reason": [
        change(0, NEVER, "a", "b", "info"),
        change(1, 2, "a", "c", "fail"),
    ],
    "deleted and made again": [
        change(0, 1, "a", None),
        read(2, 3, None),
        change(4, 5, None, "b"),
        change(6, 7, "b", None),
        change(8, 9, None, "c"),
    ],
}
UNEXPLAINED = {
    "a read after a change shows the value before": [
        change(0, 1, "a", "b"),
        read(2, 3, "a"),
    ],
    "reads go back": [
        change(0, 9, "a", "b"),
        read(1, 2, "b"),
        read(3, 4, "a"),
    ],
    "a lost update": [change(0, 1, "a", "b"), change(2, 3, "a", "c")],
    "two changes of one value at once": [
        change(0, 5, "a", "b"),
        change(1, 6, "a", "c"),
    ],
    "a value that nobody has written": [read(0, 1, "z")],
    "a value before its change began": [read(0, 1, "b"), change(2, 3, "a", "b")],
    "refused though nothing had changed": [change(0, 1, "a", "b", "fail")],
    "an unanswered change that is seen and then not": [
        change(0, NEVER, "a", "b", "info"),
        read(1, 2, "b"),
        read(3, 4, "a"),
    ],
    "an unanswered change that happens twice": [
        change(0, NEVER, "a", "b", "info"),
        change(1, 2, "b", "a2"),
        read(3, 4, "b"),
    ],
    "made though it was there": [change(0, 1, None, "b")],
    "deleted and there": [change(0, 1, "a", None), read(2, 3, "a")],
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_histories_with_an_order(name: str) -> None:
    """A history that some order explains passes."""
    assert not stuck_at(EXPLAINED[name], "a")


@pytest.mark.parametrize("name", UNEXPLAINED)
def test_histories_without_an_order(name: str) -> None:
    """A history that no order explains is caught, and the place is shown."""
    asked = {(op.kind, op.began_s) for op in UNEXPLAINED[name]}
    found = stuck_at(UNEXPLAINED[name], "a")
    assert found
    assert {(op.kind, op.began_s) for op in found} <= asked


def explained_by_trying(history: Sequence[Operation], initial: str | None) -> bool:
    """Try every order of every choice of unanswered changes: slow and obvious."""
    must = [op for op in history if op.outcome != "info"]
    may = [op for op in history if op.outcome == "info"]
    for choice in range(1 << len(may)):
        chosen = must + [op for i, op in enumerate(may) if choice >> i & 1]
        if any(_is_right(order, initial) for order in permutations(chosen)):
            return True
    return False


def _is_right(order: Sequence[Operation], state: str | None) -> bool:
    latest_begin_s = -NEVER
    for op in order:
        if op.ended_s < latest_begin_s:
            return False
        latest_begin_s = max(latest_begin_s, op.began_s)
        can_be, state = op.follows(state)
        if not can_be:
            return False
    return True


VALUES = st.sampled_from(["a", "b", "c", None])


@st.composite
def any_history(draw: st.DrawFn) -> list[Operation]:
    """Return up to six operations with any answers; most histories are wrong."""
    history: list[Operation] = []
    for number in range(draw(st.integers(1, 6))):
        began_s = draw(st.integers(0, 12))
        ended_s: float = began_s + draw(st.integers(1, 8)) + 0.5
        if draw(st.booleans()):
            history.append(read(began_s, ended_s, draw(VALUES)))
            continue
        outcome = draw(st.sampled_from(["ok", "fail", "info"]))
        value = draw(st.sampled_from([f"w{number}", "b", "c", None]))
        if value is not None and any(op.value == value for op in history):
            value = f"w{number}"
        if outcome == "info":
            ended_s = NEVER
        history.append(change(began_s, ended_s, draw(VALUES), value, outcome))
    return history


def _has_unique_values(history: Sequence[Operation]) -> bool:
    written = [
        op.value for op in history if op.kind == "change" and op.value is not None
    ]
    return len(set(written)) == len(written)


@given(any_history())
def test_the_verdict_is_that_of_trying_everything(history: list[Operation]) -> None:
    """The search with its short cuts says what trying every order says."""
    if _has_unique_values(history):
        assert (not stuck_at(history, "a")) == explained_by_trying(history, "a")


@st.composite
def right_history(draw: st.DrawFn) -> tuple[list[Operation], str | None]:
    """Return a history of a register that was right, and its last value."""
    state: str | None = "v0"
    history: list[Operation] = []
    for number in range(draw(st.integers(1, 40))):
        began_s = number - draw(st.floats(0, 6))
        ended_s = number + draw(st.floats(0, 6))
        if draw(st.booleans()):
            history.append(read(began_s, ended_s, state))
            continue
        is_expected = draw(st.booleans())
        value = draw(st.sampled_from([f"v{number + 1}", None]))
        answer: Outcome = "ok" if is_expected else "fail"
        expected = state if is_expected else "stale"
        if draw(st.integers(0, 9)) == 0:
            answer, ended_s = "info", NEVER
        history.append(change(began_s, ended_s, expected, value, answer))
        state = value if is_expected else state
    return history, state


@given(right_history())
def test_right_registers_pass(made: tuple[list[Operation], str | None]) -> None:
    """Whatever overlaps, the history of a right register is never called wrong."""
    assert not stuck_at(made[0], "v0")


@given(right_history(), st.booleans())
def test_stale_reads_are_caught(
    made: tuple[list[Operation], str | None], is_stale: bool
) -> None:
    """A read behind an acknowledged change that shows something else is caught."""
    history, state = made
    last = change(100, 101, state, "x")
    seen = read(102, 103, "v0" if is_stale else "x")
    assert bool(stuck_at([*history, last, seen], "v0")) is is_stale
