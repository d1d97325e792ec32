"""What a thousand workers cost a coordinator, and how well it keeps many busy.

The workers are simulated, but announce themselves, are probed and get their tasks over
real HTTP; the coordinator is a process of its own with default settings.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from collegium.bench.peers.drivers.load import run_loops
from collegium.bench.simulated import SimulatedFleet
from collegium.bench.site import Site
from collegium.errors import Unavailable

CPU_CEILING = 0.2
"""Share of one core."""
MEMORY_CEILING_MB = 200.0
IDEAL_FLOOR = 0.95
AT_ONCE = 32
START_LIMIT_S = 60.0
LOOK_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything.

    Parameters
    ----------
    workers : that announce themselves.
    heartbeat_s : how often.
    quiet_s : how long the coordinator is watched while nothing else happens.
    turns : echo tasks for each worker.
    sleepers : workers that are left for the tasks that sleep.
    naps : tasks that sleep, all queued at once.
    nap_s : how long each of them sleeps.
    """

    workers: int = 1000
    heartbeat_s: float = 5.0
    quiet_s: float = 20.0
    turns: int = 3
    sleepers: int = 64
    naps: int = 10_000
    nap_s: float = 0.2


async def bench_scale(
    scale: Scale, on_step: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Measure a coordinator with many workers; return figures and targets.

    Parameters
    ----------
    scale : how much of everything.
    on_step : told what is measured next.

    Raises
    ------
    Unavailable
        When the coordinator does not start, or does not answer as it should.
    """
    with tempfile.TemporaryDirectory(prefix="collegium-bench-") as folder:
        site = Site(
            Path(folder),
            workers=0,
            options=[f"--heartbeat={scale.heartbeat_s}", "--local-slots=1"],
        )
        async with site, SimulatedFleet(scale.workers, site.url) as fleet:
            on_step(f"{scale.workers} workers announce themselves")
            await fleet.announce(scale.heartbeat_s)
            await _until_up(site, scale.workers)
            on_step(f"watching the coordinator for {scale.quiet_s:g} s")
            cpu_share, resident_mb = await _watch(site, scale.quiet_s)
            on_step("round robin")
            counts = await _take_turns(site, fleet, scale.turns)
            await fleet.leave(fleet.workers[scale.sleepers :])
            on_step(f"{scale.naps} tasks for {scale.sleepers} sleeping workers")
            busy_share, share = await _sleep(site, fleet, scale)
    exact = set(counts) == {scale.turns}
    return {
        "scale": asdict(scale),
        "cpu_share": cpu_share,
        "resident_mb": resident_mb,
        "fewest_turns": min(counts),
        "most_turns": max(counts),
        "is_round_robin_exact": exact,
        "share_of_ideal": share,
        "busy_cpu_share": busy_share,
        "targets": {
            "cpu_share": CPU_CEILING,
            "resident_mb": MEMORY_CEILING_MB,
            "share_of_ideal": IDEAL_FLOOR,
        },
        "is_met": exact
        and cpu_share < CPU_CEILING
        and resident_mb < MEMORY_CEILING_MB
        and share >= IDEAL_FLOOR,
    }


async def _until_up(site: Site, members: int) -> None:
    found = 0
    try:
        async with asyncio.timeout(START_LIMIT_S):
            while found != members:
                await asyncio.sleep(LOOK_AGAIN_S)
                found = await site.members_up()
    except TimeoutError:
        raise Unavailable(f"{found} of {members} workers are up in time.") from None


async def _watch(site: Site, seconds: float) -> tuple[float, float]:
    """Return the coordinator's share of one core, and its resident MB at the end."""
    process = psutil.Process(site.coordinator_pid)
    loop = asyncio.get_running_loop()
    began_s, before_s = loop.time(), _busy_s(process)
    await asyncio.sleep(seconds)
    share = (_busy_s(process) - before_s) / (loop.time() - began_s)
    return share, process.memory_info().rss / 2**20


async def _take_turns(site: Site, fleet: SimulatedFleet, turns: int) -> list[int]:
    """Return how many of the tasks each worker got."""
    body = {"workload": "echo", "input": 1}

    async def call(number: int) -> None:
        async with site.client.post("/v1/tasks", json=body) as answer:
            if answer.status != 200:
                text = await answer.text()
                raise Unavailable(f"A task was answered {answer.status}: {text[:200]}")
            await answer.read()

    await run_loops(call, tasks=turns * len(fleet.workers), concurrency=AT_ONCE)
    return [worker.done for worker in fleet.workers]


async def _sleep(
    site: Site, fleet: SimulatedFleet, scale: Scale
) -> tuple[float, float]:
    """Queue all naps; return the core's share, and that of the ideal throughput.

    The latter is what workers would reach that have no pause between two naps.
    """
    process = psutil.Process(site.coordinator_pid)
    before_s = _busy_s(process)
    for worker in fleet.workers:
        worker.done, worker.first_s, worker.last_s = 0, None, None
    workers = fleet.workers[: scale.sleepers]

    async def call(number: int) -> None:
        await site.submit("sleep", {"seconds": scale.nap_s})

    await run_loops(call, tasks=scale.naps, concurrency=AT_ONCE)
    ideal_s = scale.naps * scale.nap_s / len(workers)
    try:
        async with asyncio.timeout(START_LIMIT_S + 4.0 * ideal_s):
            await fleet.until_done(scale.naps)
    except TimeoutError:
        raise Unavailable("Not all tasks were done in time.") from None
    first_s = min(w.first_s for w in workers if w.first_s is not None)
    last_s = max(w.last_s for w in workers if w.last_s is not None)
    taken_s = last_s - first_s
    return (_busy_s(process) - before_s) / taken_s, ideal_s / taken_s


def _busy_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
