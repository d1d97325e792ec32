"""The metrics of a coordinator's fleet; labels never name a worker or a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from collegium.fleet.members import View
from collegium.fleet.service import Fleet
from collegium.workloads.counters import bucket_end_s

_STATES: tuple[View, ...] = (
    "starting",
    "up",
    "draining",
    "suspect",
    "ejected",
    "set_aside",
)
_ENDS = ("succeeded", "failed", "cancelled", "expired", "rejected")
_TRIES = (
    *("attempts", "refused", "retried", "fallback", "wrong_answers"),
    *("hedged", "hedges_won", "hedges_stopped"),
)


def fleet_metrics(fleet: Fleet) -> Iterator[Metric]:
    """Yield what the fleet is doing and what was dispatched to it."""
    yield from _members(fleet)
    yield from _dispatched(fleet)
    yield _latency(fleet)


def _members(fleet: Fleet) -> Iterator[Metric]:
    now_s = fleet.now_s()
    states = Counter(member.view(now_s) for member in fleet.registry.members)
    workers = GaugeMetricFamily(
        "collegium_fleet_workers", "Workers by state.", labels=["state"]
    )
    for state in _STATES:
        workers.add_metric([state], states.get(state, 0))
    yield workers
    slots = GaugeMetricFamily(
        "collegium_fleet_slots", "Slots of routable workers.", labels=["state"]
    )
    slots.add_metric(["all"], fleet.slots())
    slots.add_metric(["free"], fleet.free_slots())
    yield slots
    done = CounterMetricFamily(
        "collegium_fleet_worker_tasks",
        "Tasks as the workers count them.",
        labels=["outcome"],
    )
    totals = fleet.counted().total()
    for outcome in ("completed", "failed", "cancelled", "lost", "refused"):
        done.add_metric([outcome], totals.get(f"tasks_{outcome}", 0))
    yield done


def _dispatched(fleet: Fleet) -> Iterator[Metric]:
    dispatcher = fleet.dispatcher
    counts = dispatcher.counters.to_dict()
    ends = CounterMetricFamily(
        "collegium_tasks", "Tasks by how they ended here.", labels=["outcome"]
    )
    for name in _ENDS:
        ends.add_metric([name], counts[name])
    yield ends
    tries = CounterMetricFamily(
        "collegium_dispatch_events", "What happened on the way.", labels=["event"]
    )
    for name in _TRIES:
        tries.add_metric([name], counts[name])
    yield tries
    yield GaugeMetricFamily(
        "collegium_queued_tasks", "Tasks that wait for a slot.", len(dispatcher.queue)
    )
    yield GaugeMetricFamily(
        "collegium_queue_age_seconds",
        "How long the oldest waiting task has waited.",
        dispatcher.queue.age_s(fleet.now_s()),
    )
    yield GaugeMetricFamily(
        "collegium_tasks_under_way",
        "Tasks taken in and not yet ended.",
        len(dispatcher.calls),
    )


def _latency(fleet: Fleet) -> Metric:
    latency = fleet.dispatcher.latency
    buckets: list[tuple[str, float]] = []
    total = 0
    for index, count in enumerate(latency.buckets):
        total += count
        if index % 4 == 3:  # every factor of four is enough to look at
            buckets.append((f"{bucket_end_s(index):g}", total))
    buckets.append(("+Inf", total))
    metric = HistogramMetricFamily(
        "collegium_task_seconds", "Time from taking a task in to giving its result."
    )
    metric.add_metric([], buckets, sum_value=latency.sum_s)
    return metric
