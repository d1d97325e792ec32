"""Serve an application on a socket of our own, until somebody says to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp

from collegium.errors import Misconfigured
from collegium.rest import certificates
from collegium.rest.certificates import server_tls
from collegium.rest.connections import Connection

BACKLOG = 2048
KEEP_ALIVE_S = 75
"""Longer than any client of ours keeps a connection, so that it is never we who close
one on which a request is just being sent."""
CLOSE_GRACE_S = 5


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates of a server.

    Parameters
    ----------
    cert, key : PEM files of the server itself.
    ca : PEM file of authorities; with it, clients must show a certificate of theirs.
    """

    cert: Path
    key: Path
    ca: Path | None = None

    @classmethod
    def named(cls, cert: Path | None, key: Path | None, ca: Path | None) -> Tls | None:
        """Return the certificates that settings name, None when they name none.

        Raises
        ------
        Misconfigured
            When only one of certificate and key is given.
        """
        if cert is None and key is None:
            return None
        if cert is None or key is None:
            raise Misconfigured(
                "A certificate needs its key: set both tls-cert and -key."
            )
        return cls(cert, key, ca)


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; it is not inherited by any process started later.

    Raises
    ------
    Misconfigured
        When the address cannot be had.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        sock = socket.create_server(
            (host, port), family=family, backlog=BACKLOG, reuse_port=False
        )
    except OSError as error:
        raise Misconfigured(f"Cannot listen on {host}:{port}: {error.strerror}.") from (
            error
        )
    sock.setblocking(False)
    return sock


def address_of(sock: socket.socket, *, is_tls: bool = False) -> str:
    """Return the base address that a listening socket answers at."""
    host, port = sock.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if is_tls else 'http'}://{name}:{port}"


class Server:
    """One application on one socket.

    Parameters
    ----------
    app : what is served.
    sock : listening socket.
    tls : certificates; None serves plain HTTP.
    before_end : awaited at the first SIGTERM or SIGINT, while requests are still
        answered; a second signal cuts it short.

    Raises
    ------
    Misconfigured
        When the certificates cannot be used.
    """

    def __init__(
        self,
        app: ASGIApp,
        sock: socket.socket,
        *,
        tls: Tls | None = None,
        before_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._sock = sock
        self._before_end = before_end
        self._ending: asyncio.Task[None] | None = None
        context = server_tls(tls.cert, tls.key, tls.ca) if tls is not None else None
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                loop="none",
                http=Connection,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=CLOSE_GRACE_S,
                ssl_context_factory=(lambda *_: context) if context else None,
            )
        )

    def run(self) -> None:
        """Serve until the end, on an event loop of our own."""
        uvloop.run(self.serve())

    async def serve(self) -> None:
        """Serve until the end, on the running event loop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        loop.add_signal_handler(signal.SIGHUP, certificates.renew)
        watching = loop.create_task(certificates.watch(), name="certificates")
        try:
            await self._uvicorn.serve(sockets=[self._sock])
        finally:
            watching.cancel()

    def end(self) -> None:
        """Begin to end; asked again, end without waiting."""
        if self._ending is None and self._before_end is not None:
            self._ending = asyncio.get_running_loop().create_task(self._end())
        else:
            self._uvicorn.should_exit = True

    async def _end(self) -> None:
        assert self._before_end is not None
        try:
            await self._before_end()
        finally:
            self._uvicorn.should_exit = True


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals are ours, as ending takes more than closing connections.
        yield
