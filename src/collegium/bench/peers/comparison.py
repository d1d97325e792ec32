"""Our figures beside those of the peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

THROUGHPUT_FACTOR = 2.0
"""Times the tasks a second of the best of them that we claim."""


def compare(
    ours: Mapping[str, float], peers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return how we stand against the best of those that could be measured.

    Parameters
    ----------
    ours : ``tasks_per_s`` with 64 under way, ``p50_ms`` one by one.
    peers : as ``measure_peers`` returns them.

    Returns
    -------
    dict
        ``measured`` (names), ``throughput_factor`` and ``latency_factor`` against the
        best peer of each, and ``is_met``: at least twice the throughput of the best and
        below the lowest latency. Without any peer the factors are None.
    """
    measured = [peer for peer in peers if "tasks_per_s" in peer]
    names = [peer["peer"] for peer in measured]
    if not measured:
        return {
            "measured": names,
            "throughput_factor": None,
            "latency_factor": None,
            "is_met": False,
        }
    throughput = ours["tasks_per_s"] / max(peer["tasks_per_s"] for peer in measured)
    latency = ours["p50_ms"] / min(peer["p50_ms"] for peer in measured)
    return {
        "measured": names,
        "throughput_factor": throughput,
        "latency_factor": latency,
        "is_met": throughput >= THROUGHPUT_FACTOR and latency < 1.0,
    }


def lines_of(peers: Sequence[Mapping[str, Any]], standing: Mapping[str, Any]) -> str:
    """Return the peers' figures, one line each, and how we stand."""
    lines = []
    for peer in peers:
        if "tasks_per_s" in peer:
            lines.append(
                f"{peer['peer']:12}{peer['tasks_per_s']:9.0f}"
                f"{peer['loaded_p50_ms']:9.2f}{peer['loaded_p99_ms']:9.2f}"
                f"{peer['p50_ms']:10.2f}  {peer['version']}, {peer['remark']}"
            )
        else:
            reason = peer.get("skipped") or peer.get("failed")
            lines.append(f"{peer['peer']:12} not measured: {reason}")
    if standing["measured"]:
        lines.append(
            f"{standing['throughput_factor']:.2f} times the tasks a second of the best "
            f"of them, {standing['latency_factor']:.2f} of the lowest latency"
        )
    return "\n".join(lines)
