"""What every request passes first and every answer last, in one cheap layer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import uuid_utils
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collegium import logs
from collegium.errors import Unauthenticated, Unreadable
from collegium.rest.limits import RateLimits
from collegium.rest.problems import HeadersTooLarge, RateLimited, problem_response
from collegium.tracing import spans

SECURITY_FIELDS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_UNSHARED = frozenset({b"no-store", b"private, no-cache"})
"""What needs no second look."""
_HOST = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?"
)
_TRACE = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

Observer = Callable[[Scope, int, float], None]
"""Is told of every answer as it begins: the request's scope, the status, and the
seconds since the request's header was there."""

Gate = Callable[[Scope], None]
"""Sees every request first; raises Unauthenticated or Forbidden to turn it away."""


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """What the header of a request may take.

    Parameters
    ----------
    size_bytes : names and values together.
    count : number of fields.
    """

    size_bytes: int = 16 * 2**10
    count: int = 100


class Guards:
    """ASGI layer around everything: framing, names, safe defaults, last resort.

    Parameters
    ----------
    app : what is guarded.
    limits : bounds of headers.
    observer : told of each answer, for metrics and logs.
    gate : lets requests in or turns them away.
    rates : how often anybody may ask; None for as often as they like.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: HeaderLimits,
        observer: Observer | None = None,
        gate: Gate | None = None,
        rates: RateLimits | None = None,
    ) -> None:
        self._app = app
        self._gate = gate
        self._rates = rates if rates is not None and rates.is_on else None
        self._limits = limits
        self._observer = observer
        self._good_hosts: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; whatever is raised on the way becomes a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self._observer)
        try:
            exchange.name(self._inspect(scope), is_authorized=_has_credentials(scope))
        except (Unreadable, HeadersTooLarge) as error:
            await _refuse(error, scope, receive, exchange)
            return
        if spans.is_on() and not is_housekeeping(scope):
            with spans.server(scope["method"]):
                await self._serve(scope, receive, exchange)
        else:
            await self._serve(scope, receive, exchange)

    async def _serve(self, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
        try:
            if self._rates is not None:
                self._limit(self._rates, scope, exchange)
            if self._gate is not None:
                self._gate(scope)
            await self._app(scope, receive, exchange.send)
        except Exception as error:
            if self._rates is not None and isinstance(error, Unauthenticated):
                self._rates.turn_away(scope)
            if exchange.is_started:
                # Too late for another answer: the server cuts the connection.
                raise
            await _refuse(error, scope, receive, exchange)

    def _limit(self, rates: RateLimits, scope: Scope, exchange: _Exchange) -> None:
        """Turn a request away whose caller has used up what it may.

        Raises
        ------
        RateLimited
            When it has.
        """
        exchange.rates = rates
        if is_housekeeping(scope):
            return
        verdict = rates.charge(scope)
        if verdict is None:
            return
        exchange.fields = rates.fields(verdict)
        if not verdict.is_admitted:
            raise RateLimited(
                "You have asked more often than you may.",
                retry_after_s=verdict.retry_after_s,
            )

    def _inspect(self, scope: Scope) -> bytes | None:
        """Check the header's form; return the request id that a client has sent.

        Raises
        ------
        BadFraming
            When there is not exactly one valid Host, or the end of the body is said
            in two ways.
        HeadersTooLarge
            When the header is larger than allowed.
        """
        fields = scope["headers"]
        size = hosts = lengths = 0
        is_chunked = False
        request_id = None
        for name, value in fields:
            size += len(name) + len(value)
            if name == b"host":
                hosts += 1
                self._check_host(value)
            elif name == b"content-length":
                lengths += 1
            elif name == b"transfer-encoding":
                is_chunked = True
            elif name == b"x-request-id":
                request_id = value
            elif name == b"traceparent" and _TRACE.fullmatch(value):
                logs.traceparent.set(value.decode())
        if hosts != 1 and not (hosts == 0 and scope.get("http_version") == "1.0"):
            raise BadFraming("A request needs exactly one Host header.")
        if lengths > 1 or (lengths and is_chunked):
            raise BadFraming("Say the length of the body once.")
        if size > self._limits.size_bytes or len(fields) > self._limits.count:
            raise HeadersTooLarge(
                f"Header fields may take {self._limits.size_bytes} bytes "
                f"and be {self._limits.count}."
            )
        return request_id

    def _check_host(self, value: bytes) -> None:
        if value in self._good_hosts:
            return
        if _HOST.fullmatch(value) is None:
            raise BadFraming("The Host header is not a host.")
        if len(self._good_hosts) < 1000:
            self._good_hosts.add(value)


async def _refuse(
    error: Exception, scope: Scope, receive: Receive, exchange: _Exchange
) -> None:
    response = problem_response(error, scope)
    if isinstance(error, BadFraming):
        response.headers["connection"] = "close"
    await response(scope, receive, exchange.send)


def is_housekeeping(scope: Scope) -> bool:
    """Tell whether a request is one that machines make all the time.

    These are checks of health, scrapes of metrics, and what workers say of themselves;
    nobody wants a trace of them, and nobody wants them to be turned away.
    """
    path: str = scope["path"]
    if path.startswith("/v1/workers/"):
        return scope["method"] in ("PUT", "DELETE")
    return path.startswith("/health/") or path in ("/metrics", "/v1/self")


def _has_credentials(scope: Scope) -> bool:
    return any(name == b"authorization" for name, _ in scope["headers"])


def _made_private(field: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Return a field with which no shared cache keeps what somebody was shown."""
    name, value = field
    if name != b"cache-control" or value in _UNSHARED:
        return field
    parts = [part.strip() for part in value.split(b",")]
    if b"private" in parts or b"no-store" in parts:
        return field
    return name, b", ".join([b"private", *(p for p in parts if p != b"public")])


