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
    for _ in range(2 * FEWEST_SEEN):
        assert (await client.run("sleep", {"seconds": 0.01}))[0] == 200
    cluster.workers["w1"].signal(signal.SIGSTOP)
    answers = [await client.run("sleep", {"seconds": 0.01}) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 200]
    assert {body["executed_by"] for _, body in answers} == {"w2"}
    counters = (await client.get("/v1/stats"))["coordinator"]["counters"]
    assert counters["hedged"] >= counters["hedges_won"] >= 1
    assert counters["hedges_stopped"] >= 1
    assert counters["retried"] == 0
