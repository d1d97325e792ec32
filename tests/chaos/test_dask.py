"""What a Dask cluster loses is done again, there or here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from collegium.bench.peers.drivers.harm import wait_until
from collegium.bench.site import Site
from fixtures.dask import DaskCluster, skip_without_dask
from fixtures.workloads import offer_all

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

TASKS = 12
TASK_S = 0.25


class Pair(NamedTuple):
    """A coordinator and the cluster that it uses."""

    site: Site
    cluster: DaskCluster


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    """Return a coordinator at a cluster of two workers, all real processes."""
    skip_without_dask()
    path = offer_all(tmp_path)
    cluster = DaskCluster(tmp_path, path)
    try:
        cluster.start_worker()
        cluster.start_worker()
        options = [
            "--engine=dask",
            f"--dask-scheduler={cluster.address}",
            "--heartbeat=1",
            "--local-slots=1",
        ]
        async with Site(
            tmp_path, workers=0, members=1, options=options, path=path
        ) as site:
            await _slots(site, 2)
            yield Pair(site, cluster)
    finally:
        cluster.stop()


async def test_a_killed_worker_loses_no_task(pair: Pair) -> None:
    """Dask runs again what its dead worker had; every task has its result."""
    log = pair.site.folder / "executions"
    calls = _begin(pair.site, log)
    assert await asyncio.to_thread(wait_until, log.exists, 30.0)
    pair.cluster.workers[0].process.kill()
    numbers = [answer["number"] for answer in await asyncio.gather(*calls)]
    assert numbers == list(range(TASKS))
    assert {int(line) for line in _lines(log)} == set(range(TASKS))


async def test_a_killed_scheduler_loses_no_task(pair: Pair) -> None:
    """The coordinator's own slots take over, and the cluster is used when it is back.

    Dask's workers end with their scheduler, hence somebody has to start others.
    """
    log = pair.site.folder / "executions"
    calls = _begin(pair.site, log)
    assert await asyncio.to_thread(wait_until, log.exists, 30.0)
    pair.cluster.kill_scheduler()
    numbers = [answer["number"] for answer in await asyncio.gather(*calls)]
    assert numbers == list(range(TASKS))
    for worker in pair.cluster.workers:
        worker.process.kill()
    pair.cluster.start_scheduler()
    pair.cluster.start_worker()
    await _slots(pair.site, 1)
    assert await _executed_by(pair.site) == "dask"


def _begin(site: Site, log: Path) -> list[asyncio.Task[dict[str, int]]]:
    return [
        asyncio.create_task(
            site.run(
                "bench-note", {"number": number, "seconds": TASK_S, "file": str(log)}
            )
        )
        for number in range(TASKS)
    ]


def _lines(log: Path) -> list[str]:
    return log.read_text().split()


async def _slots(site: Site, wanted: int) -> None:
    async with asyncio.timeout(120.0):
        while True:
            async with site.client.get("/v1/workers") as answer:
                members = (await answer.json())["items"]
            if [(m["state"], m["slots"]) for m in members] == [("up", wanted)]:
                return
            await asyncio.sleep(0.1)


async def _executed_by(site: Site) -> str:
    async with site.client.post(
        "/v1/tasks", json={"workload": "echo", "input": 1}
    ) as answer:
        return str((await answer.json())["executed_by"])
