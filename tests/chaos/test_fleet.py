"""The fleet under faults, with real processes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from fixtures.cluster import HEARTBEAT_S, Client, Cluster, Program, client_of, standing
from fixtures.meddling import meddling_proxy
from fixtures.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

START_S = 60.0


@pytest.fixture
def new_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Give a cluster that has counted nothing yet."""
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.end()


@pytest.fixture
async def new_client(new_cluster: Cluster) -> AsyncIterator[Client]:
    """Give a client of the new cluster's coordinator."""
    async with client_of(new_cluster) as client:
        yield client


@pytest.fixture
def cluster(lasting_cluster: Cluster) -> Cluster:
    """Give the cluster of all these tests, as the one before has left it."""
    return lasting_cluster


async def _flood(
    client: Client, count: int, at_once: int, workload: str = "noop", **task: Any
) -> list[dict[str, Any]]:
    """Post many tasks; every one has to be answered with a result."""
    numbers = iter(range(count))
    answers = []

    async def post() -> None:
        for _ in numbers:
            status, body = await client.run(workload, task)
            assert status == 200, body
            answers.append(body)

    await asyncio.gather(*(post() for _ in range(at_once)))
    return answers


async def test_ten_thousand_tasks_are_split_exactly(
    new_cluster: Cluster, new_client: Client
) -> None:
    """Round robin gives each of two workers 5,000; statistics agree in spite of all."""
    cluster, client = new_cluster, new_client
    cluster.start_coordinator()
    await until(client.is_ready, START_S)
    async with meddling_proxy(cluster.url, seed=7) as proxy:
        for name in ("one", "two"):
            cluster.start_worker(name, coordinator=proxy.url)
        await until(lambda: client.are_up("one", "two"), START_S)
        answers = await _flood(client, 10_000, 64)
        places = Counter(answer["executed_by"] for answer in answers)
        assert places == {"one": 5_000, "two": 5_000}

        async def has_converged() -> bool:
            stats = await client.get("/v1/stats")
            return bool(stats["fleet"]["tasks_completed"] == 10_000)

        await until(has_converged, 120.0)
        # Ever more reports, in any order, change nothing any more.
        seen = proxy.forwarded
        await until(lambda: _passed(proxy, seen + 20), 60.0)
        stats = await client.get("/v1/stats")
        assert proxy.duplicated > 0
        assert proxy.dropped > 0
        assert proxy.reordered > 0
        assert {n: w["tasks_completed"] for n, w in stats["workers"].items()} == {
            "one": 5_000,
            "two": 5_000,
            "local": 0,
        }
        assert stats["fleet"]["tasks_completed"] == 10_000


async def _passed(proxy: Any, count: int) -> bool:
    return bool(proxy.forwarded >= count)


async def test_one_killed_worker_loses_no_task(
    cluster: Cluster, client: Client
) -> None:
    """Under load, kill -9 of one worker sends its tasks to the other."""
    await standing(cluster, client, "one", "two")
    flood = asyncio.create_task(_flood(client, 60, 6, "sleep", seconds=0.1))
    await asyncio.sleep(0.5)
    cluster.workers["one"].kill()
    answers = await flood
    assert len(answers) == 60
    assert Counter(a["executed_by"] for a in answers)["two"] >= 40
    assert await until(lambda: client.are_up("two"), START_S)


async def test_without_workers_the_answer_is_the_same(
    cluster: Cluster, client: Client
) -> None:
    """With both workers killed under load, tasks run locally, to the same bytes."""
    await standing(cluster, client, "one", "two")
    body = {"workload": "echo", "input": {"a": [1, 2.5, "ä", None], "b": {"c": True}}}
    status, before = await client.run(body["workload"], body["input"])
    assert (status, before["executed_by"] in ("one", "two")) == (200, True)
    flood = asyncio.create_task(_flood(client, 30, 6, "sleep", seconds=0.1))
    await asyncio.sleep(0.4)
    for worker in cluster.workers.values():
        worker.kill()
    answers = await flood
    assert len(answers) == 30
    assert answers[-1]["executed_by"] == "local"
    status, after = await client.run(body["workload"], body["input"])
    assert (status, after["executed_by"]) == (200, "local")
    assert after["output"] == before["output"]


