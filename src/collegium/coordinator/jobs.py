"""The part of the coordinator that drives jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import uuid_utils
from starlette.applications import Starlette

from collegium.blobs.store import BlobStore
from collegium.db.database import Database
from collegium.db.work import utc_clock
from collegium.jobs.feed import Feed
from collegium.jobs.imports import Imports
from collegium.jobs.local import LocalHands
from collegium.jobs.means import Hands, Means
from collegium.jobs.routes import Jobs
from collegium.jobs.runner import Runner
from collegium.settings import CoordinatorSettings
from collegium.workloads.base import Workload


@asynccontextmanager
async def driving_jobs(
    app: Starlette,
    database: Database,
    workloads: Mapping[str, Workload],
    hands: Hands,
    blobs: BlobStore,
    settings: CoordinatorSettings,
) -> AsyncIterator[None]:
    """Drive jobs as long as the block lasts.

    Parameters
    ----------
    hands : where tasks run.
    blobs : what tasks read.
    """
    checkers = _checkers(workloads)
    async with LocalHands(
        1, checkers, settings.data_dir / "checks", blobs.fetch
    ) as checks:
        feed = Feed()
        runner = Runner(
            database,
            workloads,
            Means(hands, checks, blobs.shelf, time.monotonic),
            feed,
            owner=str(uuid_utils.uuid7()),
            residents={Imports.name: Imports(database, utc_clock)},
            lease_s=settings.job_lease_s,
        )
        app.state.jobs = Jobs(runner, feed)
        running = asyncio.create_task(runner.run(), name="job-runner")
        try:
            yield
        finally:
            feed.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def _checkers(workloads: Mapping[str, Workload]) -> dict[str, Workload]:
    """Return what checks the claims of all kinds of jobs, once each."""
    found = [getattr(workload, "checker", None) for workload in workloads.values()]
    return {checker.name: checker for checker in found if checker is not None}