IS_KNOWN = "is_known"
"""In the state of a request that has shown a good token or key."""


class BadFraming(Unreadable):
    """Where this request ends, or whom it is for, is not clear."""


class _Exchange:
    """One request and its answer."""

    __slots__ = (
        "_began_s",
        "_id",
        "_is_authorized",
        "_is_head",
        "_is_over",
        "_observer",
        "_scope",
        "_send",
        "fields",
        "is_started",
        "rates",
    )

    def __init__(self, scope: Scope, send: Send, observer: Observer | None) -> None:
        self._scope = scope
        self._send = send
        self._observer = observer
        self._began_s = time.perf_counter()
        self._is_head = scope["method"] == "HEAD"
        self._is_authorized = False
        self._is_over = False
        self._id = b""
        self.is_started = False
        self.fields: list[tuple[bytes, bytes]] = []
        self.rates: RateLimits | None = None

    def name(self, wished: bytes | None, *, is_authorized: bool) -> None:
        """Give the request its id: the client's own, or a new one."""
        self._is_authorized = is_authorized
        if wished is not None and _REQUEST_ID.fullmatch(wished):
            self._id = wished
        else:
            self._id = str(uuid_utils.uuid7()).encode()
        state: dict[str, Any] = self._scope.setdefault("state", {})
        text = state["request_id"] = self._id.decode()
        # Each request runs in a task, and hence a context, of its own.
        logs.request_id.set(text)

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on, completed."""
        if message["type"] == "http.response.start":
            self.is_started = True
            self._complete(message)
        elif self._is_head:
            # HEAD: the fields that a GET would have, and nothing behind them.
            if self._is_over:
                return
            self._is_over = True
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    def _complete(self, message: Message) -> None:
        fields: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
        names = {name for name, _ in fields}
        if b"cache-control" not in names:
            fields.append((b"cache-control", b"no-store"))
        elif self._is_authorized:
            fields = [_made_private(field) for field in fields]
        if self._is_authorized:
            fields.append((b"vary", b"authorization"))
        if b"content-security-policy" not in names:
            fields.append(_POLICY)
        fields.append((b"x-request-id", self._id))
        fields.extend(SECURITY_FIELDS)
        fields.extend(self.fields)
        if self.rates is not None and IS_KNOWN in self._scope["state"]:
            self.rates.let_in(self._scope)
        message["headers"] = fields
        if spans.is_on():
            route = self._scope.get("collegium.route", "")
            spans.answered(self._scope["method"], route, message["status"])
        if self._observer is not None:
            seconds = time.perf_counter() - self._began_s
            self._observer(self._scope, message["status"], seconds)
