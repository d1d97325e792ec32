"""Run tasks in child processes of this coordinator, when no worker can."""

from __future__ import annotations

import asyncio
from contextvars import Context

from collegium.errors import NotFound, Overloaded, TaskFailed
from collegium.fleet.engine import Ran
from collegium.fleet.members import Member
from collegium.fleet.tasks import ProgressSink, Task
from collegium.workloads.executor import Executor
from collegium.workloads.frames import Run

LOCAL = "local"


class LocalEngine:
    """The same executor that workers have, started when it is first needed.

    Parameters
    ----------
    executor : not started yet.
    """

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._starting: asyncio.Task[None] | None = None

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
        if self.executor.is_light(task.workload, len(task.input), task.blobs):
            finished = self.executor.run_light(task.workload, task.input)
            return Ran(finished.output, finished.seconds)
        began_s = asyncio.get_running_loop().time()
        await self._start()
        deadline_s -= asyncio.get_running_loop().time() - began_s
        order = Run(task.id, task.workload, task.input, {}, deadline_s)
        try:
            finished = await self.executor.run(order, task.blobs, on_progress)
        except NotFound as error:
            raise TaskFailed(error.detail) from None
        return Ran(finished.output, finished.seconds)

    def abandon(self, member: Member, task_id: str) -> None:
        """Have a task stopped; one that nobody waits for has been already."""
        self.executor.slots.cancel(task_id)

    async def close(self) -> None:
        """End the slots."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self.executor.stop()

    async def _start(self) -> None:
        if self._starting is None or _has_failed(self._starting):
            # It outlives the request that needs it first: no name of that in its logs.
            self._starting = asyncio.create_task(
                self.executor.start(), context=Context()
            )
        try:
            await asyncio.shield(self._starting)
        except (OSError, TimeoutError) as error:
            raise Overloaded(f"The local slots cannot be started: {error}") from None


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
