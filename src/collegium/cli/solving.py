"""Solve an instance with processes of this command, no server needed."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from collegium.blobs.shelf import Shelf
from collegium.errors import NotFound
from collegium.jobs.drive import Drive
from collegium.jobs.journal import Outcome
from collegium.jobs.local import LocalHands
from collegium.jobs.means import Means
from collegium.workloads.timetable import Timetable, TimetableJob
from collegium.workloads.timetable_check import TimetableCheck

JOB_ID = "solve"
_PROBLEM_HOLDER = "problem"


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


async def solve_here(
    instance: bytes,
    *,
    workers: int,
    seconds: float | None,
    iterations: int | None,
    seed: int,
    show: Callable[[dict[str, Any]], None],
) -> Outcome:
    """Run a timetable job on child processes; SIGINT ends it with its best.

    Parameters
    ----------
    instance : ITC-2019 problem, XML or gzip.
    workers : number of child processes that search.
    show : called with the job's progress.
    """
    shelf = Shelf()
    problem = shelf.put(_PROBLEM_HOLDER, instance)
    workload = Timetable()
    job = TimetableJob(
        problem=problem, seconds=seconds, iterations=iterations, seed=seed
    )

    async def fetch(sha256: str) -> bytes:
        data = shelf.get(sha256)
        if data is None:
            raise NotFound(f"Nobody holds the blob {sha256} any more.")
        return data

    with tempfile.TemporaryDirectory(prefix="collegium-") as name:
        hands = LocalHands(
            workers, {workload.name: workload}, Path(name, "leases"), fetch
        )
        checks = LocalHands(
            1, {TimetableCheck.name: TimetableCheck()}, Path(name, "checks"), fetch
        )
        async with hands, checks:
            drive = Drive(
                JOB_ID,
                workload,
                workload.begin(job),
                Means(hands, checks, shelf, time.monotonic),
                _Shown(show),
            )
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, drive.stop)
            return await drive.run()
