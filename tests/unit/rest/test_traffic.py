"""Counting requests."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from collegium.rest.answers import Answer, json_answer
from collegium.rest.application import Application
from collegium.rest.traffic import BOUNDS_S, Traffic, quantile_s
from fixtures.asgi import AsgiClient


class _Collector:
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def collect(self) -> Any:
        return self._traffic.metrics()


def exposed(traffic: Traffic) -> list[str]:
    """Return the lines that Prometheus reads, without comments."""
    registry = CollectorRegistry()
    registry.register(_Collector(traffic))
    text = generate_latest(registry).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


async def test_templates_are_counted_not_addresses() -> None:
    """However many addresses are asked for, there is a line for each route only."""
    router = APIRouter()

    @router.get("/things/{thing}")
    async def show_thing(thing: str) -> Answer:
        """Show a thing, or fail."""
        if thing == "broken":
            raise ArithmeticError
        return json_answer({})

    traffic = Traffic()
    app = Application(title="Things", observer=traffic.observe)
    app.include_router(router)
    client = AsgiClient(app)
    for number in range(50):
        await client.get(f"/things/{number}")
        await client.get(f"/nothing/{number}")
        await client.request(f"BREW{number}", "/things/1")
    await client.get("/things/broken")
    counts = [line for line in exposed(traffic) if "requests_total" in line]
    name = "collegium_http_requests_total"
    assert sorted(counts) == [
        f'{name}{{method="GET",route="/things/{{thing}}",status="2xx"}} 50.0',
        f'{name}{{method="GET",route="/things/{{thing}}",status="5xx"}} 1.0',
        f'{name}{{method="GET",route="none",status="4xx"}} 50.0',
        f'{name}{{method="other",route="none",status="5xx"}} 50.0',
    ]
    totals = traffic.totals()
    assert (totals.requests, totals.client_errors, totals.server_errors) == (
        *(151, 50, 51),
    )


def test_times_fall_into_buckets() -> None:
    """Buckets count everything up to their end, the sum is that of the times."""
    traffic = Traffic()
    scope = {"method": "GET", "collegium.route": "/a"}
    for seconds in (0.0005, 0.0006, 0.3, 20.0):
        traffic.observe(scope, 200, seconds)
    lines = exposed(traffic)
    labels = 'method="GET",route="/a",status="2xx"'
    name = "collegium_http_response_seconds"
    for end, count in [("0.0005", 1), ("0.001", 2), ("0.25", 2), ("0.5", 3)]:
        assert f'{name}_bucket{{le="{end}",{labels}}} {count}.0' in lines
    assert f'{name}_bucket{{le="+Inf",{labels}}} 4.0' in lines
    assert f"{name}_count{{{labels}}} 4.0" in lines
    (total,) = (line for line in lines if line.startswith(f"{name}_sum"))
    assert float(total.split()[-1]) == pytest.approx(20.3011)


def test_uptime_is_since_the_start() -> None:
    """The clock is read at the start and when it is asked for."""
    times_s = iter([100.0, 142.5])
    totals = Traffic(lambda: next(times_s)).totals()
    assert (totals.uptime_s, totals.requests) == (42.5, 0)
    assert totals.response_seconds.p99 == 0.0


@given(
    st.lists(st.floats(0.0, 9.9), min_size=1, max_size=50),
    st.sampled_from([0.5, 0.9, 0.99, 1.0]),
)
def test_quantiles_are_right_to_a_bucket(times_s: list[float], share: float) -> None:
    """The estimate lies in the same bucket as the exact quantile."""
    traffic = Traffic()
    for seconds in times_s:
        traffic.observe({"method": "GET"}, 200, seconds)
    (times,) = traffic._times.values()
    found = quantile_s(times.buckets, share)
    ranked = sorted(times_s)
    exact = next(t for i, t in enumerate(ranked, 1) if i >= share * len(ranked))
    begin_s = max((b for b in (0.0, *BOUNDS_S) if b < exact), default=0.0)
    end_s = min(b for b in BOUNDS_S if b >= exact)
    assert begin_s <= found <= end_s


def test_beyond_the_last_bucket() -> None:
    """Where no end is known, a quantile is the beginning."""
    traffic = Traffic()
    traffic.observe({"method": "GET"}, 200, 1000.0)
    assert traffic.totals().response_seconds.p50 == BOUNDS_S[-1]
