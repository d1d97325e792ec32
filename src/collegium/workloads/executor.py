"""Runs tasks in this process's slots: a worker, or the coordinator as the last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from collegium.errors import Cancelled, CollegiumError, DeadlineExceeded, NotFound
from collegium.tracing import spans
from collegium.workloads.base import Workload
from collegium.workloads.blobs import BlobCache
from collegium.workloads.child import execute
from collegium.workloads.counters import TaskCounters
from collegium.workloads.frames import Run
from collegium.workloads.registry import Catalogue
from collegium.workloads.slots import Finished, Slots

LARGEST_LIGHT_INPUT = 16_384
"""Bytes of input up to which reading it does not hold up the event loop."""


class Executor:
    """Takes a task to where it runs: on the spot when it is light, else to a slot.

    Parameters
    ----------
    catalogue : the workloads by name.
    slots : where tasks run that are not light.
    blobs : the cache that tasks read big payloads from.
    """

    def __init__(self, catalogue: Catalogue, slots: Slots, blobs: BlobCache) -> None:
        self.catalogue = catalogue
        self.slots = slots
        self.counters = TaskCounters()
        self._blobs = blobs

    async def start(self) -> None:
        """Warm up and start the slots; afterwards the catalogue is what they can run.

        Raises
        ------
        TaskLost
            When the slots cannot be started.
        """
        await self.slots.start()
        able = set(self.slots.workloads)
        self.catalogue = {n: w for n, w in self.catalogue.items() if n in able}

    async def stop(self) -> None:
        """End the slots; what still runs raises TaskLost."""
        await self.slots.stop()

    def workload(self, name: str) -> Workload:
        """Return a workload.

        Raises
        ------
        NotFound
            When none has that name here.
        """
        workload = self.catalogue.get(name)
        if workload is None:
            raise NotFound(f"No workload is called {name!r} here.")
        return workload

    def is_light(self, name: str, size: int, blobs: Sequence[str]) -> bool:
        """Tell whether a task with ``size`` bytes of input can run on the spot."""
        return (
            self.workload(name).is_light and size <= LARGEST_LIGHT_INPUT and not blobs
        )

    def run_light(self, name: str, raw: bytes) -> Finished:
        """Run a light task now.

        Raises
        ------
        TaskFailed
            When the input is not acceptable, or the workload says so.
        """
        started_s = time.perf_counter()
        self.counters.started += 1
        try:
            with spans.inner("run", name):
                output = execute(self.workload(name), raw, _NO_CONTEXT)
        except Exception as error:
            self.counters.ended(error, time.perf_counter() - started_s)
            raise
        seconds = time.perf_counter() - started_s
        self.counters.ended(None, seconds)
        return Finished(output, seconds)

    async def run(
        self,
        order: Run,
        blobs: Sequence[str],
        on_progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> Finished:
        """Run a task in a slot, its blobs at hand.

        Raises
        ------
        NotFound
            When there is no such workload or blob.
        TaskFailed, TaskLost, DeadlineExceeded, Cancelled
            As ``Slots.run`` does.
        """
        self.workload(order.workload)
        self.counters.started += 1
        started_s = time.perf_counter()
        try:
            finished = await self._run(order, blobs, on_progress)
        except asyncio.CancelledError:
            self.counters.ended(Cancelled(), time.perf_counter() - started_s)
            raise
        except CollegiumError as error:
            self.counters.ended(error, time.perf_counter() - started_s)
            raise
        self.counters.ended(None, finished.seconds)
        return finished

    async def _run(
        self,
        order: Run,
        blobs: Sequence[str],
        on_progress: Callable[[dict[str, Any]], None] | None,
    ) -> Finished:
        if not blobs:
            return await self._in_slot(order, on_progress)
        loop = asyncio.get_running_loop()
        end_s = loop.time() + order.deadline_s
        try:
            async with asyncio.timeout_at(end_s) as fetching:
                async with self._blobs.held(blobs) as paths:
                    # From here on the slot itself watches the deadline.
                    fetching.reschedule(None)
                    order.blobs = paths
                    order.deadline_s = max(0.0, end_s - loop.time())
                    return await self._in_slot(order, on_progress)
        except TimeoutError:
            raise DeadlineExceeded("The task's blobs did not arrive in time.") from None

    async def _in_slot(
        self, order: Run, on_progress: Callable[[dict[str, Any]], None] | None
    ) -> Finished:
        with spans.inner("run", order.workload):
            finished = await self.slots.run(order, on_progress)
            # The rest of the span was spent waiting for the slot.
            spans.note("collegium.run_us", int(1e6 * finished.seconds))
            return finished


class _NoContext:
    """What a light task may ask of its place: almost nothing, as it ends at once."""

    def __init__(self) -> None:
        self.memory: MutableMapping[str, Any] = {}

    def blob(self, sha256: str) -> bytes:
        """Refuse: a light task has no blobs."""
        raise NotFound(f"A light task has no blob {sha256}.")

    def remaining_s(self) -> float:
        """Return a time that no light task takes."""
        return 1.0

    def is_cancelled(self) -> bool:
        """Return False, as nothing else runs meanwhile."""
        return False

    def report(self, progress: dict[str, Any]) -> None:
        """Ignore it: the result is there at once."""


_NO_CONTEXT = _NoContext()
