"""Ten times more than it can do is asked of a coordinator: it says so at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from collegium.coordinator.app import create_app
from collegium.settings import CoordinatorSettings
from fixtures.serving import serving

QUEUE = 20
GREEDY = 100
LOOKS = 60
GOOD_P99_S = 0.5


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client of a coordinator with one slot and room for a few tasks."""
    settings = CoordinatorSettings(
        database=f"sqlite:///{tmp_path / 'collegium.db'}",
        data_dir=tmp_path,
        local_slots=1,
        queue_limit=QUEUE,
        workloads=("sleep", "echo"),
    )
    async with serving(create_app(settings)) as client:
        yield client


@pytest.mark.alone
async def test_the_good_client_is_served_all_the_time(
    client: aiohttp.ClientSession,
) -> None:
    """Greedy ones get 503 with Retry-After early, and the queue stays bounded."""
    statuses: Counter[int] = Counter()
    is_over = asyncio.Event()
    longest_refusal_s = 0.0

    async def be_greedy() -> None:
        nonlocal longest_refusal_s
        body = {"workload": "sleep", "input": {"seconds": 0.05}}
        while not is_over.is_set():
            began_s = time.perf_counter()
            async with client.post("/v1/tasks", json=body) as answer:
                await answer.read()
                statuses[answer.status] += 1
                if answer.status == 503:
                    took_s = time.perf_counter() - began_s
                    longest_refusal_s = max(longest_refusal_s, took_s)
                    assert int(answer.headers["retry-after"]) >= 1
                    await asyncio.sleep(0.2)  # impatient: sooner than it was told

    calm_s, _ = await _look(client)
    greedy = [asyncio.create_task(be_greedy()) for _ in range(GREEDY)]
    busy_s, queued = await _look(client)
    is_over.set()
    await asyncio.gather(*greedy)
    assert set(statuses) == {200, 503}
    assert max(queued) == QUEUE
    # A machine that is slow without anybody's greed is not the coordinator's fault.
    bound_s = max(GOOD_P99_S, 10 * calm_s)
    assert busy_s < bound_s
    # Nobody was kept in suspense as long as those who were let in.
    assert longest_refusal_s < 2 * bound_s


async def _look(client: aiohttp.ClientSession) -> tuple[float, list[int]]:
    """Be a good client; return the p99 of its waits and the lengths of the queue."""
    waits_s, queued = [], []
    for _ in range(LOOKS):
        began_s = time.perf_counter()
        async with client.get("/v1/stats") as answer:
            told = await answer.json()
        waits_s.append(time.perf_counter() - began_s)
        queued.append(told["coordinator"]["queued"])
        await asyncio.sleep(0.01)
    waits_s.sort()
    return waits_s[int(0.99 * LOOKS) - 1], queued
