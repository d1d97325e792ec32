"""Check the digests that a client sends with a body (RFC 9530)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import http_sf
from starlette.types import Scope

from collegium.errors import Unreadable
from collegium.rest.headers import header
from collegium.rest.problems import WrongDigest

_FIELDS = ("content-digest", "repr-digest")
"""Of a request whose body is neither encoded nor a part, both say the same."""
_ALGORITHMS: dict[str, Callable[[bytes], hashlib._Hash]] = {
    "sha-256": hashlib.sha256,
    "sha-512": hashlib.sha512,
}
"""Others are ignored, as the standard has it: some of them prove nothing."""
_QUICK_BYTES = 1 << 18
"""Up to this size hashing takes less time than asking a thread to do it."""


async def require_digests(scope: Scope, body: bytes) -> None:
    """Refuse a body that is not what the request's digests say.

    Raises
    ------
    Unreadable
        When a field is not a dictionary of byte sequences.
    WrongDigest
        When a digest is that of other bytes.
    """
    for field in _FIELDS:
        text = header(scope, field.encode())
        if text is None:
            continue
        for algorithm, promised in digests_of(text, field).items():
            found = await _digest(_ALGORITHMS[algorithm], body)
            if found != promised:
                raise WrongDigest(f"The body is not what {field} says of it.")


def digests_of(text: str, field: str) -> dict[str, bytes]:
    """Return the digests in a field by those algorithms that can be checked here.

    Raises
    ------
    Unreadable
        When the field is not a dictionary of byte sequences.
    """
    fault = Unreadable(f"{field} is not a list like sha-256=:...:.")
    try:
        members = http_sf.parse(text.encode("latin-1"), tltype="dictionary")
    except http_sf.StructuredFieldError:
        raise fault from None
    assert isinstance(members, dict)
    found: dict[str, bytes] = {}
    for algorithm, member in members.items():
        value = member[0] if isinstance(member, tuple) else member
        if not isinstance(value, bytes):
            raise fault
        if algorithm in _ALGORITHMS:
            found[algorithm] = value
    return found


async def _digest(algorithm: Callable[[bytes], hashlib._Hash], body: bytes) -> bytes:
    if len(body) <= _QUICK_BYTES:
        return algorithm(body).digest()
    return await asyncio.to_thread(lambda: algorithm(body).digest())
