"""Jobs under faults, with real processes."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import read_timetable, write_problem
from collegium.timetabling.validate import validate
from fixtures.cluster import HEARTBEAT_S, Client, Cluster, standing
from fixtures.waiting import until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("compiled_solver"),
]

START_S = 120.0
JOB_S = 6.0
LATE_S = 60.0
"""What a job may take beyond its budget on a busy machine, with faults."""
PROBLEM = generate(SampleSize.of_classes(60), seed=5)
XML = write_problem(PROBLEM)
FINAL = {"succeeded", "failed", "cancelled"}


@pytest.fixture
def cluster(lasting_cluster: Cluster) -> Cluster:
    """Let everybody offer timetables, and jobs change hands quickly."""
    lasting_cluster.env |= {
        "COLLEGIUM_WORKLOADS": "noop,sleep,timetable",
        "COLLEGIUM_WORKER_WORKLOADS": "noop,sleep,timetable",
        "COLLEGIUM_JOB_LEASE_S": "3",
    }
    return lasting_cluster


async def _begin(cluster: Cluster, client: Client, *workers: str) -> None:
    """Return when exactly these workers are up, and no job of an earlier test runs."""
    await standing(cluster, client, *workers, timeout_s=START_S)
    for job in (await client.get("/v1/jobs"))["items"]:
        if job["state"] not in FINAL:
            await _cancel(client, f"/v1/jobs/{job['id']}")


async def _post(client: Client, **budget: Any) -> str:
    """Post a timetable job; return its path."""
    sha256 = hashlib.sha256(XML).hexdigest()
    async with client.session.put(f"/v1/blobs/{sha256}", data=XML) as answer:
        assert answer.status in {201, 204}
    job_input = {"problem": sha256, **(budget or {"seconds": JOB_S})}
    body = {"workload": "timetable", "input": job_input}
    async with client.session.post("/v1/jobs", json=body) as answer:
        assert answer.status == 202
        return answer.headers["Location"]


async def _cancel(client: Client, path: str) -> None:
    async with client.session.delete(path) as answer:
        assert answer.status == 202


async def _job(client: Client, path: str) -> dict[str, Any] | None:
    try:
        job: dict[str, Any] = await client.get(path)
    except aiohttp.ClientError:
        return None  # the coordinator is away
    return job


async def _when(client: Client, path: str, **least: int) -> dict[str, Any]:
    """Return the job once its progress has reached these numbers."""

    async def reached() -> dict[str, Any] | None:
        job = await _job(client, path)
        if job is None or any(job["progress"].get(k, 0) < v for k, v in least.items()):
            return None
        if job["progress"].get("objective") is None:
            return None  # leases are back, and the first check is under way
        return job

    return await until(reached, START_S)


async def _ended(client: Client, path: str) -> dict[str, Any]:
    async def final() -> dict[str, Any] | None:
        job = await _job(client, path)
        return job if job is not None and job["state"] in FINAL else None

    return await until(final, JOB_S + LATE_S)


def _rank(job: dict[str, Any]) -> tuple[int, int]:
    """Smaller is better: a valid timetable may cost more than a broken one."""
    return job["progress"]["violations"], job["progress"]["objective"]


async def _assert_valid(client: Client, job: dict[str, Any]) -> None:
    """Judge the result from its file; it must be what the job says it is."""
    assert job["state"] == "succeeded", job
    async with client.session.get(f"/v1/jobs/{job['id']}/result") as answer:
        assert answer.status == 200
        report = validate(PROBLEM, read_timetable(await answer.read()))
    assert report.feasible
    assert report.total == job["progress"]["objective"]


async def test_a_job_survives_the_death_of_one_of_two_workers(
    cluster: Cluster, client: Client
) -> None:
    """The other one carries on; the dead one's lease is all that is lost."""
    await _begin(cluster, client, "one", "two")
    path = await _post(client)
    before = await _when(client, path, leases=2)
    cluster.workers["one"].kill()
    job = await _ended(client, path)
    await _assert_valid(client, job)
    assert _rank(job) <= _rank(before)
    assert job["progress"]["leases"] > before["progress"]["leases"]


