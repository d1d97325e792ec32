"""Traces of real processes, as a collector gets them."""

from __future__ import annotations

import json
import secrets
from collections import Counter

import pytest

from fixtures.cluster import Client, Cluster, Program
from fixtures.collector import Collector, Seen
from fixtures.waiting import until

START_S = 90.0


def new_trace() -> tuple[str, str, str]:
    """Return the ids of a client's trace and span, and the header that says them."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, f"00-{trace}-{span}-01"


def start(cluster: Cluster, collector: Collector, *workers: str) -> Program:
    """Start a coordinator and workers that export to a collector."""
    cluster.env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "COLLEGIUM_LOG_FORMAT": "json",
    }
    # Rare probes, so that none is late and no task runs at home for it.
    coordinator = cluster.start_coordinator("--heartbeat", "3")
    for name in workers:
        cluster.start_worker(name)
    return coordinator


def path_up(spans: list[Seen], leaf: Seen) -> list[tuple[str, str]]:
    """Return who did what, from the root of this trace down to a span."""
    by_id = {span.id: span for span in spans}
    path: list[tuple[str, str]] = []
    span: Seen | None = leaf
    while span is not None:
        path.insert(0, (span.service, span.name))
        span = by_id.get(span.parent)
    return path


@pytest.mark.processes
async def test_one_trace_from_client_to_slot(
    cluster: Cluster, client: Client, collector: Collector
) -> None:
    """What a client asks for is one trace over both hops, each step below its cause."""
    start(cluster, collector, "w1")
    await until(client.is_ready, START_S)
    await until(lambda: client.are_up("w1"), START_S)
    trace, root, header = new_trace()
    status, _ = await client.run("sleep", {"seconds": 0.01}, traceparent=header)
    assert status == 200

    async def is_complete() -> bool:
        return len(collector.of(trace)) >= 6

    await until(is_complete, 20.0)
    spans = collector.of(trace)
    assert len(spans) == 6
    (leaf,) = (span for span in spans if span.name == "run sleep")
    assert path_up(spans, leaf) == [
        ("collegium-coordinator", "POST /v1/tasks"),
        ("collegium-coordinator", "task sleep"),
        ("collegium-coordinator", "attempt sleep"),
        ("collegium-worker", "PUT /v1/tasks/{task_id}"),
        ("collegium-worker", "task sleep"),
        ("collegium-worker", "run sleep"),
    ]
    by_name = {(span.service, span.name): span for span in spans}
    served = by_name["collegium-coordinator", "POST /v1/tasks"]
    assert (served.parent, served.kind) == (root, "server")
    assert served.attributes["http.response.status_code"] == 200
    tried = by_name["collegium-coordinator", "attempt sleep"]
    assert (tried.kind, tried.attributes["collegium.worker.id"]) == ("client", "w1")
    assert 10_000 <= leaf.attributes["collegium.run_us"] < 10_000_000
    assert not any(span.is_error for span in spans)
    # Nobody asked for these.
    unwanted = ("/health/", "/v1/workers/", "/v1/self")
    assert not [s.name for s in collector.spans if any(u in s.name for u in unwanted)]


@pytest.mark.processes
async def test_retries_are_siblings_and_the_log_names_the_trace(
    cluster: Cluster, client: Client, collector: Collector
) -> None:
    """Each attempt at a task stands beside the others, and so does the fallback."""
    coordinator = start(cluster, collector, "w1", "w2")
    await until(client.is_ready, START_S)
    await until(lambda: client.are_up("w1", "w2"), START_S)
    trace, _, header = new_trace()
    status, _ = await client.run("die", {"seconds": 0.0}, traceparent=header)
    assert status == 422

    async def is_complete() -> bool:
        names = Counter(span.name for span in collector.of(trace))
        return names["POST /v1/tasks"] >= 1 and names["run die"] >= 3

    await until(is_complete)
    spans = collector.of(trace)
    (task,) = (
        span
        for span in spans
        if (span.service, span.name) == ("collegium-coordinator", "task die")
    )
    attempts = [span for span in spans if span.name == "attempt die"]
    assert {span.parent for span in attempts} == {task.id}
    assert all(span.is_error for span in [task, *attempts])
    places = {
        span.attributes["collegium.attempt"]: span.attributes["collegium.worker.id"]
        for span in attempts
    }
    assert {places[1], places[2]} == {"w1", "w2"}
    assert places[3] == "local"
    runs = Counter(span.service for span in spans if span.name == "run die")
    assert runs == {"collegium-worker": 2, "collegium-coordinator": 1}
    lines = [json.loads(line) for line in coordinator.log.splitlines() if "{" in line]
    lost = [line for line in lines if "lost at" in line["message"]]
    assert len(lost) == 3
    assert all(f"-{trace}-" in line["traceparent"] for line in lost)
