"""Entity tags and preconditions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import PreconditionFailed, PreconditionRequired, Unreadable
from collegium.rest.etag import Preconditions, TagList, is_not_modified

TAG_CHARACTERS = st.characters(
    min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'
)
TAGS = st.text(TAG_CHARACTERS, max_size=8).map(lambda text: f'"{text}"')


def scope(**fields: str) -> dict[str, Any]:
    """Return the scope of a request with header fields."""
    names = {name: name.replace("_", "-").encode() for name in fields}
    return {"headers": [(names[name], fields[name].encode()) for name in fields]}


@given(st.lists(st.tuples(st.booleans(), TAGS), min_size=1, max_size=5), st.data())
def test_lists_are_read_back(tags: list[tuple[bool, str]], data: st.DataObject) -> None:
    """Whatever spaces and commas stand between them, all tags of a list are read."""
    gaps = st.sampled_from([",", ", ", " ,\t", ",,", ", ,"])
    text = ""
    for is_weak, tag in tags:
        text += ("W/" if is_weak else "") + tag + data.draw(gaps)
    found = TagList.parse(text, "If-Match")
    assert found.strong == {tag for is_weak, tag in tags if not is_weak}
    assert found.weak == {tag for is_weak, tag in tags if is_weak}


@pytest.mark.parametrize("text", ["", "abc", '"a" "b"', '"a', "w/", 'w/"a"', '*, "a"'])
def test_what_is_not_a_list_is_refused(text: str) -> None:
    """Anything but ``*`` or a list of tags cannot be read."""
    with pytest.raises(Unreadable):
        TagList.parse(text, "If-Match")


@pytest.mark.parametrize(
    ("value", "is_known"),
    [
        ('"1"', True),
        ('W/"1"', True),
        ('"0", "1"', True),
        ("*", True),
        ('"11"', False),
        ('"0", W/"2"', False),
    ],
)
def test_if_none_match_compares_weakly(value: str, is_known: bool) -> None:
    """A GET has the representation when any tag of its list is the present one."""
    assert is_not_modified(scope(if_none_match=value), '"1"') is is_known


def test_a_get_without_conditions_is_answered() -> None:
    """Without If-None-Match nothing counts as known."""
    assert not is_not_modified(scope(), '"1"')


@pytest.mark.parametrize(
    ("fields", "etag", "error"),
    [
        ({"if_match": '"1"'}, '"1"', None),
        ({"if_match": '"0", "1"'}, '"1"', None),
        ({"if_match": "*"}, '"1"', None),
        ({"if_match": '"0"'}, '"1"', PreconditionFailed),
        ({"if_match": 'W/"1"'}, '"1"', PreconditionFailed),
        ({"if_match": '"1"'}, None, PreconditionFailed),
        ({"if_match": "*"}, None, PreconditionFailed),
        ({}, '"1"', PreconditionRequired),
        ({}, None, None),
        ({"if_none_match": "*"}, None, None),
        ({"if_none_match": "*"}, '"1"', PreconditionFailed),
        ({"if_none_match": '"1"'}, '"1"', PreconditionFailed),
        ({"if_none_match": '"0"'}, '"1"', None),
        ({"if_match": '"1"', "if_none_match": '"1"'}, '"1"', PreconditionFailed),
    ],
)
def test_writes_under_conditions(
    fields: dict[str, str], etag: str | None, error: type[Exception] | None
) -> None:
    """If-Match compares strongly and must be there when something exists."""
    check = Preconditions.of(scope(**fields))
    if error is None:
        check(etag)
    else:
        with pytest.raises(error):
            check(etag)