async def test_late_worker_is_used_within_a_heartbeat(
    cluster: Cluster, client: Client
) -> None:
    """A worker that starts later gets tasks as soon as it has announced itself."""
    await standing(cluster, client, "one")
    cluster.start_worker("late")
    await until(lambda: client.are_up("one", "late"), START_S)
    answers = await _flood(client, 10, 1)
    assert Counter(a["executed_by"] for a in answers) == {"one": 5, "late": 5}


@pytest.mark.alone
async def test_coordinator_restart(cluster: Cluster, client: Client) -> None:
    """A killed coordinator knows every worker again within two heartbeats."""
    await standing(cluster, client, "one", "two")
    assert cluster.coordinator is not None
    cluster.coordinator.kill()
    cluster.start_coordinator()
    await until(client.is_ready, START_S)
    began_s = time.monotonic()
    await until(lambda: client.are_up("one", "two"), START_S)
    # A generous allowance for a machine that does other things as well.
    assert time.monotonic() - began_s < 2 * HEARTBEAT_S + 1.0
    assert (await client.run("noop", {}))[0] == 200


@pytest.mark.alone
async def test_health_is_quick_while_slots_hold_the_lock(
    cluster: Cluster, client: Client
) -> None:
    """With every slot in native code under the lock, health takes under 100 ms."""
    await standing(cluster, client, "one")
    worker_url = (await client.workers())["one"]["url"]
    async with aiohttp.ClientSession() as session:
        tasks = [asyncio.create_task(client.run("hold", {"seconds": 1.5}))]
        await until(lambda: _is_busy(client, "one"), 10.0)
        worst_s = 0.0
        while not all(task.done() for task in tasks):
            for url in (cluster.url, worker_url):
                began_s = time.perf_counter()
                async with session.get(f"{url}/health/live") as answer:
                    assert answer.status == 200
                worst_s = max(worst_s, time.perf_counter() - began_s)
            await asyncio.sleep(0.01)
    assert [status for status, _ in await asyncio.gather(*tasks)] == [200]
    assert worst_s < 0.1


async def test_frozen_worker_is_replaced(cluster: Cluster, client: Client) -> None:
    """Tasks of a worker that is stopped but not dead are done by the other."""
    await standing(cluster, client, "one", "two")
    flood = asyncio.create_task(_flood(client, 40, 4, "sleep", seconds=0.1))
    await asyncio.sleep(0.3)
    cluster.workers["one"].signal(signal.SIGSTOP)
    answers = await flood
    assert len(answers) == 40
    cluster.workers["one"].signal(signal.SIGCONT)
    await until(lambda: client.are_up("one", "two"), 20.0)


async def test_leaving_worker_finishes_first(cluster: Cluster, client: Client) -> None:
    """On SIGTERM a worker is unready but alive, finishes, leaves, and exits with 0."""
    await standing(cluster, client, "one")
    url = (await client.workers())["one"]["url"]
    running = asyncio.create_task(client.run("sleep", {"seconds": 5.0}))
    await until(lambda: _is_busy(client, "one"), 10.0)
    cluster.workers["one"].signal(signal.SIGTERM)
    async with aiohttp.ClientSession() as session:

        async def is_unready() -> bool:
            async with session.get(f"{url}/health/ready") as answer:
                return answer.status == 503

        await until(is_unready, START_S)
        async with session.get(f"{url}/health/live") as answer:
            assert answer.status == 200
        body = {"workload": "noop", "input": {}}
        async with session.put(f"{url}/v1/tasks/x", json=body) as answer:
            assert answer.status == 503
            assert int(answer.headers["retry-after"]) >= 1
    status, answer = await running
    assert (status, answer["executed_by"]) == (200, "one")
    assert await cluster.workers["one"].exit_code(60.0) == 0
    assert "one" not in await client.workers()


