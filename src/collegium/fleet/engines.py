"""Which engine runs the tasks of which member."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol
from urllib.parse import urlsplit

from collegium.errors import Misconfigured
from collegium.fleet.engine import Engine, Ran
from collegium.fleet.engine_http import HttpEngine
from collegium.fleet.members import Member
from collegium.fleet.tasks import BlobFetcher, ProgressSink, Task
from collegium.protocol import Announcement
from collegium.settings import CoordinatorSettings

DASK_SCHEMES = ("tcp", "tls")
Announce = Callable[[str, Announcement], Any]


class ClusterEngine(Engine, Protocol):
    """An engine that brings its members along."""

    async def start(self) -> None:
        """Begin to look after them."""

    async def close(self) -> None:
        """Disconnect from them."""

    async def probe(self, member: Member) -> bool:
        """Tell whether a member answers."""


class Engines:
    """The fleet's own workers over HTTP, and beside them at most one cluster.

    Parameters
    ----------
    http : for members whose address is one of HTTP.
    cluster : for members with any other address.
    """

    def __init__(self, http: HttpEngine, cluster: ClusterEngine | None = None) -> None:
        self._http = http
        self._cluster = cluster

    async def start(self) -> None:
        """Begin to look after the cluster."""
        if self._cluster is not None:
            await self._cluster.start()

    async def close(self) -> None:
        """Disconnect from all members."""
        if self._cluster is not None:
            await self._cluster.close()
        await self._http.close()

    async def run(
        self,
        member: Member,
        task: Task,
        *,
        attempt: int,
        deadline_s: float,
        on_progress: ProgressSink | None,
    ) -> Ran:
        """Run one attempt; see ``Engine``."""
        return await self._engine_of(member).run(
            member,
            task,
            attempt=attempt,
            deadline_s=deadline_s,
            on_progress=on_progress,
        )

    async def probe(self, member: Member) -> bool:
        """Tell whether a member answers."""
        return await self._engine_of(member).probe(member)

    def abandon(self, member: Member, task_id: str) -> None:
        """Have a task stopped; see ``Engine``."""
        self._engine_of(member).abandon(member, task_id)

    def _engine_of(self, member: Member) -> HttpEngine | ClusterEngine:
        if self._cluster is None or member.url.startswith("http"):
            return self._http
        return self._cluster


def check_engine(settings: CoordinatorSettings) -> None:
    """Make sure, before anything is opened, that the engine can be had.

    Raises
    ------
    Misconfigured
        When Dask is wanted but its address or its package is missing.
    """
    if settings.engine == "dask":
        _dask(settings)


def cluster_engine(
    settings: CoordinatorSettings, fetch_blob: BlobFetcher, announce: Announce
) -> ClusterEngine | None:
    """Return the engine of the cluster that the settings name, None without one.

    Parameters
    ----------
    fetch_blob : gives the payloads that go along with tasks.
    announce : takes in what the cluster offers.

    Raises
    ------
    Misconfigured
        As ``check_engine`` does.
    """
    if settings.engine != "dask":
        return None
    address, module = _dask(settings)
    engine: ClusterEngine = module.DaskEngine(
        address, fetch_blob, announce, heartbeat_s=settings.heartbeat_s
    )
    return engine


def _dask(settings: CoordinatorSettings) -> tuple[str, ModuleType]:
    address = settings.dask_scheduler
    if address is None or urlsplit(address).scheme not in DASK_SCHEMES:
        raise Misconfigured(
            "The engine dask needs the address of Dask's scheduler: set "
            "--dask-scheduler (COLLEGIUM_DASK_SCHEDULER) to tcp://HOST:PORT."
        )
    try:
        # Dask is an extra, which most installations do without.
        return address, import_module("collegium.fleet.engine_dask")
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed"):
            raise
        raise Misconfigured(
            "The engine dask needs the package distributed: install collegium[dask]."
        ) from None
