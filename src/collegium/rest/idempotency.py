"""Tell a repeated POST from a new one by its Idempotency-Key."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from starlette.requests import Request

from collegium.errors import Unreadable
from collegium.rest.headers import header

# A structured-field string (RFC 9651), or the bare token that many clients send.
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')
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
        When the header is neither a quoted string nor a token.
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
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if _TOKEN.fullmatch(text) is None:
        raise Unreadable(
            "Idempotency-Key is a quoted text of up to 255 ASCII characters."
        )
    return text
