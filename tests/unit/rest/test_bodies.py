"""Request bodies."""

from __future__ import annotations

import asyncio
import datetime
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.types import Message

from collegium.errors import CollegiumError, Malformed, TooLarge, Unreadable
from collegium.rest.bodies import (
    BodyLimits,
    decoded,
    read_body,
    require_media_type,
    validated,
)
from collegium.rest.problems import BodyTooSlow, UnsupportedMediaType


class Thing(BaseModel):
    """A model with a member of each kind."""

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    size: int = Field(default=0, le=2**53)
    share: float = Field(default=0.0, allow_inf_nan=False)
    is_open: bool = False
    day: datetime.date | None = None
    parts: list[Thing] = []


UNREADABLE = [
    b"",
    b" ",
    b"{",
    b"[1,]",
    b'{"name":"a",}',
    b'{"name":"a","name":"b"}',
    b'{"parts":[{"size":1,"size":1}]}',
    b"{'name':'a'}",
    b'{"share":NaN}',
    b'{"share":Infinity}',
    b'{"share":-Infinity}',
    b'{"size":01}',
    b'{"size":+1}',
    b'{"size":1.}',
    b'{"size":.5}',
    b'{"size":0x10}',
    b'{"size":' + b"9" * 5000 + b"}",
    b'{"name":"\\ud800"}',
    b'{"name":"\\udc00\\ud800"}',
    b'{"name":"\xed\xa0\x80"}',
    b'{"name":"\xff"}',
    b'{"name":"\xc0\x80"}',
    b'{"name":"a\nb"}',
    b'{"name":"\\x"}',
    b'{"name":"\\u12"}',
    b'\xef\xbb\xbf{"name":"a"}',
    '{"name":"a"}'.encode("utf-16"),
    b'{"name":"a"} {"name":"b"}',
    b"[" * 100_000,
    b'{"parts":' * 1000 + b"[]" + b"}" * 1000,
    b"{}// comment",
    b"nul",
    b'{"name":"a"}\0',
]


@pytest.mark.parametrize("raw", UNREADABLE, ids=lambda raw: repr(raw[:24]))
def test_what_is_not_json_cannot_be_read(raw: bytes) -> None:
    """Text that is not strict JSON, or too deep, or ambiguous, is refused whole."""
    with pytest.raises(Unreadable):
        validated(Thing, raw)


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b"[]", ""),
        (b"null", ""),
        (b'"a"', ""),
        (b'{"other":1}', "/other"),
        (b'{"a/b~c":1}', "/a~1b~0c"),
        (b'{"name":1}', "/name"),
        (b'{"name":null}', "/name"),
        (b'{"size":"1"}', "/size"),
        (b'{"size":1.0}', "/size"),
        (b'{"size":true}', "/size"),
        (b'{"size":9007199254740993}', "/size"),
        (b'{"size":' + b"9" * 4000 + b"}", "/size"),
        (b'{"share":"1"}', "/share"),
        (b'{"share":1e999}', "/share"),
        (b'{"is_open":0}', "/is_open"),
        (b'{"is_open":"true"}', "/is_open"),
        (b'{"day":20200101}', "/day"),
        (b'{"day":"2020-02-30"}', "/day"),
        (b'{"parts":{}}', "/parts"),
        (b'{"parts":[{},{"size":"x"}]}', "/parts/1/size"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_wrong_members_are_pointed_at(raw: bytes, pointer: str) -> None:
    """A member of another type, or unknown, is refused with a pointer to it."""
    with pytest.raises(Malformed) as caught:
        validated(Thing, raw)
    assert pointer in caught.value.pointers


@pytest.mark.parametrize(
    ("raw", "pointers"),
    [
        (rb'"\u0000"', [""]),
        (rb'{"name":"a\u0000b"}', ["/name"]),
        (rb'{"parts":[{},{"na/me":"\\\u0000"}]}', ["/parts/1/na~1me"]),
        (rb'{"parts":{"\u0000":1},"name":"\u0000"}', ["/parts", "/name"]),
    ],
)
def test_no_text_has_the_character_that_no_database_takes(
    raw: bytes, pointers: list[str]
) -> None:
    """U+0000 is refused in texts and in names, with a pointer to where it is."""
    with pytest.raises(Malformed) as caught:
        decoded(raw)
    assert list(caught.value.pointers) == pointers
    with pytest.raises(Malformed):
        validated(Thing, raw)


@pytest.mark.parametrize(
    "raw", [rb'"\\u0000"', rb'"\\\\u0000"', rb'"u0000"', rb'"\u0001"', rb'"\u000a"']
)
def test_what_only_looks_like_that_character_is_taken(raw: bytes) -> None:
    """An escaped backslash before u0000 is a backslash and five characters."""
    assert decoded(raw) == json.loads(raw)


def test_good_bodies_are_taken() -> None:
    """Every kind of member is taken in its own type, whatever its escapes."""
    raw = b'{"name":"\\ud83d\\ude00 \xc3\xa9","size":3,"share":1,"is_open":true,'
    raw += b'"day":"2020-02-29","parts":[{}]}'
    thing = validated(Thing, raw)
    assert thing.name == "\N{GRINNING FACE} é"
    assert (thing.size, thing.share, thing.is_open) == (3, 1.0, True)
    assert thing.day == datetime.date(2020, 2, 29)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_taken_or_refused(raw: bytes) -> None:
    """Whatever bytes come, they are decoded or refused with an error of ours."""
    try:
        decoded(raw)
    except CollegiumError:
        return
    json.loads(raw)


_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**20), 10**20)
        | st.floats(allow_nan=False, allow_infinity=False)
        | _TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner),
    )
)
def test_every_json_value_comes_back(value: Any) -> None:
    """What the standard library writes is decoded to the same value."""
    found = decoded(json.dumps(value).encode())
    assert found == value or (isinstance(value, float) and math.isclose(found, value))


