"""How often anybody may ask: one place for all routes of a coordinator.

The fields are those of draft-ietf-httpapi-ratelimit-headers: a policy with quota and
window, and what is left of it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from pydantic import SecretStr
from starlette.types import Scope

from collegium.errors import Misconfigured
from collegium.rest.buckets import TokenBuckets, Verdict
from collegium.rest.headers import header

MOST_CALLERS = 100_000
POLICY_NAME = "default"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class RateLimits:
    """Counts requests against the quota of whoever makes them.

    A caller is a token that was let in before, else a client's address. So a guessed
    token is counted at the address that it came from, and everybody behind one address
    with a token has a quota of their own. The fleet's own token is not limited.

    Parameters
    ----------
    quota : requests in a window; 0 sets no limit.
    window_s : seconds.
    trusted : networks of proxies whose ``X-Forwarded-For`` is believed.
    unlimited : tokens that have no limit.
    clock_s : returns a time that only grows.
    """

    def __init__(
        self,
        quota: int,
        window_s: int,
        *,
        trusted: Sequence[Network] = (),
        unlimited: Iterable[SecretStr | None] = (),
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._buckets = TokenBuckets(max(1, quota), window_s, most=MOST_CALLERS)
        self._trusted = tuple(trusted)
        self._unlimited = {
            _digest(token.get_secret_value()) for token in unlimited if token
        }
        self._clock_s = clock_s
        self._known: OrderedDict[str, None] = OrderedDict()
        self._policy = f'"{POLICY_NAME}";q={quota};w={window_s}'.encode()
        self.is_on = quota > 0

    def charge(self, scope: Scope) -> Verdict | None:
        """Count a request at its caller; None when that one has no limit."""
        shown = _token(scope)
        if shown in self._unlimited:
            return None
        caller = shown if shown in self._known else self.address(scope)
        assert caller is not None
        return self._buckets.take(caller, self._clock_s())

    def let_in(self, scope: Scope) -> None:
        """Take in that the token of a request is a good one."""
        shown = _token(scope)
        if shown is None:
            return
        self._known[shown] = None
        self._known.move_to_end(shown)
        if len(self._known) > MOST_CALLERS:
            self._known.popitem(last=False)

    def turn_away(self, scope: Scope) -> None:
        """Take in that the token of a request is no good, or not any more."""
        self._known.pop(_token(scope) or "", None)

    def fields(self, verdict: Verdict) -> list[tuple[bytes, bytes]]:
        """Return the header fields that tell a caller how it stands."""
        left = f'"{POLICY_NAME}";r={verdict.remaining};t={verdict.full_after_s}'
        return [(b"ratelimit-policy", self._policy), (b"ratelimit", left.encode())]

    def address(self, scope: Scope) -> str:
        """Return where a request comes from, before the proxies that are trusted."""
        peer: str = (scope.get("client") or ("", 0))[0]
        forwarded = header(scope, b"x-forwarded-for")
        if forwarded is None or not self._is_trusted(peer):
            return peer
        # Each proxy appends whom it has heard: from the right, as far as they are ours.
        for hop in reversed(forwarded.split(",")):
            address = hop.strip()
            if not _is_address(address):
                return peer
            peer = address
            if not self._is_trusted(address):
                return peer
        return peer

    def _is_trusted(self, address: str) -> bool:
        if not self._trusted or not _is_address(address):
            return False
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._trusted)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks that texts as in ``10.0.0.0/8`` name.

    Raises
    ------
    Misconfigured
        When one is not a network.
    """
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise Misconfigured(
            f"A trusted proxy is an address or network: {error}."
        ) from (None)


def _token(scope: Scope) -> str | None:
    scheme, _, shown = (header(scope, b"authorization") or "").partition(" ")
    return _digest(shown.strip()) if scheme.lower() == "bearer" else None


def _digest(token: str) -> str:
    # No token is kept in memory longer than its request.
    return hashlib.blake2b(token.encode(), digest_size=16).hexdigest()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
