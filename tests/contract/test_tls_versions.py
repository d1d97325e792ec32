"""Which versions of TLS a coordinator and a worker speak."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from collegium.rest.application import Application
from collegium.rest.health import health_router
from collegium.rest.server import Server, Tls, bind

OLD = [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]
GOOD = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """Serve over TLS by the server that all programs use; give where."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    app = Application(title="Health")
    app.include_router(health_router(lambda request: {}), prefix="/health")
    sock = bind("127.0.0.1", 0)
    address = sock.getsockname()[:2]
    server = Server(app, sock, tls=Tls(folder / "cert.pem", folder / "key.pem"))
    task = asyncio.create_task(server.serve())
    try:
        yield address
    finally:
        server.end()
        await task


def spoken(address: tuple[str, int], version: ssl.TLSVersion) -> str | None:
    """Return the version that a client of only one version gets, None when refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # A client as careless as can be: the refusal has to come from the server.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(address, timeout=30) as plain:
        try:
            with context.wrap_socket(plain) as secured:
                secured.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert secured.recv(12) == b"HTTP/1.1 200"
                return secured.version()
        except (ssl.SSLError, ConnectionError):
            return None


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_versions_are_refused(tmp_path: Path) -> None:
    """TLS 1.2 and 1.3 are spoken, what is older is not."""
    async with served(tmp_path) as address:
        good = [await asyncio.to_thread(spoken, address, v) for v in GOOD]
        assert good == ["TLSv1.2", "TLSv1.3"]
        old = [await asyncio.to_thread(spoken, address, v) for v in OLD]
        assert old == [None, None]
