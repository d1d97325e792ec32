"""The life of a worker: starting, up, draining, gone; never back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from collegium.errors import CollegiumError, Unavailable
from collegium.membership.registration import Registration
from collegium.membership.tasks import TaskTable
from collegium.worker.stats import Reporter
from collegium.workloads.executor import Executor

_log = logging.getLogger(__name__)


class Life:
    """Starts the parts of a worker, and ends them so that nothing is lost.

    Parameters
    ----------
    executor, table, reporter, registrations : the parts.
    """

    def __init__(
        self,
        executor: Executor,
        table: TaskTable,
        reporter: Reporter,
        registrations: Sequence[Registration],
    ) -> None:
        self.on_fatal: Callable[[CollegiumError], None] = log_fatal
        self._executor = executor
        self._table = table
        self._reporter = reporter
        self._registrations = registrations
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Announce this worker and warm up, while health is answered already."""
        self._tasks = [asyncio.create_task(self._warm_up(), name="warm-up")]
        self._tasks += [
            asyncio.create_task(self._announce(known), name=f"to {known.coordinator}")
            for known in self._registrations
        ]

    async def drain(self, grace_s: float) -> None:
        """Take in nothing more, tell everybody, finish or hand back what runs."""
        self._reporter.state = "draining"
        self._table.is_draining = True
        self._tell()
        await self._table.drain(grace_s)

    async def end(self) -> None:
        """Leave the coordinators and end every process."""
        self._reporter.state = "draining"
        self._table.is_draining = True
        await self._table.hand_back()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(known.leave() for known in self._registrations))
        await self._executor.stop()

    async def check_slots(self) -> Mapping[str, Any]:
        """Say how many slots there are.

        Raises
        ------
        Unavailable
            While warming up and while leaving.
        """
        if self._reporter.state != "up":
            raise Unavailable(f"The worker is {self._reporter.state}.")
        slots = self._executor.slots
        return {"slots": slots.count, "busy": slots.busy}

    async def check_coordinators(self) -> Mapping[str, Any]:
        """Say which coordinators know this worker.

        Raises
        ------
        Unavailable
            When there are some and none has answered lately.
        """
        fresh = [known.coordinator for known in self._registrations if known.is_fresh]
        if self._registrations and not fresh:
            raise Unavailable("No coordinator has answered lately.")
        return {"known_to": fresh}

    async def _warm_up(self) -> None:
        try:
            await self._executor.start()
        except (CollegiumError, OSError, TimeoutError) as error:
            self.on_fatal(Unavailable(f"The slots cannot be started: {error}"))
            return
        if self._reporter.state == "starting":
            self._reporter.state = "up"
            self._tell()

    async def _announce(self, registration: Registration) -> None:
        try:
            await registration.run()
        except CollegiumError as error:
            self.on_fatal(error)

    def _tell(self) -> None:
        for registration in self._registrations:
            registration.tell()


def log_fatal(error: CollegiumError) -> None:
    """Log why a worker cannot go on, when nobody is there to end its process."""
    _log.error("this worker cannot go on: %s", error.detail)
