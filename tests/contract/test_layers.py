"""A coordinator below a coordinator, with real processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from collegium.protocol import MAX_HOPS, via_text
from fixtures.cluster import Client, Cluster, client_of
from fixtures.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

START_S = 200.0


@pytest.fixture
def branch(tmp_path: Path) -> Iterator[Cluster]:
    """Give the cluster that stands below the other one."""
    folder = tmp_path / "branch"
    folder.mkdir()
    cluster = Cluster(folder)
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
async def below(branch: Cluster) -> AsyncIterator[Client]:
    """Give a client of the coordinator below."""
    async with client_of(branch) as client:
        yield client


async def _begin(
    cluster: Cluster, client: Client, branch: Cluster, below: Client, *leaves: str
) -> None:
    cluster.start_coordinator()
    branch.start_coordinator("--parent", cluster.url)
    for name in leaves:
        branch.start_worker(name)
    await until(below.is_ready, START_S)
    await until(lambda: below.are_up(*leaves), START_S)
    await until(lambda: _has_slots(client, len(leaves)), START_S)


async def _has_slots(client: Client, slots: int) -> bool:
    try:
        workers = await client.workers()
    except aiohttp.ClientError:
        return False
    up = [worker for worker in workers.values() if worker["state"] == "up"]
    return len(up) == 1 and up[0]["slots"] == slots


async def test_a_killed_leaf_costs_nothing_above(
    cluster: Cluster, client: Client, branch: Cluster, below: Client
) -> None:
    """Two leaves are one worker of two slots; with one killed all tasks end well."""
    await _begin(cluster, client, branch, below, "one", "two")
    tasks = [client.run("sleep", {"seconds": 0.2}) for _ in range(20)]
    flood = asyncio.gather(*tasks)
    await asyncio.sleep(0.5)
    branch.workers["one"].kill()
    answers = await flood
    assert [status for status, _ in answers] == [200] * 20
    assert {body["executed_by"].split("-")[0] for _, body in answers} == {"coordinator"}
    await until(lambda: _has_slots(client, 1), START_S)

    async def is_counted_once() -> bool:
        above, under = await client.get("/v1/stats"), await below.get("/v1/stats")
        counts = [s["fleet"]["tasks_completed"] for s in (above, under)]
        # What the killed one did after its last report is not known to anybody.
        return counts[0] == counts[1] and 10 <= counts[0] <= 20

    await until(is_counted_once, START_S)
    assert {"one", "two"} <= set((await client.get("/v1/stats"))["workers"])


async def test_a_worker_with_two_ways_up_is_counted_once(
    cluster: Cluster, client: Client, branch: Cluster, below: Client
) -> None:
    """Known to a coordinator and to its parent, a worker counts each task once."""
    # Probes are rare, so that none is late, and no task runs at home for it.
    calm = ("--heartbeat", "3")
    cluster.start_coordinator(*calm)
    branch.start_coordinator("--parent", cluster.url, *calm)
    branch.start_worker("both", "--coordinator", cluster.url, *calm)
    await until(client.is_ready, START_S)
    await until(below.is_ready, START_S)
    await until(lambda: below.are_up("both"), START_S)

    async def has_two_ways() -> bool:
        return len(await client.workers()) == 2

    await until(has_two_ways, START_S)
    for asked in [client, below] * 5:
        status, body = await asked.run("sleep", {"seconds": 0.01})
        assert (status, body["executed_by"] == "local") == (200, False), body

    async def is_known_everywhere() -> bool:
        stats = [await asked.get("/v1/stats") for asked in (client, below)]
        counts = [s["workers"].get("both", {}).get("tasks_completed") for s in stats]
        return counts == [10, 10]

    await until(is_known_everywhere, START_S)
    for _ in range(3):
        stats = await client.get("/v1/stats")
        assert stats["fleet"]["tasks_completed"] == 10
        await asyncio.sleep(0.5)  # more reports of the same change nothing


async def test_a_branch_that_ends_gives_its_tasks_back(
    cluster: Cluster, client: Client, branch: Cluster, below: Client
) -> None:
    """What runs below a coordinator that is told to end runs again elsewhere."""
    await _begin(cluster, client, branch, below, "one")
    running = asyncio.create_task(client.run("sleep", {"seconds": 5.0}))

    async def has_begun() -> bool:
        workers = await below.workers()
        return workers["one"]["busy"] == 1

    await until(has_begun, START_S)
    assert branch.coordinator is not None
    branch.coordinator.signal(signal.SIGTERM)
    status, answer = await running
    assert (status, answer["executed_by"]) == (200, "local")
    assert answer["attempts"] == 1
    assert await branch.coordinator.exit_code(60.0) == 0
    assert await client.workers() == {}


async def test_loops_are_refused(
    cluster: Cluster, client: Client, branch: Cluster, below: Client
) -> None:
    """Of two coordinators below each other one is taken in, and tasks end."""
    cluster.start_coordinator("--parent", branch.url)
    branch.start_coordinator("--parent", cluster.url)
    branch.start_worker("leaf")
    await until(client.is_ready, START_S)
    await until(below.is_ready, START_S)

    async def is_settled() -> bool:
        above, under = await client.workers(), await below.workers()
        slots = [worker["slots"] for worker in (*above.values(), *under.values())]
        return "leaf" in under and len(slots) == 2 and max(slots) == 1

    await until(is_settled, START_S)
    for asked in (client, below):
        for _ in range(4):
            status, answer = await asked.run("echo", {"a": 1})
            assert (status, answer["output"]) == (200, {"a": 1})


async def test_a_request_that_came_a_long_way_is_refused(
    cluster: Cluster, client: Client, branch: Cluster, below: Client
) -> None:
    """508 for a task and for a blob, after too many hops or when it was here before."""
    await _begin(cluster, client, branch, below, "one")
    stats = await below.get("/v1/stats")
    far = [f"c{number}" for number in range(MAX_HOPS)]
    order = {"workload": "noop", "input": {}}
    for via, expected in (
        (far, 508),
        ([stats["coordinator"]["incarnation"]], 508),
        (far[1:], 200),
    ):
        fields = {"via": via_text(via)}
        name = f"/v1/tasks/t{len(via)}-{expected}"
        async with below.session.put(name, json=order, headers=fields) as answer:
            assert answer.status == expected, await answer.text()
        name = f"/v1/blobs/{'0' * 64}"
        async with below.session.get(name, headers=fields) as answer:
            assert answer.status == (508 if expected == 508 else 404)
