"""Caching proxies of others keep what they may, and never show what was.

Both use the configuration in ``deploy/`` but for its addresses.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from fixtures.cluster import free_port
from fixtures.coordinators import Coordinators
from fixtures.publishing import publish
from fixtures.waiting import until

ROOT = Path(__file__).parents[2]
UNIVERSITY = "/v1/universities/U"
COURSE = f"{UNIVERSITY}/courses/C"
PROXIES = ["nginx", "squid"]
CHANGES = 40
READERS = 4
TOKEN = {"authorization": "Bearer the-clients-token"}

pytestmark = [
    pytest.mark.processes,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
]


@dataclass
class Origin:
    """A coordinator with something to cache.

    Parameters
    ----------
    address : host and port.
    publication : path of something public that never changes.
    blob : path of something private that never changes.
    """

    address: str
    publication: str
    blob: str


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["open", "guarded"])
async def origin(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Origin]:
    """Return a coordinator that everybody may use, or who has a token."""
    folder = tmp_path_factory.mktemp("origin")
    env = {}
    if request.param == "guarded":
        env = {
            "COLLEGIUM_API_TOKEN": TOKEN["authorization"].removeprefix("Bearer "),
            "COLLEGIUM_WORKER_TOKEN": "the-fleet's-token",
        }
    site = Coordinators(folder, f"sqlite:///{folder / 'c.db'}", env=env)
    try:
        await site.start_all()
        async with aiohttp.ClientSession(site.url(), headers=TOKEN) as client:
            for path, body in [
                ("/v1/universities", {"code": "U", "name": "U"}),
                (f"{UNIVERSITY}/courses", {"code": "C", "name": "0"}),
            ]:
                async with client.post(path, json=body) as answer:
                    assert answer.status == 201, await answer.text()
            publication, blob = await publish(client, UNIVERSITY)
        yield Origin(site.url().removeprefix("http://"), publication, blob)
    finally:
        site.end()


@pytest_asyncio.fixture(loop_scope="module", params=PROXIES)
async def proxy(request: pytest.FixtureRequest, origin: Origin) -> AsyncIterator[str]:
    """Return the address of a proxy in front of the coordinator."""
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"{request.param} is not installed here")
    start = {"nginx": _nginx, "squid": _squid}[request.param]
    with _folder() as folder, start(program, origin.address, folder) as address:

        async def answers() -> bool:
            try:
                async with aiohttp.request("GET", f"{address}/health/live") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        await until(answers, 120)
        yield address


@contextmanager
def _folder() -> Iterator[Path]:
    """Return a folder that the proxies' own users may enter."""
    folder = Path(tempfile.mkdtemp(prefix="collegium-proxy-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replaced(path: str, *changes: tuple[str, str]) -> str:
    """Return a configuration of ours with addresses of this machine."""
    text = (ROOT / path).read_text()
    for old, new in changes:
        assert old in text, f"{path} has no {old!r}"
        text = text.replace(old, new)
    return text


@contextmanager
def _running(folder: Path, *command: str) -> Iterator[None]:
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder)
    try:
        yield
    finally:
        ended_by_itself = process.poll()
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert ended_by_itself is None, (folder / "said.txt").read_text()


@contextmanager
def _nginx(program: str, origin: str, folder: Path) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    site = _replaced(
        "deploy/nginx/collegium.conf",
        ("server coordinator2:8000 max_fails=2 fail_timeout=5s;", ""),
        ("coordinator1:8000", origin),
        ("listen 8080", f"listen {address}"),
        ("/var/cache/nginx/collegium", str(folder / "cache")),
    )
    (folder / "site.conf").write_text(site)
    temporary = "".join(
        f"{kind}_temp_path {folder / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"daemon off; {user} pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {temporary} include {folder}/site.conf; }}\n"
    )
    command = (program, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr")
    with _running(folder, *command):
        yield f"http://{address}"


@contextmanager
def _squid(program: str, origin: str, folder: Path) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    host, port = origin.split(":")
    site = _replaced(
        "deploy/squid/collegium.conf",
        ("cache_peer coordinator1 parent 8000", f"cache_peer {host} parent {port}"),
        ("http_port 8080", f"http_port {address}"),
        ("cache_mem 256 MB", "cache_mem 16 MB"),
    )
    own = {
        "pid_filename": "none",
        "cache_log": f"{folder}/cache.log",
        "access_log": "none",
        "coredump_dir": str(folder),
        "visible_hostname": "proxy",
        "shutdown_lifetime": "0 seconds",
        "pinger_enable": "off",
        "logfile_rotate": "0",
    }
    lines = "".join(f"{name} {value}\n" for name, value in own.items())
    (folder / "squid.conf").write_text(site + lines)
    with _running(folder, program, "-N", "-f", str(folder / "squid.conf")):
        yield f"http://{address}"


def _is_hit(answer: aiohttp.ClientResponse) -> bool:
    """Tell whether a proxy answered without asking the coordinator."""
    return answer.headers.get("x-cache-status") == "HIT" or answer.headers.get(
        "x-cache", ""
    ).startswith("HIT")


def _is_guarded(request: pytest.FixtureRequest) -> bool:
    return "guarded" in request.node.callspec.id


async def _kept(client: aiohttp.ClientSession, path: str) -> list[bool]:
    """Ask five times; return of each answer whether a proxy had it."""
    found = []
    for _ in range(5):
        async with client.get(path) as answer:
            assert answer.status == 200
            found.append(_is_hit(answer))
            await answer.read()
    return found


async def test_what_never_changes_is_kept(
    proxy: str, origin: Origin, request: pytest.FixtureRequest
) -> None:
    """A public immutable answer comes from the proxy; what needs a token never does."""
    headers = TOKEN if _is_guarded(request) else {}
    async with aiohttp.ClientSession(proxy, headers=headers) as client:
        kept = await _kept(client, origin.publication)
        if _is_guarded(request):
            assert not any(kept)
        else:
            assert not kept[0]
            assert all(kept[1:])
        assert not any(await _kept(client, origin.blob)), "a private blob was kept"


async def test_known_states_are_not_sent_again(
    proxy: str, origin: Origin, request: pytest.FixtureRequest
) -> None:
    """Through a proxy, too, what a client has already is 304 without a body.

    Squid asks the coordinator with a tag of its own and is answered 304; what it has
    kept it sends to the client with 200.
    """
    is_squid = "squid" in request.node.callspec.id
    async with aiohttp.ClientSession(proxy, headers=TOKEN) as client:
        for path in (COURSE, f"{UNIVERSITY}/courses", origin.publication):
            async with client.get(path) as answer:
                tag = answer.headers["etag"]
            known = {"if-none-match": tag}
            async with client.get(path, headers=known) as answer:
                assert answer.headers["etag"] == tag
                assert answer.status == 304 or is_squid
                assert not await answer.read() or answer.status == 200


async def test_no_read_shows_what_was(
    proxy: str, request: pytest.FixtureRequest
) -> None:
    """A read that begins after a change was acknowledged shows it, however it asks."""
    headers = TOKEN if _is_guarded(request) else {}
    acknowledged = 0
    n_reads = 0
    async with aiohttp.ClientSession(proxy, headers=headers) as client:

        async def read(known: dict[str, str], path: str) -> int:
            """Return the number that is shown; 304 stands for the one known."""
            nonlocal n_reads
            least = acknowledged
            fields = {"if-none-match": known["tag"]} if known else {}
            async with client.get(path, headers=fields) as answer:
                if answer.status == 304:
                    number = int(known["name"])
                else:
                    assert answer.status == 200
                    shown = await answer.json()
                    course = shown["items"][0] if "items" in shown else shown
                    known.update(tag=answer.headers["etag"], name=course["name"])
                    number = int(course["name"])
            n_reads += 1
            assert number >= least, "a read has shown what was before"
            return number

        async def keep_reading(path: str, *, is_conditional: bool) -> None:
            known: dict[str, str] = {}
            while acknowledged < CHANGES:
                await read(known if is_conditional else {}, path)

        async def keep_changing() -> None:
            nonlocal acknowledged
            async with client.get(COURSE) as answer:
                tag = answer.headers["etag"]
            for number in range(1, CHANGES + 1):
                body = {"code": "C", "name": str(number)}
                fields = {"if-match": tag}
                async with client.put(COURSE, json=body, headers=fields) as answer:
                    assert answer.status == 200, await answer.text()
                    tag = answer.headers["etag"]
                acknowledged = number
                assert await read({}, COURSE) == number

        await _from_zero(client)
        await asyncio.gather(
            keep_changing(),
            *(
                keep_reading(path, is_conditional=number % 2 == 0)
                for number in range(READERS)
                for path in (COURSE, f"{UNIVERSITY}/courses?code=C")
            ),
        )
    assert n_reads > 2 * CHANGES


async def _from_zero(client: aiohttp.ClientSession) -> None:
    """Give the course its first name again."""
    async with client.get(COURSE) as answer:
        fields = {"if-match": answer.headers["etag"]}
    body = {"code": "C", "name": "0"}
    async with client.put(COURSE, json=body, headers=fields) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("origin", ["guarded"], indirect=True, scope="module")
async def test_what_a_token_has_shown_is_shown_to_nobody_else(
    proxy: str, origin: Origin
) -> None:
    """After reads with a token, one without it, or with another, is refused."""
    async with aiohttp.ClientSession(proxy) as client:
        for path in (origin.publication, origin.blob, COURSE, f"{UNIVERSITY}/courses"):
            for _ in range(2):
                async with client.get(path, headers=TOKEN) as answer:
                    assert answer.status == 200
            for other in ({}, {"authorization": "Bearer another"}):
                async with client.get(path, headers=other) as answer:
                    assert answer.status == 401, path
