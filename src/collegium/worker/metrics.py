"""The metrics of a worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from collegium.worker.stats import Reporter
from collegium.workloads.counters import TaskCounters, bucket_end_s
from collegium.workloads.executor import Executor


def worker_metrics(executor: Executor, reporter: Reporter) -> Iterator[Metric]:
    """Yield what this worker has done and what it is doing."""
    counts = reporter.counters()
    tasks = CounterMetricFamily(
        "collegium_worker_tasks", "Tasks by how they ended.", labels=["outcome"]
    )
    for outcome in ("completed", "failed", "cancelled", "lost", "refused", "repeated"):
        tasks.add_metric([outcome], counts[f"tasks_{outcome}"])
    yield tasks
    yield run_seconds("collegium_worker_task_seconds", [executor.counters])
    slots = GaugeMetricFamily(
        "collegium_worker_slots", "Slots by what they do.", labels=["state"]
    )
    slots.add_metric(["busy"], executor.slots.busy)
    slots.add_metric(["free"], executor.slots.free)
    yield slots
    yield GaugeMetricFamily(
        "collegium_worker_waiting_tasks",
        "Tasks that wait for a slot of this worker.",
        executor.slots.waiting,
    )


def run_seconds(name: str, sources: Sequence[TaskCounters]) -> Metric:
    """Return how long tasks ran, as a histogram."""
    buckets: list[tuple[str, float]] = []
    total = 0
    for index in range(len(sources[0].buckets)):
        total += sum(source.buckets[index] for source in sources)
        if index % 4 == 3:  # every factor of four is enough to look at
            buckets.append((f"{bucket_end_s(index):g}", total))
    buckets.append(("+Inf", total))
    seconds = sum(source.busy_us for source in sources) / 1e6
    metric = HistogramMetricFamily(name, "Time that tasks with a result ran.")
    metric.add_metric([], buckets, sum_value=seconds)
    return metric
