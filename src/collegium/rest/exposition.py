"""Show metrics as Prometheus reads them; they are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.process_collector import ProcessCollector
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from collegium.rest.access import OPEN, guarded
from collegium.rest.answers import Answer
from collegium.rest.openapi import UNCONDITIONAL

Collect = Callable[[], Iterable[Metric]]
"""Returns the metrics of one part; labels take only values from a bounded set."""


class _Part:
    def __init__(self, collect: Collect) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Metric]:
        yield from self._collect()


def metrics_router(parts: Callable[[Request], Iterable[Collect]]) -> APIRouter:
    """Return the route ``/metrics``.

    Parameters
    ----------
    parts : what contributes metrics, found when they are asked for.
    """
    router = APIRouter(tags=["health"])
    process = ProcessCollector(registry=None)

    @router.get(
        "/metrics", response_class=PlainTextResponse, openapi_extra=UNCONDITIONAL
    )
    @guarded(OPEN)
    async def show_metrics(request: Request) -> Answer:
        """Show the metrics of this process in the Prometheus text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(process)
        for collect in parts(request):
            registry.register(_Part(collect))
        fields = [
            (b"content-type", CONTENT_TYPE_PLAIN_0_0_4.encode()),
            (b"cache-control", b"no-store"),
        ]
        return Answer(200, generate_latest(registry), fields)

    return router
