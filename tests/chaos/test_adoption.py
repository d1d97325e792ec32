"""Two coordinators on one PostgreSQL: a job outlives its owner, whatever befalls it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from collegium.timetabling.itc2019 import read_timetable
from collegium.timetabling.validate import validate
from fixtures.cluster import free_port
from fixtures.faults.load import PROBLEM, XML
from fixtures.faults.unit import Unit
from fixtures.postgresql import Postgresql
from fixtures.waiting import until

ADOPTED_S = 15.0
"""What is promised with the default settings."""
START_S = 120.0

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(400),
    pytest.mark.usefixtures("compiled_solver"),
]


@dataclass(frozen=True, slots=True)
class Held:
    """What the database says of the only job."""

    owner: str
    epoch: int
    state: str
    rank: tuple[int, int]


@dataclass(slots=True)
class Pair:
    """Two coordinators with default settings and one worker that knows both.

    Parameters
    ----------
    names : which start of a coordinator is which unit.
    """

    units: dict[str, Unit]
    urls: dict[str, str]
    client: aiohttp.ClientSession
    database: asyncpg.Connection[asyncpg.Record]
    names: dict[str, str]

    async def held(self) -> Held | None:
        """Return who holds the job, None before it has an incumbent."""
        row = await self.database.fetchrow(
            "SELECT owner, epoch, state, progress FROM jobs"
        )
        progress = json.loads(row["progress"]) if row else {}
        if progress.get("objective") is None:
            return None
        rank = progress["violations"], progress["objective"]
        return Held(self.names[row["owner"]], row["epoch"], row["state"], rank)

    async def adopted(self, before: Held) -> Held:
        """Wait until another one holds the job; return what it began with."""

        async def is_other() -> Held | None:
            now = await self.held()
            return now if now is not None and now.epoch > before.epoch else None

        return await until(is_other, 60.0)


@pytest.fixture
async def pair(postgresql: Postgresql, tmp_path: Path) -> AsyncIterator[Pair]:
    """Give the pair, with the worker up at both."""
    name = await asyncio.to_thread(postgresql.create)
    url = postgresql.url(name)
    ports = {c: free_port() for c in ("first", "second")}
    urls = {c: f"http://127.0.0.1:{port}" for c, port in ports.items()}
    environment = {
        "COLLEGIUM_WORKLOADS": "timetable",
        "COLLEGIUM_WORKER_WORKLOADS": "timetable",
    }
    commands: dict[str, list[str]] = {
        c: [
            *("coordinator", "--port", str(port), "--database", url),
            *("--data-dir", str(tmp_path / c), "--local-slots", "1"),
        ]
        for c, port in ports.items()
    }
    worker = ["worker", "--id", "w", "--slots", "1"]
    commands["worker"] = worker + [
        w for u in urls.values() for w in ("--coordinator", u)
    ]
    units = {
        name: Unit(name, command, environment=environment, folder=tmp_path)
        for name, command in commands.items()
    }
    database = await asyncpg.connect(url)
    async with aiohttp.ClientSession() as client:
        pair = Pair(units, urls, client, database, {})
        try:
            units["worker"].start()
            for name, address in urls.items():
                units[name].start()
                told = await until(lambda a=address: _stats(client, a), START_S)
                pair.names[told["coordinator"]["incarnation"]] = name
            for address in urls.values():
                await until(lambda a=address: _has_worker(client, a), START_S)
            yield pair
        finally:
            for unit in units.values():
                if unit.process is not None:
                    unit.signal(signal.SIGCONT)
                    await unit.kill()
            await database.close()


async def _stats(client: aiohttp.ClientSession, url: str) -> Any:
    try:
        async with client.get(f"{url}/v1/stats") as answer:
            return await answer.json() if answer.status == 200 else None
    except aiohttp.ClientError:
        return None


async def _has_worker(client: aiohttp.ClientSession, url: str) -> bool:
    told = await _stats(client, url)
    return told is not None and told["fleet"]["workers"] == 1


async def _post(pair: Pair) -> str:
    """Post a job that goes on until somebody ends it; return its path."""
    url = pair.urls["first"]
    sha256 = hashlib.sha256(XML).hexdigest()
    async with pair.client.put(f"{url}/v1/blobs/{sha256}", data=XML) as answer:
        assert answer.status == 201
    body = {"workload": "timetable", "input": {"problem": sha256, "seconds": 600}}
    async with pair.client.post(f"{url}/v1/jobs", json=body) as answer:
        assert answer.status == 202
        return "/v1/jobs/" + answer.headers["location"].rpartition("/")[2]


@pytest.mark.alone
async def test_a_job_outlives_its_owners(pair: Pair) -> None:
    """It is adopted from a frozen and from a killed owner, each time with its best."""
    path = await _post(pair)
    frozen = await until(pair.held, START_S)
    pair.units[frozen.owner].signal(signal.SIGSTOP)
    stopped_s = time.monotonic()
    second = await pair.adopted(frozen)
    assert time.monotonic() - stopped_s < ADOPTED_S
    assert (second.owner != frozen.owner, second.epoch) == (True, frozen.epoch + 1)
    assert second.rank <= frozen.rank

    # The owner of before wakes up, and must not write what it still has in hand.
    former = pair.units[frozen.owner]
    former.signal(signal.SIGCONT)

    async def knows() -> bool:
        return "Another coordinator holds the job" in former.log.read_text()

    await until(knows, 30.0)
    held = await until(pair.held, START_S)
    assert (held.owner, held.epoch, held.state) == (
        second.owner,
        second.epoch,
        "running",
    )
    assert held.rank <= second.rank

    await pair.units[held.owner].kill()
    killed_s = time.monotonic()
    third = await pair.adopted(held)
    assert time.monotonic() - killed_s < ADOPTED_S
    assert (third.owner, third.epoch) == (frozen.owner, held.epoch + 1)
    assert third.rank <= held.rank

    # What it ends with is at least as good as all that anybody has held.
    url = pair.urls[third.owner]
    async with pair.client.delete(url + path) as answer:
        assert answer.status == 202
    job = await until(lambda: _ended(pair, url + path), 60.0)
    assert job["state"] == "cancelled"
    async with pair.client.get(f"{url}{path}/result") as answer:
        report = validate(PROBLEM, read_timetable(await answer.read()))
    assert report.total == job["progress"]["objective"]
    assert (len(report.violations), report.total) <= third.rank


async def _ended(pair: Pair, url: str) -> Any:
    async with pair.client.get(url) as answer:
        job = await answer.json()
    return job if job["state"] in ("cancelled", "succeeded", "failed") else None
