"""The catalogue of a real coordinator that is killed, or whose disk is watched."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import pytest

from fixtures.cluster import Program, free_port
from fixtures.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

WRITERS = 8
ROUNDS = 2
ACKNOWLEDGED_PER_ROUND = 50


class Site:
    """One coordinator on one database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "catalogue.db"
        self.port = free_port()
        self.program: Program | None = None

    def arguments(self) -> list[str]:
        """Return the command line of the coordinator."""
        args = ["coordinator", "--port", str(self.port), "--local-slots", "1"]
        args += ["--database", f"sqlite:///{self.file}"]
        return [*args, "--data-dir", str(self.folder / "data")]

    async def start(self) -> None:
        """Start the coordinator; return once it is ready."""
        log = self.folder / "coordinator.log"
        self.program = Program(self.arguments(), {"COLLEGIUM_WORKLOADS": "noop"}, log)
        await self.ready()

    async def ready(self) -> None:
        """Wait until the coordinator can serve."""

        async def is_ready() -> bool:
            try:
                async with aiohttp.request("GET", f"{self.url}/health/ready") as answer:
                    return answer.status == 200
            except aiohttp.ClientConnectionError:
                return False

        await until(is_ready, 60)

    @property
    def url(self) -> str:
        """Where the coordinator answers."""
        return f"http://127.0.0.1:{self.port}"

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the file itself."""
        connection = apsw.Connection(str(self.file))
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a coordinator that has not been started."""
    site = Site(tmp_path)
    yield site
    if site.program is not None:
        site.program.kill()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client."""
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield session


async def post_course(
    session: aiohttp.ClientSession, site: Site, code: str
) -> dict[str, Any]:
    """Add a course under a key of its own; return what was acknowledged."""
    async with session.post(
        f"{site.url}/v1/universities/U/courses",
        json={"code": code, "name": code},
        headers={"Idempotency-Key": f'"{code}"'},
    ) as answer:
        assert answer.status == 201, await answer.text()
        body: dict[str, Any] = await answer.json()
        return body


async def test_killed_coordinators_keep_what_they_acknowledged(
    site: Site, session: aiohttp.ClientSession
) -> None:
    """After each kill -9 under writes the file is whole and every 201 is in it.

    Sent again under its key, what was not acknowledged ends as exactly one course.
    """
    await site.start()
    university = {"code": "U", "name": "U"}
    async with session.post(f"{site.url}/v1/universities", json=university) as answer:
        assert answer.status == 201
    acknowledged: dict[str, dict[str, Any]] = {}
    unknown: set[str] = set()

    async def write(writer: int, turn: int) -> None:
        for number in range(10**6):
            code = f"C{turn}-{writer}-{number}"
            unknown.add(code)
            try:
                acknowledged[code] = await post_course(session, site, code)
            except (aiohttp.ClientError, TimeoutError):
                return
            unknown.discard(code)

    for turn in range(ROUNDS):
        writers = [asyncio.create_task(write(n, turn)) for n in range(WRITERS)]
        goal = ACKNOWLEDGED_PER_ROUND * (turn + 1)

        async def enough(goal: int = goal) -> bool:
            return len(acknowledged) >= goal

        await until(enough, 60)
        assert site.program is not None
        site.program.kill()
        await asyncio.gather(*writers)
        assert site.query("PRAGMA integrity_check") == [("ok",)]
        assert site.query("PRAGMA foreign_key_check") == []
        rows = dict(site.query("SELECT code, version FROM courses"))
        assert {c: rows.get(c) for c in acknowledged} == {
            code: body["version"] for code, body in acknowledged.items()
        }
        assert set(rows) <= set(acknowledged) | unknown
        await site.start()
        for code in sorted(unknown):
            acknowledged[code] = await post_course(session, site, code)
        unknown.clear()
    for code in list(acknowledged)[:20]:
        again = await post_course(session, site, code)
        assert again == acknowledged[code], "a repeated request had another answer"
    ((count,),) = site.query("SELECT count(*) FROM courses")
    assert count == len(acknowledged)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
async def test_disk_comes_before_the_answer(
    site: Site, session: aiohttp.ClientSession
) -> None:
    """Seen from outside, the log is synchronised before any byte of a 201 is sent."""
    await site.start()
    university = {"code": "U", "name": "U"}
    async with session.post(f"{site.url}/v1/universities", json=university) as answer:
        assert answer.status == 201
    assert site.program is not None
    trace = site.folder / "trace.txt"
    strace = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-s", "24", "-o", str(trace)),
        *("-e", "trace=fdatasync,fsync,write,writev,sendto,sendmsg"),
        *("-p", str(site.program.process.pid)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert strace.stderr is not None
    async with asyncio.timeout(20):
        first = await strace.stderr.readline()
    if b"attached" not in first:
        pytest.skip(f"strace may not attach here: {first.decode()}")
    for number in range(5):
        await post_course(session, site, f"C{number}")
    strace.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        await strace.communicate()
    seen = trace.read_text(encoding="latin-1").splitlines()
    syncs = [n for n, line in enumerate(seen) if re.search(r"f(data)?sync.*= 0", line)]
    answers = [n for n, line in enumerate(seen) if '"HTTP/1.1 201' in line]
    assert len(answers) == 5
    for before, answer in zip([-1, *answers], answers, strict=False):
        assert any(before < sync < answer for sync in syncs), seen[before + 1 : answer]
