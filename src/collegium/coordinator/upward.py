"""A coordinator as one worker of its parents: all its slots under one name."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
from starlette.applications import Starlette

from collegium import __version__
from collegium.blobs.store import BlobStore
from collegium.errors import CollegiumError, LoopDetected
from collegium.fleet.service import Fleet
from collegium.fleet.tasks import Task
from collegium.membership.fetching import Fetcher
from collegium.membership.place import Envelope, Note
from collegium.membership.registration import Registration
from collegium.membership.tasks import TaskTable
from collegium.protocol import (
    MAX_HOPS,
    MOST_LEAVES,
    OLDEST_PROTOCOL_VERSION,
    PROTOCOL_VERSION,
    VIA_HEADER,
    Announcement,
    MemberState,
    RunningTask,
    SourceReport,
    TaskOrder,
    via_text,
)
from collegium.rest.certificates import client_tls
from collegium.settings import CoordinatorSettings
from collegium.workloads.blobs import BlobCache
from collegium.workloads.counters import TaskCounters
from collegium.workloads.slots import Finished

BLOB_CACHE_BYTES = 2**30

_log = logging.getLogger(__name__)


class WholeFleet:
    """A ``Place`` whose slots are those of all workers of a coordinator.

    Parameters
    ----------
    fleet : the workers, and this process as the last resort.
    """

    run_light = None

    def __init__(self, fleet: Fleet) -> None:
        self.counters = TaskCounters()
        self._fleet = fleet

    @property
    def slot_count(self) -> int:
        """How many tasks run at once."""
        return self._fleet.slots()

    def is_light(self, name: str, size: int, blobs: Sequence[str]) -> bool:
        """Tell whether a task takes no slot."""
        return self._fleet.is_light(name, size, blobs)

    async def run_order(
        self, task_id: str, order: TaskOrder, envelope: Envelope, note: Note
    ) -> Finished:
        """Run a task on some worker.

        Raises
        ------
        LoopDetected
            When the task has been here before, or has come a long way.
        """
        refuse_loops(envelope.via, self._fleet.identity)
        task = Task(
            order.workload,
            bytes(order.input),
            envelope.deadline_s,
            blobs=tuple(order.blobs),
            job=order.job,
            share=order.job or envelope.dispatcher,
            traceparent=envelope.traceparent,
            via=envelope.via,
            id=task_id,
        )
        self.counters.started += 1
        began_s = time.perf_counter()
        try:
            answer = await self._fleet.run(task, on_progress=note)
        except BaseException as error:
            self.counters.ended(error, time.perf_counter() - began_s)
            raise
        self.counters.ended(None, answer.seconds)
        return Finished(answer.output, answer.seconds)

    def ask_to_end(self, task_id: str) -> bool:
        """Have a task end soon, with what it has."""
        return self._fleet.ask_to_end(task_id)


class Upward:
    """Announces a fleet to the parents of its coordinator.

    Parameters
    ----------
    fleet : what is announced.
    place : where parents' tasks run.
    url : where parents reach this coordinator.
    """

    def __init__(self, fleet: Fleet, place: WholeFleet, url: str) -> None:
        self.state: MemberState = "up"
        self.worker_id = f"coordinator-{fleet.identity}"
        self.table = TaskTable(self.worker_id, place, waiting_limit=0)
        self.registrations: list[Registration] = []
        self._fleet = fleet
        self._place = place
        self._url = url
        self._sequence = 0
        self._rng = random.Random()

    def announcement(self, heartbeat_s: float) -> Announcement:
        """Return this coordinator as one worker, as it is now."""
        self._sequence += 1
        fleet = self._fleet
        members = fleet.registry.members
        below = {name for member in members for name in member.coordinators}
        return Announcement(
            incarnation=fleet.identity,
            url=self._url,
            slots=fleet.slots(),
            workloads=sorted(fleet.catalogue),
            sequence=self._sequence,
            protocol_min=OLDEST_PROTOCOL_VERSION,
            protocol_max=PROTOCOL_VERSION,
            version=__version__,
            state=self.state,
            heartbeat_s=heartbeat_s,
            running=[*self.table.running(), *self._own_tasks()],
            counters={
                **self._place.counters.to_dict(),
                "tasks_refused": self.table.refused,
                "tasks_repeated": self.table.repeated,
            },
            gauges={
                "members": float(len(members)),
                "queued": float(len(fleet.dispatcher.queue)),
                "uptime_s": time.monotonic() - fleet.started_s,
            },
            leaves=leaf_reports(fleet, self._rng),
            coordinators=[fleet.identity, *sorted(below)],
        )

    def tell(self) -> None:
        """Announce now: slots have come or gone."""
        for registration in self.registrations:
            registration.tell()

    async def drain(self) -> None:
        """Take in nothing more, and hand back what runs: parents have other workers."""
        self.state = "draining"
        self.table.is_draining = True
        self.tell()
        await self.table.hand_back()

    async def announce(self, registration: Registration) -> None:
        """Stay registered at one parent; go on without it when it refuses for good."""
        try:
            await registration.run()
        except CollegiumError as error:
            _log.error("%s is no parent: %s", registration.coordinator, error.detail)

    def _own_tasks(self) -> list[RunningTask]:
        """Return what holds slots here without having come from a parent."""
        fleet = self._fleet
        return [
            RunningTask(call.task.id, call.starts + 1, fleet.identity)
            for call in fleet.dispatcher.calls.values()
            if call.member is not None
            and not call.is_light
            and call.task.id not in self.table
        ]


class ParentBlobs:
    """Gets from parents what tasks of theirs name and is not here.

    Parameters
    ----------
    upward : knows which parents have taken this coordinator in; only these are asked.
    session : HTTP client; carries the token.
    identity : incarnation of this coordinator.
    folder : where the blobs are kept.
    """

    def __init__(
        self,
        upward: Upward,
        session: aiohttp.ClientSession,
        identity: str,
        folder: Path,
    ) -> None:
        self._upward = upward
        self._session = session
        self._identity = identity
        self._cache = BlobCache(folder, BLOB_CACHE_BYTES, self._fetch)

    async def find(self, sha256: str, via: Sequence[str]) -> bytes:
        """Return the bytes of a blob, checked.

        Raises
        ------
        LoopDetected
            When the question has been here before.
        NotFound, TaskLost
            When no parent has it, or one that may have it does not answer.
        """
        refuse_loops(via, self._identity)
        async with self._cache.held([sha256]) as paths:
            return await asyncio.to_thread(Path(paths[sha256]).read_bytes)

    async def _fetch(self, sha256: str) -> bytes:
        known = [r.coordinator for r in self._upward.registrations if r.is_fresh]
        fields = {VIA_HEADER: via_text([self._identity])}
        return await Fetcher(self._session, known, fields).fetch(sha256)


@asynccontextmanager
async def announcing_upward(
    app: Starlette, settings: CoordinatorSettings, url: str
) -> AsyncIterator[None]:
    """Be a worker of every parent in the settings as long as the block lasts.

    Parameters
    ----------
    app : its state has the ``fleet`` and the ``blobs``, and gets the ``table``.
    url : where parents reach this coordinator.
    """
    app.state.table = app.state.upward = None
    if not settings.parent:
        yield
        return
    fleet: Fleet = app.state.fleet
    upward = Upward(fleet, WholeFleet(fleet), url)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(_session(settings))
        upward.registrations = [
            Registration(
                session, parent, upward.worker_id, fleet.identity, upward.announcement
            )
            for parent in settings.parent
        ]
        blobs: BlobStore = app.state.blobs
        folder = settings.data_dir / "from-parents"
        blobs.elsewhere = ParentBlobs(upward, session, fleet.identity, folder).find
        app.state.upward, app.state.table = upward, upward.table
        app.state.worker_id, app.state.incarnation = upward.worker_id, fleet.identity
        app.state.reporter = upward
        fleet.on_members = upward.tell
        running = [
            asyncio.create_task(upward.announce(known), name=f"to {known.coordinator}")
            for known in upward.registrations
        ]
        try:
            yield
        finally:
            await upward.drain()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await asyncio.gather(*(known.leave() for known in upward.registrations))


def leaf_reports(fleet: Fleet, rng: random.Random) -> list[SourceReport]:
    """Return what the sources below have counted, each under its own name.

    Of more than fit into one announcement a random choice goes along: as counters are
    totals, a parent has all of them after some announcements.
    """
    counted = fleet.counted()
    found = [
        SourceReport(source, incarnation, counters, counted.is_summary(source))
        for (source, incarnation), counters in counted.state().items()
    ]
    return found if len(found) <= MOST_LEAVES else rng.sample(found, MOST_LEAVES)


def refuse_loops(via: Sequence[str], identity: str) -> None:
    """Make sure that a request has not been here before.

    Raises
    ------
    LoopDetected
        When it has, or when it has passed more coordinators than any tree has.
    """
    if identity in via:
        raise LoopDetected("This has passed here before.")
    if len(via) >= MAX_HOPS:
        raise LoopDetected(f"This has passed {len(via)} coordinators already.")


def _session(settings: CoordinatorSettings) -> aiohttp.ClientSession:
    headers: dict[str, str] = {}
    if settings.worker_token is not None:
        token = settings.worker_token.get_secret_value()
        headers["authorization"] = f"Bearer {token}"
    tls = client_tls(settings.tls_cert, settings.tls_key, settings.tls_ca)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls or True),
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=2.0),
    )
