"""Digests that come with a body (RFC 9530)."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import Unreadable
from collegium.rest.digests import digests_of, require_digests
from collegium.rest.problems import WrongDigest, kind_of

BODY = b'{"hello": "world"}'


def said(algorithm: str, data: bytes) -> str:
    """Return a digest as a field says it."""
    digest = hashlib.new(algorithm.replace("-", ""), data).digest()
    return f"{algorithm}=:{base64.b64encode(digest).decode()}:"


async def check(field: str, text: str, body: bytes = BODY) -> None:
    """Check a body that came with one field."""
    fields = [(field.encode(), text.encode("latin-1"))]
    await require_digests({"type": "http", "headers": fields}, body)


@pytest.mark.parametrize("field", ["content-digest", "repr-digest"])
@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
async def test_digests_are_compared(field: str, algorithm: str) -> None:
    """The digest of the body passes, that of another is refused with 400."""
    await check(field, said(algorithm, BODY))
    with pytest.raises(WrongDigest) as caught:
        await check(field, said(algorithm, b"other"))
    assert kind_of(caught.value).status == 400


async def test_a_digest_of_the_standard() -> None:
    """The example of RFC 9530, appendix D, is right for its body."""
    example = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    await check("content-digest", example, b'{"hello": "world"}\n')
    with pytest.raises(WrongDigest):
        await check("content-digest", example)


async def test_every_digest_must_be_right() -> None:
    """One wrong among right ones is refused; of unknown algorithms nothing is said."""
    await check("content-digest", f"{said('sha-256', BODY)}, {said('sha-512', BODY)}")
    await check("content-digest", f"md5=:AAAA:, {said('sha-256', BODY)}")
    await check("content-digest", "unixsum=:AAAA:")
    with pytest.raises(WrongDigest):
        await check("content-digest", f"{said('sha-256', BODY)}, sha-512=:AAAA:")


async def test_large_bodies_are_hashed_elsewhere() -> None:
    """What takes long to hash does not hold the loop, and is compared as well."""
    body = bytes(2**20)
    await check("repr-digest", said("sha-256", body), body)
    with pytest.raises(WrongDigest):
        await check("repr-digest", said("sha-256", BODY), body)


async def test_no_digest_asks_for_nothing() -> None:
    """Without a field every body passes."""
    await require_digests({"type": "http", "headers": []}, BODY)


@pytest.mark.parametrize(
    "text",
    ["sha-256", "sha-256=abc", "sha-256=:AA", "sha-256=:?:", '"x"', "é", "sha-256=1"],
)
def test_what_is_no_digest_cannot_be_read(text: str) -> None:
    """A field of another form is an error, not no field."""
    with pytest.raises(Unreadable):
        digests_of(text, "content-digest")


@given(st.dictionaries(st.sampled_from(["sha-256", "sha-512"]), st.binary()))
def test_what_is_written_is_read(digests: dict[str, bytes]) -> None:
    """Any byte sequences survive the field, whatever stands around them."""
    parts = [f"{a}=:{base64.b64encode(d).decode()}:" for a, d in digests.items()]
    assert digests_of(" ,  ".join([*parts, "other=1;p"][: len(parts)]), "x") == digests


@given(st.text(st.characters(max_codepoint=255)))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text of a field makes a fault of ours."""
    try:
        digests_of(text, "content-digest")
    except Unreadable:
        return
