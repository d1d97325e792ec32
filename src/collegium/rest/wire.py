"""A client for the one hop that every task makes: bare HTTP/1.1 over kept connections.

General clients spend several times the work of the hop itself on what is not needed
here: cookies, redirects, compression, proxies, pools with fairness. This one sends a
request whole, reads an answer whole up to a limit, and knows exactly one retry: when a
kept connection turns out to be closed before anything of an answer has come.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools

CONNECT_TIMEOUT_S = 2.0
IDLE_S = 30.0
"""Less than servers keep a connection, so that seldom is one closed under a request."""
MOST_ADDRESSES = 100_000
_FORBIDDEN = ("\r", "\n", "\0")


class ConnectFailed(ConnectionError):
    """No connection could be made: nothing was sent."""


class BrokenOff(ConnectionError):
    """The connection ended before the answer did."""


class AnswerRefused(ConnectionError):
    """The answer is not HTTP, or larger than allowed."""


class WireAnswer(NamedTuple):
    """Status and content of an answer."""

    status: int
    body: bytes


class Wire:
    """Connections to workers, kept for the next request.

    Parameters
    ----------
    fields : header fields of every request.
    limit_bytes : largest content of an answer.
    tls : for addresses that begin with https; None trusts the system's authorities.
    """

    def __init__(
        self,
        fields: dict[str, str],
        *,
        limit_bytes: int = 64 * 2**20,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._fields = _encoded(fields)
        self._limit_bytes = limit_bytes
        self._tls = tls
        self._idle: dict[str, deque[_Connection]] = {}
        self._heads: dict[str, bytes] = {}
        self._all: set[_Connection] = set()

    async def request(
        self,
        method: str,
        base: str,
        path: str,
        body: bytes = b"",
        fields: dict[str, str] | None = None,
    ) -> WireAnswer:
        """Send a request and return its answer; how long to wait is for the caller.

        Cancelling the call closes the connection.

        Parameters
        ----------
        base : address as in ``http://host:port``; checked where it was announced.
        path : escaped, beginning with a slash.

        Raises
        ------
        ConnectFailed, BrokenOff, AnswerRefused
            When there is no answer; see there.
        """
        head = [method.encode(), b" ", path.encode("ascii"), self._head(base)]
        if fields:
            head.append(_encoded(fields))
        head.append(b"content-length: %d\r\n\r\n" % len(body))
        data = b"".join([*head, body])
        kept = self._take(base)
        if kept is not None:
            try:
                return await self._exchange(kept, base, data)
            except BrokenOff:
                if kept.has_heard:
                    raise
        return await self._exchange(await self._connect(base), base, data)

    def close(self) -> None:
        """Close every connection; what waits for an answer raises BrokenOff."""
        for connection in list(self._all):
            connection.abort()

    async def _exchange(
        self, connection: _Connection, base: str, data: bytes
    ) -> WireAnswer:
        try:
            answer = await connection.ask(data)
        except BaseException:
            # Whatever comes on it now would be taken for the next answer.
            connection.abort()
            raise
        if connection.is_reusable:
            self._keep(base, connection)
        return answer

    def _take(self, base: str) -> _Connection | None:
        idle = self._idle.get(base)
        now_s = asyncio.get_running_loop().time()
        while idle:
            connection = idle.pop()
            if connection.is_reusable and now_s - connection.idle_since_s < IDLE_S:
                return connection
            connection.abort()
        return None

    def _keep(self, base: str, connection: _Connection) -> None:
        now_s = asyncio.get_running_loop().time()
        connection.idle_since_s = now_s
        idle = self._idle.setdefault(base, deque())
        idle.append(connection)
        if now_s - idle[0].idle_since_s > IDLE_S:
            idle.popleft().abort()

    async def _connect(self, base: str) -> _Connection:
        parts = urlsplit(base)
        assert parts.hostname is not None
        assert parts.port is not None
        context = (self._tls or True) if parts.scheme == "https" else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._limit_bytes, self._all),
                    parts.hostname,
                    parts.port,
                    ssl=context,
                )
        except TimeoutError:
            raise ConnectFailed(f"{base} takes no connection in time") from None
        except OSError as error:
            raise ConnectFailed(f"{base} takes no connection: {error}") from None
        return connection

    def _head(self, base: str) -> bytes:
        head = self._heads.get(base)
        if head is None:
            host = urlsplit(base).netloc.encode("ascii")
            head = b" HTTP/1.1\r\nhost: " + host + b"\r\n" + self._fields
            if len(self._heads) > MOST_ADDRESSES:
                self._heads.clear()
            self._heads[base] = head
        return head


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, limit_bytes: int, registry: set[_Connection]) -> None:
        self.idle_since_s = 0.0
        self.has_heard = False
        self._limit_bytes = limit_bytes
        self._registry = registry
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[WireAnswer] | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._is_kept = True

    @property
    def is_reusable(self) -> bool:
        """Whether another request can be sent."""
        return self._is_kept and self._transport is not None and self._answer is None

    async def ask(self, data: bytes) -> WireAnswer:
        """Send a request and wait for its answer."""
        if self._transport is None or self._transport.is_closing():
            self.has_heard = False
            raise BrokenOff("the connection was closed while nobody used it")
        self.has_heard = False
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return await self._answer

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._registry.add(self)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self.has_heard = True
        if self._answer is None:
            self._refuse("the server speaks without being asked")
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._refuse(f"the answer is not HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """End; whoever waits is told."""
        self._transport = None
        self._registry.discard(self)
        self._fail(BrokenOff(f"the connection ended: {exc or 'closed by the server'}"))

    def on_body(self, body: bytes) -> None:
        """Collect a part of the content."""
        self._size += len(body)
        if self._size > self._limit_bytes:
            self._refuse(f"the answer has more than {self._limit_bytes} bytes")
            return
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        status = self._parser.get_status_code()
        if status < 200:
            return  # a word on the way, not the answer
        parts, self._parts, self._size = self._parts, [], 0
        self._is_kept = self._parser.should_keep_alive()
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(WireAnswer(status, body))
        if not self._is_kept:
            self.abort()

    def _refuse(self, reason: str) -> None:
        self._is_kept = False
        self._fail(AnswerRefused(reason))
        self.abort()

    def _fail(self, error: ConnectionError) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)


def _encoded(fields: dict[str, str]) -> bytes:
    lines = []
    for name, value in fields.items():
        if any(mark in value for mark in _FORBIDDEN):
            raise ValueError(f"The header {name} cannot hold such a value.")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode("latin-1")
