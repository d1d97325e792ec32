"""Cursors and links."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import Malformed
from collegium.rest.pages import CursorSeal, Position, WrittenPage, WrittenPages

SEAL = CursorSeal(b"k" * 32)
POSITIONS = st.builds(
    Position,
    st.tuples(st.text(), st.integers(-(2**63), 2**63 - 1)),
    st.booleans(),
    st.just("walk"),
)


@given(POSITIONS)
def test_cursors_come_back(position: Position) -> None:
    """A cursor leads to the position that it was made from, and fits a URL."""
    cursor = SEAL.close(position)
    assert SEAL.open(cursor, walk="walk") == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(POSITIONS, st.data())
def test_changed_cursors_are_refused(position: Position, data: st.DataObject) -> None:
    """A cursor with any bit of its content changed is not opened."""
    raw = bytearray(base64.urlsafe_b64decode(SEAL.close(position) + "=="))
    at = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[at // 8] ^= 1 << at % 8
    with pytest.raises(Malformed):
        SEAL.open(base64.urlsafe_b64encode(raw).decode().rstrip("="), walk="walk")


@given(st.text(max_size=40))
def test_made_up_cursors_are_refused(cursor: str) -> None:
    """Any text that was not made here is refused, and nothing else happens."""
    with pytest.raises(Malformed):
        SEAL.open(cursor, walk="walk")


def test_cursors_of_others_are_refused() -> None:
    """A cursor of another walk, or sealed with another key, is refused."""
    position = Position(("a", "b"), False, "walk")
    with pytest.raises(Malformed):
        SEAL.open(SEAL.close(position), walk="other")
    with pytest.raises(Malformed):
        SEAL.open(CursorSeal(b"x" * 32).close(position), walk="walk")


def test_kept_pages_have_a_bound() -> None:
    """The pages that nobody has asked for the longest go first."""
    pages = WrittenPages(size_bytes=30)
    for name in ("a", "b", "c"):
        pages.keep((name,), WrittenPage("", b"", b"0123456789"))
    assert pages.find(("a",)) is not None
    pages.keep(("d",), WrittenPage("", b"", b"0123456789"))
    assert pages.find(("b",)) is None
    assert all(pages.find((name,)) is not None for name in ("a", "c", "d"))
    pages.keep(("c",), WrittenPage("", b"", b"0123456789"))
    assert all(pages.find((name,)) is not None for name in ("a", "c", "d"))
    pages.keep(("large",), WrittenPage("", b"", b"0" * 31))
    assert all(pages.find((name,)) is None for name in ("a", "c", "d", "large"))
    pages.keep(("e",), WrittenPage("", b"", b"0123456789"))
    assert pages.find(("e",)) is not None
