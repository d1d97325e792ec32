"""Closed loops of tasks, and what is said about their times."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple


class Load(NamedTuple):
    """How long a number of tasks took.

    Parameters
    ----------
    seconds : from the first task to the last answer.
    latencies_s : of each task, from being sent to its answer.
    """

    seconds: float
    latencies_s: list[float]

    @property
    def tasks_per_s(self) -> float:
        """Throughput."""
        return len(self.latencies_s) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """Return the latency that ``share`` (0 to 1) of the tasks stay below."""
        return 1000.0 * quantile(self.latencies_s, share)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that ``share`` (0 to 1) of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def run_window(
    submit: Callable[[int], Any],
    collect: Callable[[Any], Any],
    *,
    tasks: int,
    concurrency: int,
) -> Load:
    """Keep ``concurrency`` tasks under way from one thread, the oldest collected first.

    The cheapest load for a synchronous client; as every peer here answers nearly in
    the order of sending, waiting for the oldest costs no throughput.
    """
    waiting: deque[tuple[float, Any]] = deque()
    latencies_s: list[float] = []

    def collect_oldest() -> None:
        sent_s, handle = waiting.popleft()
        collect(handle)
        latencies_s.append(time.perf_counter() - sent_s)

    started_s = time.perf_counter()
    for number in range(tasks):
        if len(waiting) == concurrency:
            collect_oldest()
        waiting.append((time.perf_counter(), submit(number)))
    while waiting:
        collect_oldest()
    return Load(time.perf_counter() - started_s, latencies_s)


async def run_loops(
    call: Callable[[int], Awaitable[Any]], *, tasks: int, concurrency: int
) -> Load:
    """Keep ``concurrency`` tasks under way, each sent when an earlier one returns."""
    numbers = iter(range(tasks))
    latencies_s: list[float] = []

    async def loop() -> None:
        for number in numbers:
            sent_s = time.perf_counter()
            await call(number)
            latencies_s.append(time.perf_counter() - sent_s)

    started_s = time.perf_counter()
    await asyncio.gather(*(loop() for _ in range(concurrency)))
    return Load(time.perf_counter() - started_s, latencies_s)
