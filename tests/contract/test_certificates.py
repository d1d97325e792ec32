"""TLS between workers and coordinators, with an authority of the tests' own."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import trustme
import uvicorn

from collegium.errors import Misconfigured
from collegium.rest.application import Application
from collegium.rest.certificates import client_tls
from collegium.rest.connections import Connection
from collegium.rest.health import health_router
from collegium.settings import WorkerSettings
from collegium.worker.parts import client_session
from fixtures.cluster import Client, Cluster
from fixtures.serving import running
from fixtures.waiting import until

START_S = 90.0


class Files:
    """An authority, and a certificate of it for this machine."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        authority = trustme.CA()
        self.ca, self.cert, self.key = (
            folder / name for name in ("ca.pem", "cert.pem", "key.pem")
        )
        authority.cert_pem.write_to_path(self.ca)
        issued = authority.issue_cert("127.0.0.1", "localhost")
        issued.private_key_pem.write_to_path(self.key)
        for number, part in enumerate(issued.cert_chain_pems):
            part.write_to_path(self.cert, append=number > 0)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Return certificates that nobody else trusts."""
    return Files(tmp_path / "ours")


@asynccontextmanager
async def https(files: Files, *, is_mutual: bool) -> AsyncIterator[str]:
    """Serve over TLS as coordinators do; give the address of something to ask."""
    app = Application(title="Health")
    app.include_router(health_router(lambda request: {}), prefix="/health")
    config = uvicorn.Config(
        app,
        http=Connection,
        lifespan="off",
        log_config=None,
        ssl_certfile=str(files.cert),
        ssl_keyfile=str(files.key),
        ssl_ca_certs=str(files.ca) if is_mutual else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if is_mutual else ssl.CERT_NONE,
    )
    async with running(config) as sock:
        yield f"https://127.0.0.1:{sock.getsockname()[1]}/health/live"


async def status_for(address: str, **options: Path) -> int:
    """Return what a worker with these settings is answered."""
    settings = WorkerSettings(**options)
    tls = client_tls(settings.tls_cert, settings.tls_key, settings.tls_ca)
    async with client_session(settings, tls) as session, session.get(address) as answer:
        return answer.status


async def test_a_private_authority_is_trusted(files: Files, tmp_path: Path) -> None:
    """With ``tls_ca`` a worker trusts that authority; without, or with another, not."""
    others = Files(tmp_path / "theirs")
    async with https(files, is_mutual=False) as address:
        assert await status_for(address, tls_ca=files.ca) == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await status_for(address)
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await status_for(address, tls_ca=others.ca)


async def test_own_certificates_are_shown(files: Files, tmp_path: Path) -> None:
    """Where clients must show a certificate, a worker shows its own."""
    others = Files(tmp_path / "theirs")
    async with https(files, is_mutual=True) as address:
        own = {"tls_cert": files.cert, "tls_key": files.key, "tls_ca": files.ca}
        assert await status_for(address, **own) == 200
        with pytest.raises(aiohttp.ClientError):
            await status_for(address, tls_ca=files.ca)
        own = {"tls_cert": others.cert, "tls_key": others.key, "tls_ca": files.ca}
        with pytest.raises(aiohttp.ClientError):
            await status_for(address, **own)


def test_unusable_files_are_one_error(files: Files, tmp_path: Path) -> None:
    """A file that is missing, or not what it should be, is named at the start."""
    missing = tmp_path / "missing.pem"
    with pytest.raises(Misconfigured, match=r"missing\.pem"):
        client_tls(None, None, missing)
    with pytest.raises(Misconfigured, match=r"ca\.pem"):
        client_tls(files.cert, files.ca, files.ca)
    assert client_tls(None, None, None) is None


@pytest.mark.processes
async def test_a_fleet_with_mutual_tls(cluster: Cluster, files: Files) -> None:
    """Both programs show certificates to each other, and tasks are done."""
    options = ["--tls-cert", files.cert, "--tls-key", files.key, "--tls-ca", files.ca]
    certificates = list(map(str, options))
    cluster.url = cluster.url.replace("http:", "https:")
    cluster.start_coordinator(*certificates)
    cluster.start_worker("trusted", *certificates)
    cluster.start_worker("stranger", "--tls-ca", str(files.ca))
    tls = client_tls(files.cert, files.key, files.ca)
    assert tls is not None
    async with aiohttp.ClientSession(
        cluster.url, connector=aiohttp.TCPConnector(ssl=tls)
    ) as session:
        client = Client(session)
        await until(client.is_ready, START_S)
        await until(lambda: client.are_up("trusted"), START_S)
        assert (await client.run("echo", {"value": 1}))[0] == 200
        workers = await client.workers()
        assert workers["trusted"]["url"].startswith("https:")
        assert "stranger" not in workers
        await until(lambda: _has_done(client, 1), START_S)


async def _has_done(client: Client, count: int) -> bool:
    return bool((await client.workers())["trusted"]["tasks_completed"] == count)
