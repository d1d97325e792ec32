"""Tell a repeated POST from a new one by its Idempotency-Key."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import http_sf
from starlette.requests import Request

from collegium.errors import Unreadable
from collegium.rest.headers import header

LONGEST = 255
"""Characters of a key."""
# Many clients send a bare UUID in place of a string in quotes.
_TOKEN = re.compile(r"[A-Za-z0-9*][\w!#$%&'*+.^`|~:/-]{0,254}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claim:
    """What identifies one intended effect.

    Parameters
    ----------
    scope : who sent it and where to; a key means nothing elsewhere.
    key : the client's own.
    fingerprint : digest of the request's content.
    """

    scope: str
    key: str
    fingerprint: str


def claim_of(request: Request, body: bytes, *, principal: str) -> Claim | None:
    """Return what the Idempotency-Key of a request claims, None without one.

    Raises
    ------
    Unreadable
        When the header is neither a string (RFC 9651) nor a token.
    """
    text = header(request.scope, b"idempotency-key")
    if text is None:
        return None
    key = _key(text.strip())
    scope = f"{principal} {request.method} {request.scope['path']}"
    content_type = header(request.scope, b"content-type") or ""
    digest = hashlib.blake2b(content_type.encode() + b"\0" + body, digest_size=16)
    return Claim(scope, key, digest.hexdigest())


def _key(text: str) -> str:
    if _TOKEN.fullmatch(text) is not None:
        return text
    try:
        item = http_sf.parse(text.encode("latin-1"), tltype="item")
    except http_sf.StructuredFieldError:
        item = None
    value = item[0] if isinstance(item, tuple) else item
    # What is no string is no key; tokens have a class of their own.
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST:
        raise Unreadable(
            f"Idempotency-Key is a quoted text of up to {LONGEST} ASCII characters."
        )
    return value
