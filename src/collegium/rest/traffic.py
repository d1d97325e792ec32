"""How many requests were answered, how, and how fast."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator

import msgspec
from prometheus_client.core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from starlette.types import Scope

from collegium.rest.routing import KNOWN_METHODS

BOUNDS_S = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Ends of the buckets, but for the last one, which has none."""
_LABELS = ["method", "route", "status"]


class ResponseSeconds(msgspec.Struct, frozen=True):
    """Times, in seconds, within which shares of all answers began."""

    p50: float
    p90: float
    p99: float


class TrafficTotals(msgspec.Struct, frozen=True):
    """The requests that this process has answered since its start.

    Parameters
    ----------
    requests : all of them.
    client_errors : those answered with 4xx.
    server_errors : those answered with 5xx.
    uptime_s : seconds since the start.
    response_seconds : from the request's header to the answer's.
    """

    requests: int
    client_errors: int
    server_errors: int
    uptime_s: float
    response_seconds: ResponseSeconds


class _Times:
    """Answers of one kind, by how long they took."""

    __slots__ = ("buckets", "sum_s")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0


class Traffic:
    """Counts the answers of one process, by method, route and status class.

    Their number is bounded by the routes that there are: what no route serves counts
    as one route, and methods that nobody knows as one method.

    Parameters
    ----------
    clock_s : returns a time that only grows.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._started_s = clock_s()
        self._times: dict[tuple[str, str, int], _Times] = {}

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answer.

        Parameters
        ----------
        scope : the request's; routing has put the route's template there.
        status : HTTP status code.
        seconds : from the request's header to the answer's.
        """
        key = (scope["method"], scope.get("collegium.route", ""), status // 100)
        times = self._times.get(key)
        if times is None:
            times = self._of_new(key)
        times.buckets[bisect_left(BOUNDS_S, seconds)] += 1
        times.sum_s += seconds

    def _of_new(self, key: tuple[str, str, int]) -> _Times:
        method, route, class_ = key
        if method not in KNOWN_METHODS:
            key = ("other", route, class_)
        return self._times.setdefault(key, _Times())

    def metrics(self) -> Iterator[Metric]:
        """Yield the counters as Prometheus takes them."""
        requests = CounterMetricFamily(
            "collegium_http_requests",
            "Requests by how they were answered.",
            None,
            _LABELS,
        )
        seconds = HistogramMetricFamily(
            "collegium_http_response_seconds",
            "Time from the header of a request to the header of its answer.",
            labels=_LABELS,
        )
        for (method, route, class_), times in sorted(self._times.items()):
            labels = [method, route or "none", f"{class_}xx"]
            ends, total = [], 0
            for bound_s, count in zip((*BOUNDS_S, "+Inf"), times.buckets, strict=True):
                total += count
                ends.append((str(bound_s), float(total)))
            requests.add_metric(labels, total)
            seconds.add_metric(labels, ends, sum_value=times.sum_s)
        yield requests
        yield seconds

    def totals(self) -> TrafficTotals:
        """Return the sums over everything."""
        buckets = [0] * (len(BOUNDS_S) + 1)
        by_class = dict.fromkeys(range(10), 0)
        for (_, _, class_), times in self._times.items():
            by_class[class_] += sum(times.buckets)
            buckets = [a + b for a, b in zip(buckets, times.buckets, strict=True)]
        return TrafficTotals(
            requests=sum(buckets),
            client_errors=by_class[4],
            server_errors=by_class[5],
            uptime_s=round(self._clock_s() - self._started_s, 1),
            response_seconds=ResponseSeconds(
                *(round(quantile_s(buckets, share), 6) for share in (0.5, 0.9, 0.99))
            ),
        )


def quantile_s(buckets: list[int], share: float) -> float:
    """Return the time within which a share of all answers began.

    Inside a bucket, times count as spread evenly; in the last, as its beginning.

    Parameters
    ----------
    buckets : (len(BOUNDS_S) + 1,) int, number of answers in each bucket.
    share : of (0, 1].
    """
    wanted = share * sum(buckets)
    reached = 0
    begin_s = 0.0
    for end_s, count in zip(BOUNDS_S, buckets, strict=False):
        if count and reached + count >= wanted:
            return begin_s + (end_s - begin_s) * (wanted - reached) / count
        reached += count
        begin_s = end_s
    return begin_s if reached < sum(buckets) else 0.0
