"""What coordinators and workers count of their own requests."""

from __future__ import annotations

from pathlib import Path

from collegium.coordinator.app import create_app as coordinator_app
from collegium.settings import CoordinatorSettings, WorkerSettings
from collegium.worker.app import create_app as worker_app
from collegium.workloads.registry import load_workloads
from fixtures.asgi import serving


async def test_a_coordinator_counts_its_requests(tmp_path: Path) -> None:
    """Each answer is in ``/metrics`` under its route, and in the sums of the stats."""
    database = f"sqlite:///{tmp_path / 'collegium.db'}"
    settings = CoordinatorSettings(database=database, data_dir=tmp_path, local_slots=1)
    async with serving(coordinator_app(settings)) as client:
        body = {"code": "NOWHERE", "name": "University of Nowhere"}
        await client.post("/v1/universities", body)
        await client.get("/v1/universities/NOWHERE")
        await client.get("/v1/universities/ELSEWHERE")
        lines = (await client.get("/metrics")).body.decode().splitlines()
        http = (await client.get("/v1/stats")).json()["http"]
    name = "collegium_http_requests_total"
    route = "/v1/universities/{university}"
    for method, route_, status in [
        ("POST", "/v1/universities", "2xx"),
        ("GET", route, "2xx"),
        ("GET", route, "4xx"),
    ]:
        labels = f'method="{method}",route="{route_}",status="{status}"'
        assert f"{name}{{{labels}}} 1.0" in lines
        assert f"collegium_http_response_seconds_count{{{labels}}} 1.0" in lines
    assert (http["requests"], http["client_errors"], http["server_errors"]) == (4, 1, 0)
    assert 0 < http["response_seconds"]["p50"] <= http["response_seconds"]["p99"]
    assert http["uptime_s"] >= 0


async def test_a_worker_counts_its_requests(tmp_path: Path) -> None:
    """A worker's ``/metrics`` tells of its requests too."""
    settings = WorkerSettings(data_dir=tmp_path, slots=1)
    app = worker_app(settings, "http://127.0.0.1:1", load_workloads(("noop",)))
    async with serving(app) as client:
        await client.get("/health/live")
        lines = (await client.get("/metrics")).body.decode().splitlines()
    labels = 'method="GET",route="/health/live",status="2xx"'
    assert f"collegium_http_requests_total{{{labels}}} 1.0" in lines
