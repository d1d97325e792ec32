"""The worker as one application: what it opens at the start and closes at the end."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import uuid_utils
from starlette.applications import Starlette
from starlette.requests import Request

from collegium.rest.application import Application
from collegium.rest.bodies import BodyLimits
from collegium.rest.exposition import Collect, metrics_router
from collegium.rest.gate import worker_gate
from collegium.rest.health import Check, health_router
from collegium.settings import WorkerSettings
from collegium.worker.fetching import Fetcher
from collegium.worker.life import Life, log_fatal
from collegium.worker.metrics import worker_metrics
from collegium.worker.registration import Registration
from collegium.worker.routes import tasks_router
from collegium.worker.stats import Reporter, waiting_limit
from collegium.worker.tasks import TaskTable
from collegium.workloads.blobs import BlobCache
from collegium.workloads.executor import Executor
from collegium.workloads.registry import Catalogue, import_paths
from collegium.workloads.slots import Slots


def create_app(settings: WorkerSettings, url: str, catalogue: Catalogue) -> Application:
    """Return the worker's application; ``app.state.life`` drains it.

    Parameters
    ----------
    settings : read once, by the command line.
    url : where coordinators reach this worker.
    catalogue : the workloads that it offers.
    """
    incarnation = str(uuid_utils.uuid7())
    worker_id = settings.id or f"worker-{incarnation}"

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(client_session(settings))
            directory = settings.data_dir or Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="collegium-"))
            )
            fetcher = Fetcher(session, settings.coordinator)
            executor = Executor(
                catalogue,
                _slots(settings, catalogue),
                BlobCache(
                    directory / "blobs", settings.blob_cache_mb * 2**20, fetcher.fetch
                ),
            )
            table = TaskTable(
                worker_id,
                executor,
                waiting_limit=waiting_limit(settings.slot_count),
                answers_kept=settings.answers_kept,
                answers_kept_bytes=settings.answers_kept_mb * 2**20,
            )
            reporter = Reporter(settings, incarnation, url, executor, table)
            registrations = [
                Registration(
                    session,
                    coordinator,
                    worker_id,
                    incarnation,
                    reporter.announcement,
                    heartbeat_s=settings.heartbeat_s,
                )
                for coordinator in settings.coordinator
            ]
            life = Life(executor, table, reporter, registrations)
            app.state.table, app.state.reporter = table, reporter
            app.state.worker_id, app.state.incarnation = worker_id, incarnation
            app.state.life, app.state.executor = life, executor
            life.on_fatal = app.state.on_fatal
            await life.begin()
            try:
                yield
            finally:
                await life.end()

    def checks(request: Request) -> Mapping[str, Check]:
        life: Life = request.app.state.life
        return {"slots": life.check_slots, "coordinators": life.check_coordinators}

    def parts(request: Request) -> list[Collect]:
        state = request.app.state
        return [partial(worker_metrics, state.executor, state.reporter)]

    limits = BodyLimits(size_bytes=settings.body_limit_bytes)
    app = Application(
        title="Collegium worker",
        lifespan=lifespan,
        body_limits=limits,
        gate=worker_gate(settings.token),
    )
    app.state.on_fatal = log_fatal
    app.include_router(health_router(checks), prefix="/health")
    app.include_router(tasks_router(limits), prefix="/v1")
    app.include_router(metrics_router(parts))
    return app


def client_session(settings: WorkerSettings) -> aiohttp.ClientSession:
    """Return the client that talks to coordinators, with the token on every call."""
    headers: dict[str, str] = {}
    if settings.token is not None:
        headers["authorization"] = f"Bearer {settings.token.get_secret_value()}"
    return aiohttp.ClientSession(
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=2.0),
    )


def _slots(settings: WorkerSettings, catalogue: Catalogue) -> Slots:
    return Slots(
        settings.slot_count,
        import_paths(catalogue),
        tasks_per_child=settings.slot_tasks,
        memory_limit_bytes=settings.slot_memory_mb * 2**20,
    )
