"""JSON Merge Patch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from collegium.errors import Malformed
from collegium.rest.patch import Patch, merge_patch

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_examples_of_the_standard(target: Any, patch: Any, result: Any) -> None:
    """The test cases of RFC 7396, appendix A, give the results listed there."""
    assert merge_patch(target, patch) == result


@given(VALUES, VALUES)
def test_twice_is_once(target: Any, patch: Any) -> None:
    """Applying a patch again changes nothing."""
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@given(st.dictionaries(st.text(max_size=2), VALUES, max_size=3), VALUES)
def test_the_target_stays(target: dict[str, Any], patch: Any) -> None:
    """Neither target nor patch is modified."""
    before = repr((target, patch))
    merge_patch(target, patch)
    assert repr((target, patch)) == before


class Thing(BaseModel):
    """A model to be patched."""

    model_config = ConfigDict(extra="forbid")

    name: str
    size: int | None = None


def test_result_must_match_the_model() -> None:
    """What a patch makes is checked like a whole body."""
    current = {"name": "a", "size": 3}
    assert Patch[Thing]({"size": None}).apply(Thing, current) == Thing(name="a")
    for changes in ({"name": None}, {"size": "3"}, {"other": 1}, [1], None):
        with pytest.raises(Malformed):
            Patch[Thing](changes).apply(Thing, current)
