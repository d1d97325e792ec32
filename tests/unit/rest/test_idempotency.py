"""Idempotency keys."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from collegium.errors import Unreadable
from collegium.rest.idempotency import claim_of


def request_of(key: str | None, *, path: str = "/things", kind: str = "j") -> Request:
    """Return a POST with a key."""
    headers = [(b"content-type", kind.encode())]
    if key is not None:
        headers.append((b"idempotency-key", key.encode("latin-1")))
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    return Request(scope)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('"abc"', "abc"),
        (' "abc" ', "abc"),
        ('"a \\"b\\" \\\\ c"', 'a "b" \\ c'),
        (
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
        ),
    ],
)
def test_keys_are_read(text: str, key: str) -> None:
    """A key is a quoted text, or a bare token as many clients send."""
    claim = claim_of(request_of(text), b"", principal="p")
    assert claim is not None
    assert claim.key == key


@pytest.mark.parametrize(
    "text",
    ["", '""', '"abc', "a b", '"a\\b"', '"é"', '"a", "b"', '"' + "x" * 256 + '"'],
)
def test_other_texts_are_refused(text: str) -> None:
    """Anything else cannot be read, and is not taken for no key."""
    with pytest.raises(Unreadable):
        claim_of(request_of(text), b"", principal="p")


def test_a_key_means_nothing_elsewhere() -> None:
    """Another sender or another address makes another scope; content does not."""
    claims = [
        claim_of(request_of('"k"'), b"x", principal="p"),
        claim_of(request_of('"k"'), b"x", principal="q"),
        claim_of(request_of('"k"', path="/others"), b"x", principal="p"),
    ]
    assert len({claim.scope for claim in claims if claim}) == 3
    again = claim_of(request_of('"k"'), b"y", principal="p")
    assert again is not None
    assert claims[0] is not None
    assert again.scope == claims[0].scope


def test_content_and_its_type_make_the_fingerprint() -> None:
    """Requests that differ in body or media type have different fingerprints."""
    found = {
        claim.fingerprint
        for claim in (
            claim_of(request_of('"k"'), b"x", principal="p"),
            claim_of(request_of('"k"'), b"y", principal="p"),
            claim_of(request_of('"k"', kind="t"), b"x", principal="p"),
        )
        if claim
    }
    assert len(found) == 3


def test_without_a_key_nothing_is_claimed() -> None:
    """A POST without the header is not remembered."""
    assert claim_of(request_of(None), b"x", principal="p") is None