async def test_a_job_survives_the_death_of_every_worker(
    cluster: Cluster, client: Client
) -> None:
    """The coordinator's own slots finish what the workers have begun."""
    await _begin(cluster, client, "one", "two")
    path = await _post(client)
    before = await _when(client, path, leases=2)
    for worker in cluster.workers.values():
        worker.kill()
    job = await _ended(client, path)
    await _assert_valid(client, job)
    assert job["progress"]["leases"] > before["progress"]["leases"]


async def test_a_frozen_worker_does_not_hold_a_job(
    cluster: Cluster, client: Client
) -> None:
    """A worker that is stopped, not dead, is done without."""
    await _begin(cluster, client, "one", "two")
    path = await _post(client)
    await _when(client, path, leases=2)
    cluster.workers["one"].signal(signal.SIGSTOP)
    await _assert_valid(client, await _ended(client, path))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_job_goes_on_when_its_coordinator_has_been_restarted(
    cluster: Cluster, client: Client, number: signal.Signals
) -> None:
    """It keeps its best and the time that it has used; nothing begins anew."""
    await _begin(cluster, client, "one", "two")
    path = await _post(client)
    before = await _when(client, path, leases=2)
    assert cluster.coordinator is not None
    cluster.coordinator.signal(number)
    await cluster.coordinator.exit_code(20.0)
    cluster.start_coordinator()
    await until(client.is_ready, START_S)
    job = await _ended(client, path)
    await _assert_valid(client, job)
    assert _rank(job) <= _rank(before)
    assert job["progress"]["leases"] >= before["progress"]["leases"]
    assert job["progress"]["elapsed_s"] < 2 * JOB_S
    assert job["started_at"] == before["started_at"]


async def test_queued_jobs_survive_a_restart(cluster: Cluster, client: Client) -> None:
    """Each of several accepted jobs ends, although the coordinator is killed."""
    await _begin(cluster, client)
    paths = [await _post(client, seconds=1.0 + i / 10) for i in range(4)]
    assert cluster.coordinator is not None
    cluster.coordinator.kill()
    cluster.start_coordinator()
    await until(client.is_ready, START_S)
    for path in paths:
        await _assert_valid(client, await _ended(client, path))


@pytest.mark.alone
async def test_a_late_worker_is_used_within_a_heartbeat(
    cluster: Cluster, client: Client
) -> None:
    """It has its first lease before its second report could have asked for it."""
    await _begin(cluster, client)
    path = await _post(client, seconds=600)
    await _valid_shown(client, path)
    cluster.start_worker("late")

    async def is_up() -> bool:
        return (await client.workers()).get("late", {}).get("state") == "up"

    async def is_busy() -> bool:
        return bool((await client.workers())["late"]["busy"])

    await until(is_up, START_S)
    up_s = time.monotonic()
    await until(is_busy, START_S)
    used_after_s = time.monotonic() - up_s
    await _cancel(client, path)
    # The looks themselves take time, on a machine whose cores are all at work.
    assert used_after_s < HEARTBEAT_S + 0.5


@pytest.mark.alone
async def test_without_any_worker_health_is_answered_throughout(
    cluster: Cluster, client: Client
) -> None:
    """The job runs in the coordinator's slots, its loop serves everybody else."""
    await _begin(cluster, client)
    path = await _post(client)
    async with _measured_health(client) as waits_s:
        job = await _ended(client, path)
    await _assert_valid(client, job)
    waits_s.sort()
    assert len(waits_s) > 50
    assert waits_s[int(0.99 * len(waits_s))] < 0.1, waits_s[-10:]