@pytest.mark.parametrize(
    ("value", "is_taken"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('Application/JSON;charset="UTF-8"', True),
        ("application/json; charset=latin-1", False),
        ("application/jsonx", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        (None, False),
    ],
)
def test_media_types(value: str | None, is_taken: bool) -> None:
    """Only JSON in UTF-8 is taken, and it must say so."""
    headers = [] if value is None else [(b"content-type", value.encode())]
    if is_taken:
        require_media_type({"headers": headers}, ("application/json",))
    else:
        with pytest.raises(UnsupportedMediaType) as caught:
            require_media_type({"headers": headers}, ("application/json",))
        assert caught.value.accepted == ("application/json",)


def request_of(
    parts: list[bytes], *, ends: str = "", length: int | None = None
) -> Request:
    """Return a request whose body comes in parts, and then stays out or breaks off."""
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": True} for part in parts
    ]
    if not ends:
        messages[-1]["more_body"] = False
    if ends == "leaves":
        messages.append({"type": "http.disconnect"})
    queue = iter(messages)

    async def receive() -> Message:
        for message in queue:
            return message
        return await asyncio.Event().wait()  # type: ignore[return-value]

    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    return Request({"type": "http", "headers": headers}, receive)


async def test_bodies_in_parts_are_joined() -> None:
    """A body that comes in parts is read to its end."""
    limits = BodyLimits(size_bytes=6)
    assert await read_body(request_of([b"ab", b"", b"cdef"]), limits) == b"abcdef"


async def test_large_bodies_are_refused_early() -> None:
    """A body is refused by its announced length, or at the first byte too many."""
    limits = BodyLimits(size_bytes=5)
    with pytest.raises(TooLarge):
        await read_body(request_of([], ends="stays", length=6), limits)
    with pytest.raises(TooLarge):
        await read_body(request_of([b"abc", b"def"], ends="stays"), limits)


async def test_slow_bodies_are_given_up() -> None:
    """A body that does not end in time is not waited for."""
    with pytest.raises(BodyTooSlow):
        await read_body(request_of([b"a"], ends="stays"), BodyLimits(read_s=0.05))


async def test_broken_off_bodies_are_not_used() -> None:
    """A body whose client left is not taken for a whole one."""
    with pytest.raises(Unreadable):
        await read_body(request_of([b"{}"], ends="leaves"), BodyLimits())
