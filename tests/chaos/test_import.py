"""An import that is killed has never happened."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import pytest

from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import save, write_problem
from fixtures.cluster import free_port
from fixtures.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def command(path: Path, problem: Path) -> list[str]:
    """Return the arguments of an import."""
    place = ["--university", "U", "--session", "T", "--start-date", "2030-09-02"]
    url = f"sqlite:///{path}"
    return ["import", "itc2019", str(problem), *place, "--database", url, "--quiet"]


def is_writing(path: Path) -> bool:
    """Tell whether another process has a transaction that writes."""
    connection = apsw.Connection(str(path))
    try:
        connection.execute("BEGIN IMMEDIATE").fetchall()
        connection.execute("ROLLBACK").fetchall()
    except apsw.BusyError:
        return True
    finally:
        connection.close()
    return False


def counts(path: Path) -> dict[str, int]:
    """Return how many rows some of the filled tables have."""
    connection = apsw.Connection(str(path))
    tables = ("universities", "sessions", "rooms", "people", "classes")
    found = {}
    for table in tables:
        sql = f"SELECT count(*) FROM {table}"
        found[table] = int(connection.execute(sql).fetchall()[0][0])
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    return found


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """Return a running command line."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "collegium",
        *arguments,
        stdout=asyncio.subprocess.DEVNULL,
    )


async def test_a_killed_import_leaves_nothing(tmp_path: Path) -> None:
    """Killed with -9 while it writes, an import leaves no row; again, it does all."""
    path, problem = tmp_path / "x.db", tmp_path / "p.xml.gz"
    sample = generate(SampleSize(n_classes=600, n_students=4000, n_rooms=60), seed=1)
    save(problem, write_problem(sample))
    made = await start("migrate", "--database", f"sqlite:///{path}")
    assert await made.wait() == 0
    process = await start(*command(path, problem))

    async def writes() -> bool:
        return is_writing(path) or process.returncode is not None

    await until(writes, timeout_s=60)
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    assert set(counts(path).values()) == {0}
    again = await start(*command(path, problem))
    assert await again.wait() == 0
    after = counts(path)
    assert after["classes"] == len(sample.classes)
    assert after["people"] == len(sample.students)


async def serve(path: Path, port: int) -> asyncio.subprocess.Process:
    """Return a coordinator that serves a database."""
    url = f"sqlite:///{path}"
    place = ["--host", "127.0.0.1", "--port", str(port), "--database", url]
    return await start("coordinator", *place)


async def asked(client: aiohttp.ClientSession, address: str) -> Any:
    """Return the JSON at an address, None while nobody answers."""
    try:
        async with client.get(address) as reply:
            return await reply.json() if reply.status == 200 else None
    except aiohttp.ClientConnectionError:
        return None


async def test_a_coordinator_killed_in_an_import(tmp_path: Path) -> None:
    """Killed with -9 among the rows of a job, it has none; the next one does them all.

    ``COLLEGIUM_TEST_IMPORT_LINES`` makes the file longer.
    """
    n_lines = int(os.environ.get("COLLEGIUM_TEST_IMPORT_LINES", "20000"))
    path, port = tmp_path / "x.db", free_port()
    home = f"http://127.0.0.1:{port}"
    courses = f"{home}/v1/universities/U/courses"
    data = "code,name\n" + "".join(f"C{i:06},Course {i}\n" for i in range(n_lines))
    async with aiohttp.ClientSession() as client:
        first = await serve(path, port)
        try:
            await until(lambda: asked(client, f"{home}/health/ready"), timeout_s=60)
            body = {"code": "U", "name": "U"}
            async with client.post(f"{home}/v1/universities", json=body) as reply:
                assert reply.status == 201
            address = f"{home}/v1/universities/U/imports?kind=courses"
            headers = {"content-type": "text/csv"}
            async with client.post(
                address, data=data.encode(), headers=headers
            ) as reply:
                assert reply.status == 202
                job = f"{home}{reply.headers['location']}"

            async def writes() -> bool:
                shown = await asked(client, job)
                return is_writing(path) or shown["state"] == "succeeded"

            await until(writes, timeout_s=60)
            first.kill()
            await first.wait()
            second = await serve(path, port)
            try:
                await until(lambda: asked(client, f"{home}/health/ready"), timeout_s=60)

                async def done() -> bool:
                    # Rows first: a commit between the two questions ends the job too.
                    items = (await asked(client, courses))["items"]
                    shown = await asked(client, job)
                    if shown["state"] == "succeeded":
                        return True
                    assert shown["state"] in ("queued", "running"), shown
                    assert items == []
                    return False

                await until(done, timeout_s=120)
                report = await asked(client, f"{job}/result")
                assert report["created"] == {"courses": n_lines}
                async with client.get(f"{courses}?sort=-code&limit=1") as reply:
                    (last,) = (await reply.json())["items"]
                assert last["code"] == f"C{n_lines - 1:06}"
            finally:
                second.terminate()
                await second.wait()
        finally:
            if first.returncode is None:
                first.kill()
                await first.wait()