@asynccontextmanager
async def _measured_health(client: Client) -> AsyncIterator[list[float]]:
    """Ask for health again and again; collect how long each answer took."""
    waits_s: list[float] = []

    async def ask() -> None:
        while True:
            begun_s = time.perf_counter()
            async with client.session.get("/health/ready") as answer:
                assert answer.status == 200
            waits_s.append(time.perf_counter() - begun_s)
            await asyncio.sleep(0.02)

    asking = asyncio.create_task(ask())
    try:
        yield waits_s
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.alone
async def test_a_cancelled_job_stops_its_workers_and_keeps_its_best(
    cluster: Cluster, client: Client
) -> None:
    """Within a second or so no worker is busy with it any more.

    What leases in flight have shown by then is not lost: they hand it in.
    """
    await _begin(cluster, client, "one", "two")
    path = await _post(client, seconds=600)
    shown = await _valid_shown(client, path)
    await _cancel(client, path)
    begun_s = time.monotonic()

    async def are_idle() -> bool:
        workers = await client.workers()
        return not any(worker["busy"] for worker in workers.values())

    await until(are_idle, START_S)
    assert time.monotonic() - begun_s < 2.0
    job = await _ended(client, path)
    assert job["state"] == "cancelled"
    async with client.session.get(f"{path}/result") as answer:
        report = validate(PROBLEM, read_timetable(await answer.read()))
    assert report.feasible
    assert report.total == job["progress"]["objective"] <= shown


@pytest.mark.alone
async def test_a_frozen_worker_does_not_hold_a_cancelled_job(
    cluster: Cluster, client: Client
) -> None:
    """What it has is lost; what the other one has found is the job's result."""
    await _begin(cluster, client, "one", "two")
    path = await _post(client, seconds=600)
    await _valid_shown(client, path, n_leases=2)
    cluster.workers["one"].signal(signal.SIGSTOP)
    begun_s = time.monotonic()
    await _cancel(client, path)
    job = await _ended(client, path)
    assert time.monotonic() - begun_s < 3.0
    assert job["state"] == "cancelled"
    async with client.session.get(f"{path}/result") as answer:
        report = validate(PROBLEM, read_timetable(await answer.read()))
    assert report.total == job["progress"]["objective"]


async def _valid_shown(client: Client, path: str, n_leases: int = 1) -> int:
    """Return the best objective once so many leases show a valid timetable."""

    async def shown() -> int | None:
        job = await _job(client, path)
        live = job["progress"].get("live", []) if job is not None else []
        valid = [seen["objective"] for seen in live if seen["violations"] == 0]
        return min(valid) if len(valid) >= n_leases else None

    return await until(shown, START_S)


async def test_an_unreadable_problem_fails_its_job_with_the_reason(
    cluster: Cluster, client: Client
) -> None:
    """Workers say what is wrong with the file, and the job repeats it."""
    await _begin(cluster, client, "one")
    data = b"<problem><rooms></problem>"
    sha256 = hashlib.sha256(data).hexdigest()
    async with client.session.put(f"/v1/blobs/{sha256}", data=data) as answer:
        assert answer.status == 201
    body = {"workload": "timetable", "input": {"problem": sha256}}
    async with client.session.post("/v1/jobs", json=body) as answer:
        path = answer.headers["Location"]
    job = await _ended(client, path)
    assert job["state"] == "failed"
    assert "problem cannot be read" in job["error"]


async def test_any_workload_can_be_a_job(cluster: Cluster, client: Client) -> None:
    """A job of one task ends with the task's output as its result."""
    await _begin(cluster, client, "one")
    body = {"workload": "sleep", "input": {"seconds": 0.2}}
    async with client.session.post("/v1/jobs", json=body) as answer:
        path = answer.headers["Location"]
    assert (await _ended(client, path))["state"] == "succeeded"
    async with client.session.get(f"{path}/result") as answer:
        assert answer.headers["Content-Type"] == "application/json"
