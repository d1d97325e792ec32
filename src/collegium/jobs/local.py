"""The slots of this process as the place where a job's tasks run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType

from collegium.errors import TaskLost
from collegium.fleet.tasks import ProgressSink, Task, TaskAnswer
from collegium.workloads.blobs import BlobCache
from collegium.workloads.executor import Executor
from collegium.workloads.frames import Run
from collegium.workloads.registry import Catalogue, import_paths
from collegium.workloads.slots import Slots

CACHE_BYTES = 256 << 20
LOCAL = "local"

_log = logging.getLogger(__name__)


class LocalHands:
    """So many child processes, without any network.

    Checks run in one of these of their own, so that they never wait behind leases; and
    ``collegium solve`` runs its leases in another.

    Parameters
    ----------
    count : number of child processes.
    catalogue : the workloads that they can run.
    directory : where blobs are laid for the children to read.
    fetch : returns the bytes of a blob, or raises NotFound.
    """

    def __init__(
        self,
        count: int,
        catalogue: Catalogue,
        directory: Path,
        fetch: Callable[[str], Awaitable[bytes]],
    ) -> None:
        self.version = 0
        self._in_flight = 0
        self._changed = asyncio.Event()
        self._starting: asyncio.Task[None] | None = None
        self._slots = Slots(count, import_paths(catalogue), on_change=self._note_change)
        cache = BlobCache(directory, CACHE_BYTES, fetch)
        self._executor = Executor(catalogue, self._slots, cache)

    async def __aenter__(self) -> LocalHands:
        """Begin to start the children; nobody waits for them but tasks."""
        self._starting = asyncio.create_task(self._executor.start())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the children."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self._executor.stop()

    async def run(
        self, task: Task, *, on_progress: ProgressSink | None = None
    ) -> TaskAnswer:
        """Run a task in one of the children; see ``TaskRunner``."""
        self._in_flight += 1
        try:
            await self.ready()
            order = Run(task.id, task.workload, task.input, {}, task.deadline_s)
            finished = await self._executor.run(order, task.blobs, on_progress)
        finally:
            self._in_flight -= 1
        return TaskAnswer(finished.output, LOCAL, finished.seconds)

    async def ready(self) -> None:
        """Wait until the children are there; when they have failed, try again.

        Raises
        ------
        TaskLost
            When they cannot be started.
        """
        if self._starting is None or _has_failed(self._starting):
            self._starting = asyncio.create_task(self._executor.start())
        try:
            # Whoever gives up waiting must not stop the start for the others.
            await asyncio.shield(self._starting)
        except (OSError, TimeoutError) as error:
            raise TaskLost(f"The processes cannot be started: {error}") from error

    def slots(self) -> int:
        """Return how many tasks can run at once."""
        return self._slots.count

    def free_slots(self) -> int:
        """Return how many of them have nothing to do."""
        return max(0, self._slots.count - self._in_flight)

    async def wait_changed(self, version: int) -> int:
        """Wait until ``self.version`` differs from ``version``."""
        while self.version == version:
            self._changed.clear()
            await self._changed.wait()
        return self.version

    def ask_to_end(self, task_id: str) -> bool:
        """Have a task end soon, with what it has; see ``TaskRunner``."""
        return self._slots.cancel(task_id)

    def doubt(self, worker: str, reason: str) -> None:
        """Note in the log that our own process has answered something wrong."""
        _log.error("a task of this process gave a wrong answer: %s", reason)

    def _note_change(self) -> None:
        self.version += 1
        self._changed.set()


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
