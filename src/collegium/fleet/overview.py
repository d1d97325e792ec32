"""What the fleet shows of itself: its workers one by one, and in sum."""

from __future__ import annotations

import datetime
import time

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
    busy_s: float = 0.0
    error_rate: float = 0.0
    run_seconds: Quantiles = Quantiles(0.0, 0.0, 0.0)


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
    under_way: int
    tasks_per_minute: float
    counters: dict[str, int]
    total_seconds: Quantiles


class StatisticsView(msgspec.Struct):
    """``GET /v1/stats``.

    Parameters
    ----------
    as_of : when this was counted, RFC 3339 in UTC.
    report_age_s : seconds since the oldest report in the sums of workers that are up;
        what they have done since is not in it.
    """

    as_of: str
    report_age_s: float
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
    fleet.statistics.report(LOCAL, fleet.identity, fleet.local_counters())
    by_source = fleet.statistics.by_source()
    now_s = fleet.now_s()
    routable = [m for m in fleet.registry.members if m.is_routable(now_s)]
    total = FleetTotals(
        workers=len(routable),
        slots=sum(member.slots for member in routable),
        busy=sum(_busy(member) for member in routable),
    )
    _fill(total, fleet.statistics.total())
    workers = {name: _fill(SourceTotals(), c) for name, c in by_source.items()}
    return StatisticsView(
        as_of=_now(),
        report_age_s=round(max((now_s - m.seen_s for m in routable), default=0.0), 1),
        fleet=total,
        workers=workers,
        coordinator=_coordinator(fleet),
        http=traffic.totals(),
    )


def _now() -> str:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")


def _coordinator(fleet: Fleet) -> CoordinatorTotals:
    dispatcher = fleet.dispatcher
    latency = dispatcher.latency
    return CoordinatorTotals(
        incarnation=fleet.identity,
        version=__version__,
        uptime_s=round(time.monotonic() - fleet.started_s, 1),
        queued=len(dispatcher.queue),
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
        if name.startswith("tasks_"):
            setattr(totals, name, counters.get(name, 0))
    ended = totals.tasks_completed + totals.tasks_failed + totals.tasks_lost
    bad = totals.tasks_failed + totals.tasks_lost
    totals.error_rate = bad / ended if ended else 0.0
    totals.busy_s = counters.get("busy_us", 0) / 1e6
    totals.run_seconds = Quantiles(
        quantile(buckets, 0.5), quantile(buckets, 0.9), quantile(buckets, 0.99)
    )
    return totals
