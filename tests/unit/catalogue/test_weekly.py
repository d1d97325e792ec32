"""Weekly patterns."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from collegium.catalogue.weekly import (
    MOST_DAYS,
    MOST_SLOTS,
    MOST_WEEKS,
    Grid,
    WeeklyPattern,
    bit_text,
    bits,
    require_fit,
)
from collegium.errors import Malformed

BITS = st.text("01", min_size=1, max_size=MOST_WEEKS)
GOOD = {"days": "1010000", "start": 96, "length": 18, "weeks": "111011"}
GRID = Grid(n_weeks=6, n_days=7, slots_per_day=288)


@given(BITS)
def test_bit_texts_come_back(text: str) -> None:
    """A text of bits is the set of its places, and the set is the text again."""
    members = bits(text)
    assert bit_text(members, len(text)) == text
    assert [i for i in range(len(text)) if members >> i & 1] == [
        i for i, bit in enumerate(text) if bit == "1"
    ]


def test_patterns_are_times() -> None:
    """Monday and the first week become the lowest bits of the solver's time."""
    time = WeeklyPattern(**GOOD).to_time()
    assert (time.days, time.weeks) == (0b101, 0b110111)
    assert (time.start, time.length, time.end) == (96, 18, 114)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("days", ""),
        ("days", "0000000"),
        ("days", "2000000"),
        ("days", "1" * (MOST_DAYS + 1)),
        ("days", "1 1"),
        ("weeks", "0"),
        ("weeks", "1" * (MOST_WEEKS + 1)),
        ("weeks", "1\n"),
        ("start", -1),
        ("start", MOST_SLOTS),
        ("length", 0),
        ("length", MOST_SLOTS + 1),
    ],
)
def test_what_is_no_pattern_is_refused(member: str, value: Any) -> None:
    """Days and weeks have one bit set at least; slots are those of a day."""
    with pytest.raises(ValidationError) as caught:
        WeeklyPattern(**{**GOOD, member: value})
    assert [error["loc"] for error in caught.value.errors()] == [(member,)]


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({}, set()),
        ({"start": 270}, set()),
        ({"start": 271}, {"/time/length"}),
        ({"days": "101000"}, {"/time/days"}),
        ({"weeks": "1110110"}, {"/time/weeks"}),
        ({"weeks": "1", "days": "1"}, {"/time/days", "/time/weeks"}),
    ],
)
def test_patterns_fit_their_session(change: Any, pointers: set[str]) -> None:
    """A pattern has as many days and weeks as its session and ends by midnight."""
    pattern = WeeklyPattern(**{**GOOD, **change})
    if not pointers:
        require_fit(GRID, pattern, "/time")
        return
    with pytest.raises(Malformed) as caught:
        require_fit(GRID, pattern, "/time")
    assert set(caught.value.pointers) == pointers
