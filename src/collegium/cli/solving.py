"""Solve an instance with processes of this command, no server needed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

from collegium.jobs.alone import Alone
from collegium.jobs.journal import Outcome


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
    async with Alone(workers) as alone:
        drive = alone.drive(
            instance, seconds=seconds, iterations=iterations, seed=seed, show=show
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, drive.stop)
        return await drive.run()
