"""A small run of what is measured with a thousand workers."""

from __future__ import annotations

import asyncio

import pytest

from collegium.bench.scale import Scale, bench_scale
from collegium.bench.simulated import SimulatedFleet

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


async def test_all_that_is_measured_is_there() -> None:
    """Each worker gets its turns, every nap is taken, and the verdict follows both."""
    steps: list[str] = []
    scale = Scale(
        workers=40,
        heartbeat_s=5.0,
        quiet_s=2.0,
        turns=2,
        sleepers=8,
        naps=80,
        nap_s=0.2,
    )
    report = await bench_scale(scale, steps.append)
    assert len(steps) == 4
    assert report["is_round_robin_exact"]
    assert (report["fewest_turns"], report["most_turns"]) == (2, 2)
    assert 0.0 < report["cpu_share"] < 2.0
    assert report["resident_mb"] > 20.0
    # More than all of the time is impossible: nobody took two naps at once.
    assert 0.2 < report["share_of_ideal"] <= 1.0
    assert report["is_met"] == (
        report["cpu_share"] < 0.2
        and report["resident_mb"] < 200.0
        and report["share_of_ideal"] >= 0.95
    )


async def test_simulated_workers_leave_nothing_behind() -> None:
    """Closing a fleet ends its tasks, also when no coordinator has ever answered."""
    before = asyncio.all_tasks()
    async with SimulatedFleet(3, "http://127.0.0.1:9") as fleet:
        await fleet.announce(0.01)
    assert asyncio.all_tasks() == before
