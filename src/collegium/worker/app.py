"""The worker as one application: what it opens at the start and closes at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import uuid_utils
from starlette.applications import Starlette
from starlette.requests import Request

from collegium.membership.routes import tasks_router
from collegium.rest.application import Application
from collegium.rest.bodies import BodyLimits
from collegium.rest.certificates import client_tls
from collegium.rest.exposition import Collect, metrics_router
from collegium.rest.gate import worker_gate
from collegium.rest.health import Check, health_router
from collegium.rest.traffic import Traffic
from collegium.settings import WorkerSettings
from collegium.worker.life import Life, log_fatal
from collegium.worker.metrics import worker_metrics
from collegium.worker.parts import Identity, open_parts
from collegium.workloads.registry import Catalogue


def create_app(settings: WorkerSettings, url: str, catalogue: Catalogue) -> Application:
    """Return the worker's application; ``app.state.life`` drains it.

    Parameters
    ----------
    settings : read once, by the command line.
    url : where coordinators reach this worker.
    catalogue : the workloads that it offers.

    Raises
    ------
    Misconfigured
        When the certificates cannot be used.
    """
    incarnation = str(uuid_utils.uuid7())
    identity = Identity(settings.id or f"worker-{incarnation}", incarnation, url)
    tls = client_tls(settings.tls_cert, settings.tls_key, settings.tls_ca)
    traffic = Traffic()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_parts(settings, identity, catalogue, tls) as parts:
            state = app.state
            state.worker_id, state.incarnation = identity.id, incarnation
            state.executor, state.table = parts.executor, parts.table
            state.reporter, state.life = parts.reporter, parts.life
            parts.life.on_fatal = state.on_fatal
            await parts.life.begin()
            try:
                yield
            finally:
                await parts.life.end()

    def metrics(request: Request) -> list[Collect]:
        state = request.app.state
        return [
            partial(worker_metrics, state.executor, state.reporter),
            traffic.metrics,
        ]

    limits = BodyLimits(size_bytes=settings.body_limit_bytes)
    app = Application(
        title="Collegium worker",
        lifespan=lifespan,
        body_limits=limits,
        observer=traffic.observe,
        gate=worker_gate(settings.token),
    )
    app.state.on_fatal = log_fatal
    app.include_router(health_router(_checks), prefix="/health")
    app.include_router(tasks_router(limits), prefix="/v1")
    app.include_router(metrics_router(metrics))
    return app


def _checks(request: Request) -> Mapping[str, Check]:
    life: Life = request.app.state.life
    return {"slots": life.check_slots, "coordinators": life.check_coordinators}
