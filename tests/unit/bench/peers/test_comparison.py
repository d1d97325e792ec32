"""Tests of how we stand against the peers."""

from __future__ import annotations

from typing import Any

import pytest

from collegium.bench.peers.comparison import compare, lines_of


def _peer(name: str, tasks_per_s: float, p50_ms: float) -> dict[str, Any]:
    return {
        "peer": name,
        "version": "1",
        "remark": "as shipped",
        "tasks_per_s": tasks_per_s,
        "loaded_p50_ms": 1.0,
        "loaded_p99_ms": 2.0,
        "p50_ms": p50_ms,
    }


PEERS = [_peer("ray", 1000.0, 2.0), _peer("rq", 500.0, 1.5)]


@pytest.mark.parametrize(
    ("tasks_per_s", "p50_ms", "is_met"),
    [
        (2000.0, 1.4, True),
        (1999.0, 1.4, False),
        (2000.0, 1.5, False),
        (1500.0, 0.1, False),
    ],
)
def test_both_have_to_be_better_than_the_best(
    tasks_per_s: float, p50_ms: float, is_met: bool
) -> None:
    """The claim is met by twice the fastest and less than the quickest, not by one."""
    ours = {"tasks_per_s": tasks_per_s, "p50_ms": p50_ms}
    standing = compare(ours, PEERS)
    assert standing["is_met"] is is_met
    assert standing["throughput_factor"] == pytest.approx(tasks_per_s / 1000.0)
    assert standing["latency_factor"] == pytest.approx(p50_ms / 1.5)


def test_without_a_peer_nothing_is_claimed() -> None:
    """When all are skipped the claim is not met, and the reasons are shown."""
    peers = [{"peer": "rq", "skipped": "no redis"}, {"peer": "ray", "failed": "oops"}]
    standing = compare({"tasks_per_s": 9e9, "p50_ms": 0.0}, peers)
    assert standing["is_met"] is False
    assert standing["measured"] == []
    shown = lines_of(peers, standing)
    assert "no redis" in shown
    assert "oops" in shown


def test_every_peer_has_its_line() -> None:
    """A measured peer's line has its figures, version and what was set."""
    ours = {"tasks_per_s": 3000.0, "p50_ms": 0.75}
    shown = lines_of(PEERS, compare(ours, PEERS))
    assert "1000" in shown.splitlines()[0]
    assert "as shipped" in shown.splitlines()[1]
    assert shown.endswith(
        "3.00 times the tasks a second of the best of them, 0.50 of the lowest latency"
    )
