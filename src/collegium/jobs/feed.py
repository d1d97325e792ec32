"""Tells those who watch a job in this process that there is something new."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

TELL_INTERVAL_S = 0.2
"""Least time between two pieces of news about one job that need not be stored."""


class Feed:
    """The latest news of each running job, and who waits for more.

    Parameters
    ----------
    now_s : a clock that never goes back.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._progress: dict[str, dict[str, Any]] = {}
        self._told_s: dict[str, float] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self.is_closed = False

    def progress(self, job_id: str) -> dict[str, Any] | None:
        """Return what was told last, None when nothing was."""
        return self._progress.get(job_id)

    def tell(self, job_id: str, progress: dict[str, Any]) -> None:
        """Show progress; wake whoever watches, but not too often."""
        self._progress[job_id] = progress
        if (
            self._now_s() - self._told_s.get(job_id, -TELL_INTERVAL_S)
            >= TELL_INTERVAL_S
        ):
            self._told_s[job_id] = self._now_s()
            self.wake(job_id)

    def wake(self, job_id: str) -> None:
        """Wake whoever watches a job: its stored state has changed."""
        for event in self._watchers.get(job_id, ()):
            event.set()

    def forget(self, job_id: str) -> None:
        """Drop the news of a job that has ended, and wake those who watch it."""
        self._progress.pop(job_id, None)
        self._told_s.pop(job_id, None)
        self.wake(job_id)

    def close(self) -> None:
        """Wake everybody for the last time."""
        self.is_closed = True
        for job_id in list(self._watchers):
            self.wake(job_id)

    @contextmanager
    def watch(self, job_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever there is news of a job.

        Clear it, look, then wait for it: so no news is missed.
        """
        event = asyncio.Event()
        watchers = self._watchers.setdefault(job_id, set())
        watchers.add(event)
        try:
            yield event
        finally:
            watchers.discard(event)
            if not watchers:
                self._watchers.pop(job_id, None)
