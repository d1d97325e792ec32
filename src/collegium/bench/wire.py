"""A client that costs little beside the server it loads: bytes out, bytes in.

It keeps a fixed number of connections busy, one request at a time on each, and reads
nothing of an answer but its status and its length.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

Script = Callable[[int], bytes]
"""Given the number of the request, returns its bytes."""


def request_bytes(method: str, path: str, body: bytes = b"", **fields: str) -> bytes:
    """Return a request as it goes to the wire.

    Parameters
    ----------
    method : as in GET.
    path : with the query string, escaped.
    body : content.
    fields : further header fields; ``_`` stands for ``-``.
    """
    head = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    if body:
        head.append(f"content-length: {len(body)}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


@dataclass(slots=True)
class Tally:
    """What came of a run.

    Parameters
    ----------
    seconds : how long it took.
    statuses : number of answers by status.
    latencies_s : of each answer.
    """

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.latencies_s) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """Return the time within which a share of the answers came."""
        ordered = sorted(self.latencies_s)
        return 1000.0 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def load(
    port: int, script: Script, *, seconds: float, connections: int = 32
) -> Tally:
    """Ask a server on this machine as fast as it answers.

    Parameters
    ----------
    port : of the server on 127.0.0.1.
    script : makes the requests.
    seconds : after this, no request is begun.
    connections : requests under way at once.

    Raises
    ------
    ConnectionError
        When the server closes a connection.
    """
    loop = asyncio.get_running_loop()
    tally = Tally()
    numbers = iter(range(10**9))
    began = time.perf_counter()
    deadline = began + seconds
    clients = [
        (
            await loop.create_connection(
                lambda: _Client(script, tally, numbers, deadline), "127.0.0.1", port
            )
        )[1]
        for _ in range(connections)
    ]
    try:
        await asyncio.gather(*(client.done for client in clients))
    finally:
        for client in clients:
            client.close()
    tally.seconds = time.perf_counter() - began
    return tally


class _Client(asyncio.Protocol):
    """One connection, asking again as soon as it is answered."""

    def __init__(
        self, script: Script, tally: Tally, numbers: object, deadline: float
    ) -> None:
        self._script = script
        self._tally = tally
        self._numbers = numbers
        self._deadline = deadline
        self._missing = 0
        self._head = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def close(self) -> None:
        """Leave."""
        self._transport.close()

    def _ask(self) -> None:
        self._sent = time.perf_counter()
        if self._sent >= self._deadline:
            self.done.set_result(None)
            return
        self._transport.write(self._script(next(self._numbers)))  # type: ignore[call-overload]

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            data = self._head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return
            self._head = b""
            self._missing = _length(data[:end]) - (len(data) - end - 4)
            self._status = int(data[9:12])
        if self._missing <= 0:
            self._missing = 0
            statuses = self._tally.statuses
            statuses[self._status] = statuses.get(self._status, 0) + 1
            self._tally.latencies_s.append(time.perf_counter() - self._sent)
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server has left"))


def _length(head: bytes) -> int:
    """Return the Content-Length of an answer, 0 without one."""
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    end = lower.find(b"\r\n", at + 2)
    return int(lower[at + 17 : end if end > 0 else None])
