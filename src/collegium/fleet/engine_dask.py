"""Run tasks on a cluster of Dask distributed; needs the extra ``collegium[dask]``.

For the dispatcher the whole cluster is one member with as many slots as its workers
have threads. Which of them runs a task is Dask's business, as is running it again when
a Dask worker dies. What Dask does not do is done here: a running task can be stopped,
and a lost scheduler costs the tasks under way an attempt, no more, as the dispatcher
then sends them elsewhere and the next visit finds the scheduler again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError as FutureCancelled
from typing import Any

import uuid_utils
from distributed import Client, Future
from distributed.scheduler import KilledWorker

from collegium import __version__
from collegium.errors import (
    CollegiumError,
    NotFound,
    TaskLost,
    WorkerUnreachable,
)
from collegium.fleet.dask_parcel import (
    PROGRESS_TOPIC,
    Offer,
    Parcel,
    cancel_parcel,
    describe,
    run_parcel,
)
from collegium.fleet.engine import NotStarted, Ran
from collegium.fleet.members import Member
from collegium.fleet.tasks import BlobFetcher, ProgressSink, Task
from collegium.protocol import Announcement
from collegium.workloads.counters import TaskCounters
from collegium.workloads.nursery import START_TIMEOUT_S

MEMBER_ID = "dask"
CONNECT_TIMEOUT_S = 5.0
CALL_TIMEOUT_S = 2.0
PAYLOADS_KEPT = 32

_log = logging.getLogger(__name__)


class DaskEngine:
    """Submits tasks to Dask.

    To be made on the running event loop.

    Parameters
    ----------
    address : of the scheduler, as ``tcp://host:port`` or ``tls://host:port``.
    fetch_blob : gives the payloads that go along with tasks.
    announce : takes in what the cluster offers, at once and with each heartbeat.
    heartbeat_s : seconds between two looks at the cluster.
    """

    def __init__(
        self,
        address: str,
        fetch_blob: BlobFetcher,
        announce: Callable[[str, Announcement], Any],
        *,
        heartbeat_s: float,
    ) -> None:
        self.counters = TaskCounters()
        self._address = address
        self._fetch_blob = fetch_blob
        self._announce = announce
        self._heartbeat_s = heartbeat_s
        self._incarnation = str(uuid_utils.uuid7())
        self._sequence = 0
        self._client: Client | None = None
        self._offers: dict[str, Offer | None] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._sinks: dict[str, ProgressSink] = {}
        self._payloads: OrderedDict[str, Future[bytes]] = OrderedDict()
        self._abandoning: set[asyncio.Task[None]] = set()
        self._visiting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look after the cluster; it need not be there yet."""
        self._visiting = asyncio.create_task(self._visit_forever(), name="dask")

    async def close(self) -> None:
        """Stop what was abandoned, and disconnect."""
        looking = [*self._asking.values()]
        if self._visiting is not None:
            looking.append(self._visiting)
        for each in looking:
            each.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
        if self._abandoning:
            await asyncio.wait(self._abandoning)
        await self._disconnect()

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
        client = self._connected()
        self.counters.started += 1
        if on_progress is not None:
            self._sinks[task.id] = on_progress
        error: BaseException | None = None
        seconds = 0.0
        try:
            output, seconds = await self._submit(client, task, attempt, deadline_s)
        except FutureCancelled as cause:
            self._payloads.clear()  # they may be what was lost
            error = WorkerUnreachable(f"Dask has lost the task: {cause}")
            raise error from None
        except KilledWorker as cause:
            error = TaskLost(f"Several Dask workers died over the task: {cause}")
            raise error from None
        except NotFound as cause:
            error = cause
            raise NotStarted(cause.detail) from None
        except (OSError, TimeoutError) as cause:
            error = WorkerUnreachable(f"Dask cannot be reached: {cause!r}")
            raise error from None
        except (CollegiumError, asyncio.CancelledError) as cause:
            error = cause
            raise
        finally:
            self.counters.ended(error, seconds)
            self._sinks.pop(task.id, None)
        return Ran(output, seconds)

    async def probe(self, member: Member) -> bool:
        """Tell whether the scheduler answers and has workers."""
        client = self._client
        if client is None or client.status != "running":
            return False
        try:
            return bool((await client.scheduler.identity())["total_threads"])
        except OSError:
            return False

    def abandon(self, member: Member, task_id: str) -> None:
        """Have a task stopped; see ``Engine``."""
        stopping = asyncio.create_task(self._stop(task_id))
        self._abandoning.add(stopping)
        stopping.add_done_callback(self._abandoning.discard)

    def _connected(self) -> Client:
        if self._client is None or self._client.status != "running":
            raise NotStarted("Dask's scheduler is not connected.")
        return self._client

    async def _submit(
        self, client: Client, task: Task, attempt: int, deadline_s: float
    ) -> tuple[bytes, float]:
        payloads = [await self._payload(client, sha256) for sha256 in task.blobs]
        parcel = Parcel(task.id, task.workload, task.input, task.blobs, deadline_s)
        # When nobody holds the future any more, Dask forgets a task that waits.
        answer: tuple[bytes, float] = await client.submit(
            run_parcel, parcel, payloads, key=f"{task.id}.{attempt}", pure=False
        )
        return answer

    async def _payload(self, client: Client, sha256: str) -> Future[bytes]:
        """Return a payload's place in the cluster; it is sent there once."""
        known = self._payloads.get(sha256)
        if known is not None and known.status == "finished":
            self._payloads.move_to_end(sha256)
            return known
        data = await self._fetch_blob(sha256)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            (place,) = await client.scatter([data], hash=False)
        self._payloads[sha256] = place
        if len(self._payloads) > PAYLOADS_KEPT:
            self._payloads.popitem(last=False)
        return place

    async def _stop(self, task_id: str) -> None:
        client = self._client
        if client is None or client.status != "running":
            return  # its deadline ends it there in any case
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await client.run(cancel_parcel, task_id, on_error="ignore")
        except (OSError, TimeoutError) as error:
            _log.info("Dask was not told to stop %s: %r", task_id, error)

    async def _visit_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S + CALL_TIMEOUT_S):
                    await self._visit()
            except (OSError, TimeoutError) as error:
                _log.warning("Dask at %s cannot be reached: %r", self._address, error)
            await asyncio.sleep(self._heartbeat_s)

    async def _visit(self) -> None:
        """Look at the cluster as it is now, and announce what it offers."""
        client = await self._connect()
        workers = (await client.scheduler.identity())["workers"]
        self._ask_newcomers(client, workers)
        if not self._offers:
            return
        able = {
            address: offer
            for address, offer in self._offers.items()
            if offer is not None and offer.version == __version__
        }
        if len(able) < len(self._offers):
            _log.warning(
                "%d of %d Dask workers lack Collegium %s: the cluster is not used",
                *(len(self._offers) - len(able), len(self._offers), __version__),
            )
            return
        slots = sum(workers[address]["nthreads"] for address in able)
        offered = frozenset.intersection(*(o.workloads for o in able.values()))
        self._sequence += 1
        said = Announcement(
            incarnation=self._incarnation,
            url=self._address,
            slots=slots,
            workloads=sorted(offered),
            sequence=self._sequence,
            version=__version__,
            heartbeat_s=self._heartbeat_s,
            counters=self.counters.to_dict(),
            gauges={"dask_workers": float(len(able))},
        )
        self._announce(MEMBER_ID, said)

    async def _connect(self) -> Client:
        if self._client is not None and self._client.status == "running":
            return self._client
        await self._disconnect()
        client = Client(
            self._address,
            asynchronous=True,
            timeout=CONNECT_TIMEOUT_S,
            set_as_default=False,
            name="collegium",
        )
        self._client = await client
        self._client.subscribe_topic(PROGRESS_TOPIC, self._hear)
        _log.info("connected to Dask at %s", self._address)
        return self._client

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        self._offers.clear()
        self._payloads.clear()
        if client is not None:
            await client.close(timeout=CALL_TIMEOUT_S)

    def _ask_newcomers(self, client: Client, workers: Mapping[str, Any]) -> None:
        """Have each Dask worker get ready and tell what it can run, once."""
        for gone in set(self._offers) - set(workers):
            del self._offers[gone]
        for address in workers:
            if address not in self._offers and address not in self._asking:
                asking = asyncio.create_task(self._ask(client, address))
                self._asking[address] = asking

    async def _ask(self, client: Client, address: str) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                answers = await client.run(
                    describe, workers=[address], on_error="return"
                )
        except (OSError, TimeoutError) as error:
            _log.warning("the Dask worker %s does not answer: %r", address, error)
            return
        finally:
            del self._asking[address]
        answer = answers.get(address)
        if isinstance(answer, Offer):
            self._offers[address] = answer
        elif not isinstance(answer, OSError):
            self._offers[address] = None
            _log.warning("the Dask worker %s is of no use: %r", address, answer)

    def _hear(self, event: tuple[float, Any]) -> None:
        said = event[1]
        sink = self._sinks.get(said["id"])
        if sink is not None:
            sink(said["progress"])
