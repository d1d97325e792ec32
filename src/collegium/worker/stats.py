"""What a worker says about itself: monotone counters, and gauges of the moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

from collegium import __version__
from collegium.membership.tasks import TaskTable
from collegium.protocol import (
    OLDEST_PROTOCOL_VERSION,
    PROTOCOL_VERSION,
    Announcement,
    MemberState,
)
from collegium.settings import WorkerSettings
from collegium.workloads.executor import Executor

MOST_AT_ONCE = 256
BYTES_EACH = 2048
"""A short task with its envelope takes less; see ``fleet.batches``."""


class Reporter:
    """Makes the announcements of one worker.

    Parameters
    ----------
    incarnation : UUIDv7 of this start; the key of all its counters.
    url : where coordinators reach this worker.
    executor : whose counters are reported.
    table : whose running tasks are reported.
    now_s : monotonic clock.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        incarnation: str,
        url: str,
        executor: Executor,
        table: TaskTable,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state: MemberState = "starting"
        self._settings = settings
        self._incarnation = incarnation
        self._url = url
        self._executor = executor
        self._table = table
        self._now_s = now_s
        self._started_s = now_s()
        self._sequence = 0
        self._process = psutil.Process(os.getpid())
        self._process.cpu_percent()  # the first call only sets the mark

    def announcement(self, heartbeat_s: float) -> Announcement:
        """Return the whole representation of this worker, as it is now."""
        self._sequence += 1
        slots = self._executor.slots
        return Announcement(
            incarnation=self._incarnation,
            url=self._url,
            slots=slots.count,
            workloads=sorted(self._executor.catalogue),
            sequence=self._sequence,
            protocol_min=OLDEST_PROTOCOL_VERSION,
            protocol_max=PROTOCOL_VERSION,
            version=__version__,
            state=self.state,
            waiting=waiting_limit(slots.count),
            batch=batch_limit(self._settings.body_limit_bytes),
            weight=self._settings.weight,
            heartbeat_s=heartbeat_s,
            running=self._table.running(),
            counters=self.counters(),
            gauges={
                "cpu_percent": self._process.cpu_percent(),
                "resident_bytes": float(self._process.memory_info().rss),
                "machine_cpu_percent": psutil.cpu_percent(),
                "machine_memory_available_bytes": float(
                    psutil.virtual_memory().available
                ),
                "uptime_s": self._now_s() - self._started_s,
            },
        )

    def counters(self) -> dict[str, int]:
        """Return the totals since the start of this process."""
        return {
            **self._executor.counters.to_dict(),
            "tasks_refused": self._table.refused,
            "tasks_repeated": self._table.repeated,
        }


def waiting_limit(slots: int) -> int:
    """Return how many tasks beyond its slots a worker takes in: one for each."""
    return slots


def batch_limit(body_limit_bytes: int) -> int:
    """Return how many short tasks go into one request to a worker.

    Parameters
    ----------
    body_limit_bytes : largest body that it reads.
    """
    return min(MOST_AT_ONCE, body_limit_bytes // BYTES_EACH)
