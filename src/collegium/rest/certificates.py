"""Certificates of a program, as a server and as a client, renewed while it runs.

A connection keeps the certificates that it was made with; the next one gets those that
are in the files by then. What cannot be used is not taken: the former stay.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

from collegium.errors import Misconfigured

WATCH_INTERVAL_S = 5.0
OLDEST_VERSION = ssl.TLSVersion.TLSv1_2

_log = logging.getLogger(__name__)


class Renewable(ssl.SSLContext):
    """A context that begins each connection with the latest certificates.

    The event loops take one context when a server or client is made. This one hands
    every new connection to a context that can be exchanged.

    Parameters
    ----------
    make : reads the files; raises OSError or ValueError when they are of no use.
    files : what it reads.
    """

    def __new__(
        cls, make: Callable[[], ssl.SSLContext], *files: Path | None
    ) -> Renewable:
        """Make the context whose properties the loops look at."""
        return super().__new__(cls, make().protocol)

    def __init__(self, make: Callable[[], ssl.SSLContext], *files: Path | None) -> None:
        self.files = tuple(path for path in files if path is not None)
        self.make = make
        self.current = make()
        _alive.add(self)

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Begin a connection."""
        return self.current.wrap_bio(*args, **options)


_alive: WeakSet[Renewable] = WeakSet()
"""The contexts of this process: all are renewed together, or none."""


def server_tls(cert: Path, key: Path, ca: Path | None) -> ssl.SSLContext:
    """Return how to serve ``https``.

    Parameters
    ----------
    cert, key : PEM files to show.
    ca : PEM file of authorities; with it, clients must show a certificate of theirs.

    Raises
    ------
    Misconfigured
        When a file cannot be used.
    """

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = OLDEST_VERSION
        context.load_cert_chain(cert, key)
        if ca is not None:
            context.load_verify_locations(ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    return _made(make, cert, key, ca)


def client_tls(
    cert: Path | None, key: Path | None, ca: Path | None
) -> ssl.SSLContext | None:
    """Return how to call ``https`` addresses, None for the system's usual way.

    Parameters
    ----------
    cert, key : PEM files to show to servers that ask for a certificate.
    ca : PEM file of the only authorities to trust; None trusts the system's.

    Raises
    ------
    Misconfigured
        When a file cannot be used.
    """
    if cert is None and ca is None:
        return None

    def make() -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = OLDEST_VERSION
        if cert is not None:
            context.load_cert_chain(cert, key)
        return context

    return _made(make, cert, key, ca)


def renew() -> bool:
    """Read all certificates of this process again; return whether they are in use.

    When one cannot be used, every context keeps what it has, and the log has one line.
    """
    contexts = list(_alive)
    try:
        made = [context.make() for context in contexts]
    except (OSError, ValueError) as error:
        files = sorted({str(path) for context in contexts for path in context.files})
        _log.error(
            "the certificates in %s fail, the former stay: %s", ", ".join(files), error
        )
        return False
    for context, fresh in zip(contexts, made, strict=True):
        context.current = fresh
    _log.info("certificates were read again, for %d uses", len(contexts))
    return True


async def watch(interval_s: float = WATCH_INTERVAL_S) -> None:
    """Renew whenever a file has changed, until cancelled.

    A change is tried once: a certificate whose key comes later fails, and works with
    the change of the key.
    """
    seen = _signatures()
    while True:
        await asyncio.sleep(interval_s)
        found = _signatures()
        if found != seen:
            seen = found
            renew()


def _made(make: Callable[[], ssl.SSLContext], *files: Path | None) -> Renewable:
    try:
        return Renewable(make, *files)
    except (OSError, ValueError) as error:
        names = ", ".join(str(path) for path in files if path is not None)
        raise Misconfigured(f"The certificates in {names} fail: {error}.") from None


def _signatures() -> dict[Path, tuple[int, int, int] | None]:
    """Return what changes with a file, also when a link to it is exchanged."""
    paths = {path for context in _alive for path in context.files}
    return {path: _signature(path) for path in paths}


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
