"""What the fleet shows of itself: its workers one by one, and in sum."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec

from collegium import __version__
from collegium.fleet.counters import quantile
from collegium.fleet.engine_local import LOCAL
from collegium.fleet.members import Member
from collegium.fleet.service import Fleet
from collegium.protocol import WorkerView
from collegium.rest.traffic import Traffic, TrafficTotals
from collegium.workloads.counters import BUCKET_COUNT, bucket_name

_BUCKET_NAMES = {bucket_name(index): index for index in range(BUCKET_COUNT)}


class Quantiles(msgspec.Struct, frozen=True):
    """Durations, in seconds, within which shares of all ended."""

    p50: float
    p90: float
    p99: float


class SourceTotals(msgspec.Struct):
    """What one worker, or all of them, have done since they are counted."""

    tasks_started: int = 0
    tasks_completed: int = 0
    tasks_failed: int = 0
    tasks_cancelled: int = 0
    tasks_lost: int = 0
    tasks_refused: int = 0
    tasks_repeated: int = 0
    tasks_fallback: int = 0
    """Those that a coordinator ran in processes of its own."""
    tasks_per_minute: float = 0.0
    """Tasks completed in the last minute, as far as reports have come."""
    busy_s: float = 0.0
    error_rate: float = 0.0
    run_seconds: Quantiles = Quantiles(0.0, 0.0, 0.0)
    uptime_s: float | None = None
    """Since the start of the worker's process; none for a sum, or without a report."""
    age_s: float | None = None
    """Since the report that this is taken from; none when it came by another way."""


class FleetTotals(SourceTotals):
    """The sums of all workers, and what they offer at the moment."""

    workers: int = 0
    slots: int = 0
    busy: int = 0


class CoordinatorTotals(msgspec.Struct):
    """What this coordinator has dispatched since its start."""

    incarnation: str
    version: str
    uptime_s: float
    queued: int
    queue_age_s: float
    """How long the oldest waiting task has waited."""
    under_way: int
    tasks_per_minute: float
    counters: dict[str, int]
    total_seconds: Quantiles


class StatisticsView(msgspec.Struct):
    """``GET /v1/stats``."""

    as_of: str
    """When this was put together, RFC 3339 in UTC."""
    bound_s: float
    """How much older than that what workers have counted may be."""
    report_age_s: float
    """Seconds since the oldest report in the sums of workers that are up; what they
    have done since is not in it."""
    fleet: FleetTotals
    workers: dict[str, SourceTotals]
    coordinator: CoordinatorTotals
    http: TrafficTotals


def worker_view(fleet: Fleet, worker_id: str) -> WorkerView:
    """Return one worker.

    Raises
    ------
    NotFound
        When it is not announced here.
    """
    member = fleet.registry.get(worker_id)
    now_s = fleet.now_s()
    totals = fleet.statistics.of(worker_id)
    return WorkerView(
        id=member.id,
        incarnation=member.incarnation,
        url=member.url,
        state=member.view(now_s),
        slots=member.slots,
        busy=_busy(member),
        tasks_completed=totals.get("tasks_completed", 0),
        tasks_failed=totals.get("tasks_failed", 0),
        workloads=sorted(member.workloads),
        version=member.version,
        weight=member.weight,
        last_seen_s=round(now_s - member.seen_s, 1),
        running=list(member.running),
        gauges=member.gauges,
    )


def statistics(fleet: Fleet, traffic: Traffic) -> StatisticsView:
    """Return everything that is counted, for each worker and in sum.

    Parameters
    ----------
    fleet : whose workers and tasks are counted.
    traffic : the requests that this coordinator has answered.
    """
    counted = fleet.counted()
    now_s = fleet.now_s()
    routable = [m for m in fleet.registry.members if m.is_routable(now_s)]
    total = FleetTotals(
        workers=len(routable),
        slots=sum(member.slots for member in routable),
        busy=sum(_busy(member) for member in routable),
    )
    _fill(total, counted.total())
    workers = {name: _source(fleet, name, c) for name, c in counted.by_source().items()}
    total.tasks_per_minute = sum(
        workers[name].tasks_per_minute
        for name in workers
        if not counted.is_summary(name)
    )
    return StatisticsView(
        as_of=_now(),
        bound_s=fleet.heartbeat_s,
        report_age_s=round(max((now_s - m.seen_s for m in routable), default=0.0), 1),
        fleet=total,
        workers=workers,
        coordinator=_coordinator(fleet),
        http=traffic.totals(),
    )


def _now() -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")


def _source(fleet: Fleet, name: str, counters: dict[str, int]) -> SourceTotals:
    totals = _fill(SourceTotals(), counters)
    totals.tasks_per_minute = fleet.per_minute(name)
    member = fleet.registry.find(name)
    if member is not None:
        totals.age_s = round(fleet.now_s() - member.seen_s, 1)
        uptime_s = member.gauges.get("uptime_s")
        if uptime_s is not None:
            totals.uptime_s = round(uptime_s + totals.age_s, 1)
    elif name == LOCAL:
        totals.uptime_s, totals.age_s = _uptime_s(fleet), 0.0
    return totals


def _uptime_s(fleet: Fleet) -> float:
    return round(time.monotonic() - fleet.started_s, 1)


def _coordinator(fleet: Fleet) -> CoordinatorTotals:
    dispatcher = fleet.dispatcher
    latency = dispatcher.latency
    return CoordinatorTotals(
        incarnation=fleet.identity,
        version=__version__,
        uptime_s=_uptime_s(fleet),
        queued=len(dispatcher.queue),
        queue_age_s=round(dispatcher.queue.age_s(fleet.now_s()), 3),
        under_way=len(dispatcher.calls),
        tasks_per_minute=fleet.rate.per_minute(fleet.now_s()),
        counters=dispatcher.counters.to_dict(),
        total_seconds=Quantiles(
            latency.quantile(0.5), latency.quantile(0.9), latency.quantile(0.99)
        ),
    )


def _busy(member: Member) -> int:
    return min(member.slots, member.heavy + member.foreign)


def _fill(totals: SourceTotals, counters: dict[str, int]) -> SourceTotals:
    buckets = [0] * BUCKET_COUNT
    for name, value in counters.items():
        index = _BUCKET_NAMES.get(name)
        if index is not None:
            buckets[index] = value
    for name in totals.__struct_fields__:
        if name.startswith("tasks_") and name != "tasks_per_minute":
            setattr(totals, name, counters.get(name, 0))
    ended = totals.tasks_completed + totals.tasks_failed + totals.tasks_lost
    bad = totals.tasks_failed + totals.tasks_lost
    totals.error_rate = bad / ended if ended else 0.0
    totals.busy_s = counters.get("busy_us", 0) / 1e6
    totals.run_seconds = Quantiles(
        quantile(buckets, 0.5), quantile(buckets, 0.9), quantile(buckets, 0.99)
    )
    return totals
