"""A timetable job on child processes of this one, without a coordinator."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from collegium.blobs.shelf import Shelf
from collegium.errors import NotFound
from collegium.jobs.drive import Drive
from collegium.jobs.local import LocalHands
from collegium.jobs.means import Means
from collegium.workloads.timetable import Timetable, TimetableJob
from collegium.workloads.timetable_check import TimetableCheck

_JOB_ID = "alone"
_PROBLEM_HOLDER = "problem"


class Alone:
    """The same policy, slots and judge as on a fleet, all in one place.

    Parameters
    ----------
    workers : number of child processes that search.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._shelf = Shelf()
        self._workload = Timetable()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Alone:
        """Begin to start the children; nobody waits for them but tasks."""
        name = tempfile.TemporaryDirectory(prefix="collegium-")
        folder = Path(self._stack.enter_context(name))
        leases = {self._workload.name: self._workload}
        checks = {TimetableCheck.name: TimetableCheck()}
        self._hands = await self._stack.enter_async_context(
            LocalHands(self._workers, leases, folder / "leases", self._fetch)
        )
        self._checks = await self._stack.enter_async_context(
            LocalHands(1, checks, folder / "checks", self._fetch)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the children and remove what they have read."""
        await self._stack.aclose()

    async def ready(self) -> None:
        """Wait until the children are there, with the solver compiled.

        Raises
        ------
        TaskLost
            When they cannot be started.
        """
        await self._hands.ready()
        await self._checks.ready()

    def drive(
        self,
        instance: bytes,
        *,
        seconds: float | None,
        iterations: int | None,
        seed: int,
        show: Callable[[dict[str, Any]], None],
    ) -> Drive:
        """Return a job that has not begun.

        Parameters
        ----------
        instance : ITC-2019 problem, XML or gzip.
        show : called with the job's progress.
        """
        problem = self._shelf.put(_PROBLEM_HOLDER, instance)
        job = TimetableJob(
            problem=problem, seconds=seconds, iterations=iterations, seed=seed
        )
        return Drive(
            _JOB_ID,
            self._workload,
            self._workload.begin(job),
            Means(self._hands, self._checks, self._shelf, time.monotonic),
            _Shown(show),
        )

    async def _fetch(self, sha256: str) -> bytes:
        data = self._shelf.get(sha256)
        if data is None:
            raise NotFound(f"Nobody holds the blob {sha256} any more.")
        return data


class _Shown:
    """A journal that keeps nothing: when this process ends, so does its job."""

    def __init__(self, show: Callable[[dict[str, Any]], None]) -> None:
        self.tell = show

    async def store(
        self,
        plan: str,
        progress: dict[str, Any],
        elapsed_s: float,
        keeps: Sequence[str],
    ) -> None:
        self.tell(progress)
