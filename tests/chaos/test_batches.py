"""Thousands of short tasks in few requests, while those who run them die."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from collegium.client import Client as TaskClient
from fixtures.cluster import Client, Cluster, standing
from fixtures.waiting import until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300),
]

TASKS = 30_000
AT_ONCE = 200


async def _has_done(client: Client, count: int) -> bool:
    stats = await client.get("/v1/stats")
    return bool(stats["coordinator"]["counters"]["succeeded"] >= count)


async def _survives(cluster: Cluster, client: Client, harm: Callable[[], None]) -> None:
    async with TaskClient(cluster.url) as tasks:
        await tasks.run("echo", 0)
        flood = asyncio.create_task(
            tasks.map("echo", range(TASKS), at_once=AT_ONCE, deadline_s=120.0)
        )
        await until(lambda: _has_done(client, TASKS // 10))
        harm()
        assert not flood.done()
        assert await flood == list(range(TASKS))


async def test_a_killed_worker_takes_no_short_task_along(
    cluster: Cluster, client: Client
) -> None:
    """What was in a request to it is done by the other one; all outputs are right."""
    await standing(cluster, client, "one", "two")
    await _survives(cluster, client, cluster.workers["one"].kill)
    stats = await client.get("/v1/stats")
    assert stats["coordinator"]["counters"]["failed"] == 0
    assert stats["coordinator"]["counters"]["attempts"] > TASKS


async def test_a_killed_coordinator_takes_no_short_task_along(
    cluster: Cluster, client: Client
) -> None:
    """The client sends again what it has no answer to, once there is somebody."""
    await standing(cluster, client, "one", "two")

    def restart() -> None:
        assert cluster.coordinator is not None
        cluster.coordinator.kill()
        cluster.start_coordinator()

    await _survives(cluster, client, restart)
