"""Hedging with real processes, one of which does not answer."""

from __future__ import annotations

import signal

import pytest

from collegium.fleet.hedging import FEWEST_SEEN
from fixtures.cluster import Client, Cluster
from fixtures.waiting import until

START_S = 90.0


@pytest.mark.processes
async def test_a_frozen_worker_delays_nobody(cluster: Cluster, client: Client) -> None:
    """A task at a worker that has stopped is answered by the other one, and soon."""
    cluster.start_coordinator("--hedge", "--heartbeat", "30")
    for name in ("w1", "w2"):
        cluster.start_worker(name, "--heartbeat", "30")
    await until(client.is_ready, START_S)
    await until(lambda: client.are_up("w1", "w2"), START_S)
    for _ in range(4 * FEWEST_SEEN):
        assert (await client.run("sleep", {"seconds": 0.01}))[0] == 200
    before = await _counters(client)
    cluster.workers["w1"].signal(signal.SIGSTOP)

    async def has_won() -> bool:
        # A task of the other one may be late too, and then takes the frozen one's turn.
        status, body = await client.run("sleep", {"seconds": 0.01})
        assert (status, body["executed_by"]) == (200, "w2")
        return (await _counters(client))["hedges_won"] > before["hedges_won"]

    await until(has_won, 60.0)
    counters = await _counters(client)
    assert counters["hedged"] >= counters["hedges_won"]
    assert counters["hedges_stopped"] >= 1
    assert counters["retried"] == 0


async def _counters(client: Client) -> dict[str, int]:
    counters: dict[str, int] = (await client.get("/v1/stats"))["coordinator"][
        "counters"
    ]
    return counters