async def _is_busy(client: Client, name: str) -> bool:
    return bool((await client.workers())[name]["busy"] == 1)


@pytest.mark.alone
async def test_cancelling_kills_a_deaf_task(cluster: Cluster, client: Client) -> None:
    """A task that never looks whether to stop is gone within a second of DELETE."""
    await standing(cluster, client, "one")
    (slot,) = cluster.workers["one"].slot_pids()
    body = {"workload": "hold", "input": {"seconds": 30.0}}
    async with client.session.post(
        "/v1/tasks", json=body, headers={"prefer": "respond-async"}
    ) as answer:
        assert answer.status == 202
        assert answer.headers["preference-applied"] == "respond-async"
        location = answer.headers["location"]
    await until(lambda: _is_busy(client, "one"), 10.0)
    began_s = time.monotonic()
    async with client.session.delete(location) as answer:
        assert answer.status == 204

    async def is_gone() -> bool:
        return not psutil.pid_exists(slot)

    await until(is_gone, 10.0)
    assert time.monotonic() - began_s < 1.5
    assert (await client.get(location))["state"] == "cancelled"
    assert (await client.run("sleep", {"seconds": 0.01}))[0] == 200


@pytest.mark.alone
async def test_deadline_ends_a_deaf_task(cluster: Cluster, client: Client) -> None:
    """A task past its deadline is answered 504 and killed within a second."""
    await standing(cluster, client, "one")
    (slot,) = cluster.workers["one"].slot_pids()
    began_s = time.monotonic()
    status, problem = await client.run(
        "hold", {"seconds": 30.0}, **{"deadline-ms": "400"}
    )
    assert (status, problem["type"]) == (504, "/problems/deadline-exceeded")
    assert time.monotonic() - began_s < 2.5

    async def is_gone() -> bool:
        return not psutil.pid_exists(slot)

    await until(is_gone, START_S)


async def test_task_that_kills_its_process(cluster: Cluster, client: Client) -> None:
    """A task that takes its process down is given up after three; all else goes on."""
    await standing(cluster, client, "one", "two")
    before = {n: w.process.pid for n, w in cluster.workers.items()}
    others = asyncio.create_task(_flood(client, 20, 2, "sleep", seconds=0.05))
    status, problem = await client.run("die", {})
    assert (status, problem["type"]) == (422, "/problems/task-failed")
    assert "3 attempts" in problem["detail"]
    assert len(await others) == 20
    assert before == {n: w.process.pid for n, w in cluster.workers.items()}
    assert all(w.process.poll() is None for w in cluster.workers.values())


async def test_slots_hold_no_listening_socket(cluster: Cluster, client: Client) -> None:
    """No process of a slot keeps a server's port; all end with their worker."""
    await standing(cluster, client, "one")
    pids = cluster.workers["one"].slot_pids()
    assert pids
    for pid in pids:
        process = psutil.Process(pid)
        assert process.net_connections("inet") == []
        assert process.nice() == 10
    cluster.workers["one"].kill()

    async def are_gone() -> bool:
        return not any(psutil.pid_exists(pid) for pid in pids)

    await until(are_gone, START_S)


async def test_bad_settings_end_in_one_line(new_cluster: Cluster) -> None:
    """What makes a start impossible is said in one line, with exit code 2."""
    args = ["coordinator", "--host", "0.0.0.0", "--port", "0"]
    program = Program(args, new_cluster.env, new_cluster.folder / "bad.log")
    assert await program.exit_code(60.0) == 2
    assert "COLLEGIUM_API_TOKEN" in program.log
    assert len(program.log.strip().splitlines()) == 1
