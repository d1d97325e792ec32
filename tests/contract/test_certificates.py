"""TLS between workers and coordinators, with an authority of the tests' own."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import trustme
import uvicorn
from cryptography import x509

from collegium.errors import Misconfigured
from collegium.rest.application import Application
from collegium.rest.certificates import client_tls, renew, server_tls, watch
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
        self.ca, self.cert, self.key = (
            folder / name for name in ("ca.pem", "cert.pem", "key.pem")
        )
        self.authority = trustme.CA()
        self.serial = self.issue()

    def issue(self, authority: trustme.CA | None = None) -> int:
        """Write a new certificate, of a new authority if one is given."""
        self.authority = authority or self.authority
        self.authority.cert_pem.write_to_path(self.ca)
        issued = self.authority.issue_cert("127.0.0.1", "localhost")
        issued.private_key_pem.write_to_path(self.key)
        for number, part in enumerate(issued.cert_chain_pems):
            part.write_to_path(self.cert, append=number > 0)
        raw = issued.cert_chain_pems[0].bytes()
        self.serial = x509.load_pem_x509_certificate(raw).serial_number
        return self.serial


async def serial_at(address: str, files: Files) -> int:
    """Return the serial number of the certificate that a new connection is shown."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    pem = await asyncio.to_thread(
        ssl.get_server_certificate,
        (parts.hostname, parts.port or 0),
        ca_certs=str(files.ca),
    )
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Return certificates that nobody else trusts."""
    return Files(tmp_path / "ours")


@asynccontextmanager
async def https(files: Files, *, is_mutual: bool) -> AsyncIterator[str]:
    """Serve over TLS as coordinators do; give the address of something to ask."""
    app = Application(title="Health")
    app.include_router(health_router(lambda request: {}), prefix="/health")
    tls = server_tls(files.cert, files.key, files.ca if is_mutual else None)
    config = uvicorn.Config(
        app,
        http=Connection,
        lifespan="off",
        log_config=None,
        ssl_context_factory=lambda *_: tls,
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


async def test_renewed_while_it_runs(files: Files) -> None:
    """New connections are shown the new certificate; old ones live on with theirs."""
    async with https(files, is_mutual=False) as address:
        assert await serial_at(address, files) == files.serial
        tls = client_tls(None, None, files.ca)
        assert tls is not None
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port, ssl=tls
        )
        request = f"GET {parts.path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
        first, second = files.serial, files.issue()
        assert first != second
        assert renew()
        assert await serial_at(address, files) == second
        # The connection of before still serves.
        writer.write(request)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_an_authority_is_exchanged(files: Files, tmp_path: Path) -> None:
    """Where both sides show certificates, the former authority counts no more."""
    former = Files(tmp_path / "former")
    former.issue(files.authority)
    async with https(files, is_mutual=True) as address:
        own = {"tls_cert": files.cert, "tls_key": files.key, "tls_ca": files.ca}
        settings = WorkerSettings(**own)
        tls = client_tls(settings.tls_cert, settings.tls_key, settings.tls_ca)
        async with client_session(settings, tls) as session, session.get(address) as ok:
            assert ok.status == 200
        files.issue(trustme.CA())
        assert renew()
        # The context of before: a client renews what it shows and whom it trusts, too.
        async with client_session(settings, tls) as session, session.get(address) as ok:
            assert ok.status == 200
        stranger = {"tls_cert": former.cert, "tls_key": former.key, "tls_ca": files.ca}
        with pytest.raises(aiohttp.ClientError):
            await status_for(address, **stranger)


@pytest.mark.parametrize("broken", ["cert", "key", "ca", "missing"])
async def test_broken_files_change_nothing(
    files: Files, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    """The former certificates stay, and one line of the log says so."""
    async with https(files, is_mutual=True) as address:
        own = {"tls_cert": files.cert, "tls_key": files.key, "tls_ca": files.ca}
        kept = {name: path.read_bytes() for name, path in own.items()}
        if broken == "missing":
            files.key.unlink()
        else:
            own[f"tls_{broken}"].write_text("nonsense")
        caplog.clear()
        assert not renew()
        (line,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
        assert "the former stay" in line.getMessage()
        for name, path in own.items():
            path.write_bytes(kept[name])
        assert await status_for(address, **own) == 200


async def test_a_changed_file_is_noticed(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """A certificate whose key comes later is taken when both are there."""
    async with https(files, is_mutual=False) as address:
        watching = asyncio.create_task(watch(0.02))
        former = files.serial
        key = files.key.read_bytes()
        await asyncio.sleep(0)  # it looks at the files as they are now
        second = files.issue()
        new = files.key.read_bytes()
        files.key.write_bytes(key)

        async def is_refused() -> bool:
            return "the former stay" in caplog.text

        await until(is_refused, 20.0)
        assert await serial_at(address, files) == former
        files.key.write_bytes(new)

        async def is_new() -> bool:
            return await serial_at(address, files) == second

        await until(is_new, 20.0)
        watching.cancel()


@pytest.mark.parametrize(
    ("version", "is_spoken"),
    [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)],
)
async def test_old_versions_of_tls_are_refused(
    files: Files, version: str, is_spoken: bool
) -> None:
    """A client that offers nothing newer than TLS 1.1 gets no connection."""
    async with https(files, is_mutual=False) as address:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context = ssl.create_default_context(cafile=files.ca)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion[version]
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            if is_spoken:
                async with session.get(address) as answer:
                    assert answer.status == 200
            else:
                with pytest.raises(aiohttp.ClientConnectorError):
                    await session.get(address)


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
    cluster.start_coordinator(*certificates, "--heartbeat", "2")
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
        former = files.serial
        second = files.issue()
        for program in (cluster.coordinator, cluster.workers["trusted"]):
            assert program is not None
            program.signal(signal.SIGHUP)
        worker = workers["trusted"]["url"]
        assert former != second
        for address in (cluster.url, worker):
            await until(lambda: _shows(address, files, second), START_S)  # noqa: B023
        assert (await client.run("echo", {"value": 2}))[0] == 200


async def _has_done(client: Client, count: int) -> bool:
    return bool((await client.workers())["trusted"]["tasks_completed"] == count)


async def _shows(address: str, files: Files, serial: int) -> bool:
    return await serial_at(address, files) == serial
