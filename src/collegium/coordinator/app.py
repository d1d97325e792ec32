"""The coordinator as one application: parts opened, routers under their URLs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request

from collegium.blobs.routes import router as blobs
from collegium.blobs.shelf import Shelf
from collegium.blobs.store import BlobStore
from collegium.catalogue.context import Catalogue
from collegium.coordinator.catalogue import include_catalogue
from collegium.coordinator.console import console_router
from collegium.coordinator.housekeeping import keeping_house
from collegium.coordinator.jobs import driving_jobs
from collegium.coordinator.upward import announcing_upward
from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.migrate import migrate
from collegium.db.secrets import shared_secret
from collegium.fleet.metrics import fleet_metrics
from collegium.fleet.routes import stats_router, workers_router
from collegium.fleet.service import Fleet
from collegium.fleet.submissions import Submissions
from collegium.fleet.task_routes import batches_router, tasks_router
from collegium.jobs.routes import imports_router as imports
from collegium.jobs.routes import router as jobs
from collegium.keys.repository import Keys
from collegium.membership.routes import member_router
from collegium.rest.application import Application
from collegium.rest.bodies import BodyLimits
from collegium.rest.exposition import Collect, metrics_router
from collegium.rest.gate import CoordinatorGate
from collegium.rest.health import Check, health_router
from collegium.rest.limits import RateLimits, networks
from collegium.rest.pages import CursorSeal
from collegium.rest.traffic import Traffic
from collegium.settings import CoordinatorSettings
from collegium.workloads.registry import Catalogue as Workloads
from collegium.workloads.registry import load_workloads


def create_app(settings: CoordinatorSettings, url: str = "") -> Application:
    """Return the coordinator's application; its parts open when it starts.

    Parameters
    ----------
    settings : read once, by the command line.
    url : where its parents reach it, when it has any.

    Raises
    ------
    Misconfigured
        When a setting makes a start impossible.
    """
    database = database_at(settings.database)
    workloads = load_workloads(settings.workloads)
    traffic = Traffic()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            _open_parts(app, settings, database, workloads),
            keeping_house(database),
            announcing_upward(app, settings, url),
            driving_jobs(
                app, database, workloads, app.state.fleet, app.state.blobs, settings
            ),
        ):
            yield

    def checks(request: Request) -> Mapping[str, Check]:
        return {"database": database.describe}

    def parts(request: Request) -> list[Collect]:
        return [partial(fleet_metrics, request.app.state.fleet), traffic.metrics]

    limits = BodyLimits(settings.body_limit_bytes)
    app = Application(
        title="Collegium coordinator",
        lifespan=lifespan,
        observer=traffic.observe,
        admission=CoordinatorGate(
            settings.api_token,
            settings.worker_token,
            is_required=settings.is_auth_required,
            has_parent=bool(settings.parent),
            keys=Keys(database),
        ),
        rates=RateLimits(
            settings.rate_limit,
            settings.rate_window_s,
            trusted=networks(settings.trusted_proxies),
            unlimited=[settings.worker_token],
        ),
    )
    app.include_router(health_router(checks), prefix="/health")
    app.include_router(metrics_router(parts))
    app.include_router(workers_router(), prefix="/v1/workers")
    app.include_router(stats_router(traffic), prefix="/v1/stats")
    app.include_router(tasks_router(limits, settings.task_deadline_s), prefix="/v1")
    app.include_router(batches_router(limits, settings.task_deadline_s), prefix="/v1")
    if settings.parent:
        app.include_router(member_router(limits), prefix="/v1")
    app.include_router(blobs, prefix="/v1/blobs")
    app.include_router(jobs, prefix="/v1/jobs")
    app.include_router(imports, prefix="/v1/universities/{university}/imports")
    include_catalogue(app)
    app.include_router(console_router())
    return app


@asynccontextmanager
async def _open_parts(
    app: Starlette,
    settings: CoordinatorSettings,
    database: Database,
    workloads: Workloads,
) -> AsyncIterator[None]:
    """Put into the application's state what its routes need; close it at the end."""
    await database.open()
    try:
        await migrate(database)
        seal = CursorSeal(await shared_secret(database, "cursors"))
        app.state.catalogue = Catalogue(database, seal)
        app.state.blobs = BlobStore(database, Shelf())
        app.state.fleet = Fleet(settings, workloads, app.state.blobs.fetch)
        app.state.submissions = Submissions(app.state.fleet)
        await app.state.fleet.start()
        try:
            yield
        finally:
            await app.state.submissions.stop()
            await app.state.fleet.stop()
    finally:
        await database.close()
