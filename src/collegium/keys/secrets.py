"""What a key looks like, and the little that is kept of it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from itertools import pairwise

from collegium.rest.gate import KEY_PREFIX

SECRET_BYTES = 32

_PREFIX = KEY_PREFIX.decode()
_SHAPE = re.compile(rf"{_PREFIX}([0-9a-f]{{32}})_([A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True, slots=True)
class Secret:
    """The secret half of a key.

    A fast digest is enough to keep it by: nobody guesses 256 random bits, however many
    guesses a second they have. A slow one is for passwords that people think of, and
    would cost every request as much as it costs somebody who guesses.
    """

    text: str = field(repr=False)

    @classmethod
    def make(cls) -> Secret:
        """Return a new one, of 256 random bits."""
        return cls(secrets.token_urlsafe(SECRET_BYTES))

    @property
    def digest(self) -> str:
        """What is stored of it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def is_of(self, digest: str) -> bool:
        """Tell whether this is what a stored digest is of, in the same time always."""
        return hmac.compare_digest(self.digest, digest)


def key_of(key_id: str, secret: Secret) -> str:
    """Return a key as its holder shows it: its id without hyphens, and its secret."""
    return f"{_PREFIX}{key_id.replace('-', '')}_{secret.text}"


def parts_of(presented: bytes) -> tuple[str, Secret] | None:
    """Return id and secret of what somebody shows, None when it is no key."""
    match = _SHAPE.fullmatch(presented.decode("latin-1"))
    if match is None:
        return None
    digits = match[1]
    ends = (0, 8, 12, 16, 20, 32)
    key_id = "-".join(digits[a:b] for a, b in pairwise(ends))
    return key_id, Secret(match[2])
