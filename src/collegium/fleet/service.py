"""The fleet as the rest of the coordinator sees it."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence

import uuid_utils
from pydantic import ValidationError

from collegium import logs
from collegium.errors import LoopDetected, NotFound
from collegium.fleet.addresses import AddressRules
from collegium.fleet.changes import Changes
from collegium.fleet.counters import Growth, Rate
from collegium.fleet.dispatch import Dispatcher
from collegium.fleet.engine_http import HttpEngine
from collegium.fleet.engine_local import LOCAL, LocalEngine
from collegium.fleet.engines import Engines, cluster_engine
from collegium.fleet.health import Monitor
from collegium.fleet.members import Member
from collegium.fleet.policies import make_policy
from collegium.fleet.registry import Registry
from collegium.fleet.stats import Statistics
from collegium.fleet.tasks import BlobFetcher, ProgressSink, Task, TaskAnswer
from collegium.protocol import Announcement
from collegium.rest.certificates import client_tls
from collegium.rest.wire import Wire
from collegium.settings import CoordinatorSettings
from collegium.tracing import spans
from collegium.workloads.blobs import BlobCache
from collegium.workloads.child import first_line
from collegium.workloads.executor import LARGEST_LIGHT_INPUT, Executor
from collegium.workloads.registry import Catalogue, import_paths
from collegium.workloads.slots import Slots

BLOB_CACHE_BYTES = 2**30

_log = logging.getLogger(__name__)


class Fleet:
    """All workers of this coordinator, and the slots of its own as the last resort.

    To be made on the running event loop. It knows nothing of the database: when that
    is down, the fleet goes on.

    Parameters
    ----------
    settings : of the coordinator.
    catalogue : the workloads that are offered to clients.
    fetch_blob : gives the local slots what workers fetch over HTTP.
    rng : jitter and chance.
    """

    def __init__(
        self,
        settings: CoordinatorSettings,
        catalogue: Catalogue,
        fetch_blob: BlobFetcher,
        *,
        rng: random.Random | None = None,
    ) -> None:
        rng = rng or random.Random()
        self.identity = str(uuid_utils.uuid7())
        self.catalogue = catalogue
        self.heartbeat_s = settings.heartbeat_s
        self.statistics = Statistics()
        self.started_s = time.monotonic()
        self.addresses = AddressRules(
            loopback_only=settings.worker_token is None,
            networks=settings.worker_networks,
        )
        self.registry = Registry(
            make_policy(settings.policy, rng),
            identity=self.identity,
            max_members=settings.max_workers,
        )
        self.now_s = asyncio.get_running_loop().time
        self.rate = Rate()
        self._growth: dict[str, Growth] = {}
        self._changes = Changes()
        self._engines = Engines(
            HttpEngine(_wire(settings), self.identity, self._is_light),
            cluster_engine(settings, fetch_blob, self._take_in),
        )
        self._local = LocalEngine(_local_executor(settings, catalogue, fetch_blob))
        self.dispatcher = Dispatcher(
            self.registry,
            self._engines,
            (_local_member(settings, catalogue), self._local),
            queue_limit=settings.queue_limit,
            is_local_only=settings.engine == "local",
            changes=self._changes,
            check=self._fault_in,
            may_run_twice=self._may_run_twice if settings.hedge else None,
            now_s=self.now_s,
            rng=rng,
        )
        self._monitor = Monitor(
            self.registry,
            self._engines.probe,
            on_change=self._members_changed,
            on_loss=self._lose,
            now_s=self.now_s,
        )
        self._monitoring: asyncio.Task[None] | None = None
        self.on_members: Callable[[], None] = lambda: None
        """Called whenever slots have come or gone."""

    async def start(self) -> None:
        """Begin to look after the members."""
        await self._engines.start()
        self._monitoring = asyncio.create_task(self._monitor.run(), name="monitor")

    async def stop(self) -> None:
        """End the local slots and every connection."""
        if self._monitoring is not None:
            self._monitoring.cancel()
            await asyncio.gather(self._monitoring, return_exceptions=True)
        await self._engines.close()
        await self._local.close()

    async def run(
        self, task: Task, *, on_progress: ProgressSink | None = None
    ) -> TaskAnswer:
        """Run a task on some worker or, last, here; see ``TaskRunner.run``."""
        is_light = self._is_light(task)
        named = logs.task_id.set(task.id)
        try:
            with spans.inner("task", task.workload):
                if task.job is not None:
                    spans.note("collegium.job.id", task.job)
                answer = await self.dispatcher.run(
                    task, is_light=is_light, on_progress=on_progress
                )
        finally:
            logs.task_id.reset(named)
        self.rate.note(self.now_s())
        return answer

    def is_light(self, name: str, size: int, blobs: Sequence[str]) -> bool:
        """Tell whether a task with ``size`` bytes of input takes no slot.

        Raises
        ------
        NotFound
            When no workload has that name.
        """
        workload = self.catalogue.get(name)
        if workload is None:
            raise NotFound(f"No workload is called {name!r}.")
        return workload.is_light and size <= LARGEST_LIGHT_INPUT and not blobs

    def _is_light(self, task: Task) -> bool:
        return self.is_light(task.workload, len(task.input), task.blobs)

    def slots(self) -> int:
        """Return the slots of all routable workers; without any, the local ones."""
        now_s = self.now_s()
        count = sum(m.slots for m in self.registry.members if m.is_routable(now_s))
        return count or self.dispatcher.local.slots

    def free_slots(self) -> int:
        """Return how many of them have nothing to do and nothing waiting for them."""
        now_s = self.now_s()
        routable = [m for m in self.registry.members if m.is_routable(now_s)]
        places = routable or [self.dispatcher.local]
        free = sum(member.free_slots(now_s) for member in places)
        return max(0, free - len(self.dispatcher.queue))

    @property
    def version(self) -> int:
        """A number that grows whenever members or free slots change."""
        return self._changes.version

    async def wait_changed(self, version: int) -> int:
        """Wait until ``self.version`` differs from ``version``; return the new one."""
        return await self._changes.wait(version)

    def cancel(self, task_id: str) -> bool:
        """Cancel a task; True when it was known. Its ``run`` raises Cancelled."""
        return self.dispatcher.cancel(task_id)

    def ask_to_end(self, task_id: str) -> bool:
        """Have a task end soon, with what it has; see ``TaskRunner``."""
        return self.dispatcher.ask_to_end(task_id)

    def doubt(self, worker: str, reason: str) -> None:
        """Take note that a worker has answered something wrong: set it aside."""
        member = self.registry.find(worker)
        if member is None:
            return  # it has left, or it is this process itself
        _log.error("worker %s is set aside: %s", worker, reason)
        self.dispatcher.counters.wrong_answers += 1
        self.registry.set_aside(member, self.now_s())
        self._members_changed()

    def announce(self, member_id: str, said: Announcement) -> bool:
        """Take in a worker's announcement; return whether it is new here.

        Raises
        ------
        Malformed
            When its address or its protocol is not acceptable.
        StateForbids
            When a later start of it is known.
        LoopDetected
            When it is a coordinator that stands above this one already.
        Overloaded
            When there are too many workers.
        """
        said.url = self.addresses.check(said.url)
        try:
            return self._take_in(member_id, said)
        except LoopDetected:
            # It may have come in before anybody knew.
            self.leave(member_id, None)
            raise

    def leave(self, member_id: str, incarnation: str | None) -> None:
        """Take in that a worker leaves; what it still runs may end.

        Raises
        ------
        StateForbids
            When a later start of it is there.
        """
        if self.registry.leave(member_id, incarnation) is not None:
            _log.info("worker %s leaves", member_id)
            self._members_changed()

    def counted(self) -> Statistics:
        """Return what every source has counted, the local slots included."""
        counters = self._local.executor.counters.to_dict()
        counters["tasks_fallback"] = self.dispatcher.counters.fallback
        self.statistics.report(LOCAL, self.identity, counters)
        self._note_growth(LOCAL)
        return self.statistics

    def per_minute(self, source: str) -> float:
        """Return how many tasks a source has completed in the last minute."""
        growth = self._growth.get(source)
        return growth.per_minute(self.now_s()) if growth is not None else 0.0

    def _count(self, member_id: str, said: Announcement) -> None:
        # Totals of an outdated start are still true.
        self.statistics.report(
            member_id, said.incarnation, said.counters, is_summary=bool(said.leaves)
        )
        self._note_growth(member_id)
        for leaf in said.leaves:
            if leaf.incarnation == self.identity:
                continue  # the slots of this process, come back by a detour
            self.statistics.report(
                leaf.source,
                leaf.incarnation,
                leaf.counters,
                is_summary=leaf.is_summary,
            )
            self._note_growth(leaf.source)

    def _note_growth(self, source: str) -> None:
        completed = self.statistics.of(source).get("tasks_completed", 0)
        growth = self._growth.setdefault(source, Growth())
        growth.note(completed, self.now_s())

    def _take_in(self, member_id: str, said: Announcement) -> bool:
        self._count(member_id, said)
        former = self.registry.find(member_id)
        was_routable = former is not None and former.is_routable(self.now_s())
        slots = former.slots if former is not None else 0
        member, is_new = self.registry.announce(member_id, said, self.now_s())
        if is_new:
            _log.info("worker %s announces itself at %s", member_id, said.url)
            if former is not None:
                self.dispatcher.orphan(former)
            self._monitor.look_now()
        is_routable = member.is_routable(self.now_s())
        if is_routable != was_routable or member.slots != slots:
            self._members_changed()
        self._pass_progress_on(said)
        return is_new

    def _members_changed(self) -> None:
        self.dispatcher.place_waiting()
        self.on_members()
        self._changes.bump()

    def _lose(self, member: Member) -> None:
        self.dispatcher.orphan(member)
        self._members_changed()

    def _pass_progress_on(self, said: Announcement) -> None:
        for running in said.running:
            call = self.dispatcher.calls.get(running.id)
            if (
                call is not None
                and call.on_progress is not None
                and running.progress is not None
            ):
                call.on_progress(running.progress)

    def _may_run_twice(self, name: str) -> bool:
        return bool(getattr(self.catalogue.get(name), "is_idempotent", False))

    def _fault_in(self, task: Task, output: bytes) -> str | None:
        try:
            self.catalogue[task.workload].Output.model_validate_json(
                output, strict=True
            )
        except ValidationError as error:
            return f"The output is not what it should be: {first_line(error)}"
        return None


def _wire(settings: CoordinatorSettings) -> Wire:
    fields: dict[str, str] = {}
    if settings.worker_token is not None:
        token = settings.worker_token.get_secret_value()
        fields["authorization"] = f"Bearer {token}"
    tls = client_tls(settings.tls_cert, settings.tls_key, settings.tls_ca)
    return Wire(fields, limit_bytes=settings.body_limit_bytes, tls=tls)


def _local_executor(
    settings: CoordinatorSettings, catalogue: Catalogue, fetch_blob: BlobFetcher
) -> Executor:
    slots = Slots(
        settings.local_slot_count,
        import_paths(catalogue),
        memory_limit_bytes=settings.slot_memory_mb * 2**20,
        is_warm=False,  # a short task should not wait for the compiler of a long one
    )
    cache = BlobCache(settings.data_dir / "blobs", BLOB_CACHE_BYTES, fetch_blob)
    return Executor(catalogue, slots, cache)


def _local_member(settings: CoordinatorSettings, catalogue: Catalogue) -> Member:
    return Member(
        id=LOCAL,
        incarnation="",
        url="",
        slots=settings.local_slot_count,
        workloads=frozenset(catalogue),
        is_verified=True,
    )
