"""The parts of a worker, made in order and closed again."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from collegium.membership.fetching import Fetcher
from collegium.membership.registration import Registration
from collegium.membership.slots import OwnSlots
from collegium.membership.tasks import TaskTable
from collegium.settings import WorkerSettings
from collegium.worker.life import Life
from collegium.worker.stats import Reporter, waiting_limit
from collegium.workloads.blobs import BlobCache
from collegium.workloads.executor import Executor
from collegium.workloads.registry import Catalogue, import_paths
from collegium.workloads.slots import Slots


@dataclass(frozen=True, slots=True)
class Identity:
    """Which worker this is.

    Parameters
    ----------
    id : the same at each start, if somebody has named it.
    incarnation : another one at each start, greater than any before.
    url : where coordinators reach it.
    """

    id: str
    incarnation: str
    url: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes and the metrics of a worker need."""

    executor: Executor
    table: TaskTable
    reporter: Reporter
    life: Life


@asynccontextmanager
async def open_parts(
    settings: WorkerSettings,
    identity: Identity,
    catalogue: Catalogue,
    tls: ssl.SSLContext | None,
) -> AsyncIterator[Parts]:
    """Make the parts of a worker, none of them begun; close them at the end.

    Parameters
    ----------
    catalogue : the workloads that it offers.
    tls : how coordinators are called, None for the system's usual way.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(client_session(settings, tls))
        directory = settings.data_dir or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="collegium-"))
        )
        executor = _executor(settings, catalogue, session, directory)
        table = TaskTable(
            identity.id,
            OwnSlots(executor),
            waiting_limit=waiting_limit(settings.slot_count),
            answers_kept=settings.answers_kept,
            answers_kept_bytes=settings.answers_kept_mb * 2**20,
        )
        reporter = Reporter(
            settings, identity.incarnation, identity.url, executor, table
        )
        registrations = _registrations(settings, identity, session, reporter)
        life = Life(executor, table, reporter, registrations)
        yield Parts(executor, table, reporter, life)


def client_session(
    settings: WorkerSettings, tls: ssl.SSLContext | None
) -> aiohttp.ClientSession:
    """Return the client that talks to coordinators, with the token on every call."""
    headers: dict[str, str] = {}
    if settings.token is not None:
        headers["authorization"] = f"Bearer {settings.token.get_secret_value()}"
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls or True),
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=2.0),
    )


def _executor(
    settings: WorkerSettings,
    catalogue: Catalogue,
    session: aiohttp.ClientSession,
    directory: Path,
) -> Executor:
    slots = Slots(
        settings.slot_count,
        import_paths(catalogue),
        tasks_per_child=settings.slot_tasks,
        memory_limit_bytes=settings.slot_memory_mb * 2**20,
    )
    fetcher = Fetcher(session, settings.coordinator)
    cache = BlobCache(
        directory / "blobs", settings.blob_cache_mb * 2**20, fetcher.fetch
    )
    return Executor(catalogue, slots, cache)


def _registrations(
    settings: WorkerSettings,
    identity: Identity,
    session: aiohttp.ClientSession,
    reporter: Reporter,
) -> list[Registration]:
    return [
        Registration(
            session,
            coordinator,
            identity.id,
            identity.incarnation,
            reporter.announcement,
            heartbeat_s=settings.heartbeat_s,
        )
        for coordinator in settings.coordinator
    ]
