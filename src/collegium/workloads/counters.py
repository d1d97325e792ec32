"""What a place that runs tasks counts: totals since its start that only grow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from collegium.errors import Cancelled, TaskLost

BUCKETS_PER_DOUBLING = 2
FIRST_BUCKET_S = 1e-5
BUCKET_COUNT = 60
"""From 10 microseconds to about three hours."""


def bucket_of(seconds: float) -> int:
    """Return the number of the latency bucket that a duration falls into."""
    if seconds <= FIRST_BUCKET_S:
        return 0
    index = math.ceil(BUCKETS_PER_DOUBLING * math.log2(seconds / FIRST_BUCKET_S))
    return min(index, BUCKET_COUNT - 1)


def bucket_end_s(index: int) -> float:
    """Return the longest duration, in seconds, that falls into a bucket."""
    return float(FIRST_BUCKET_S * 2.0 ** (index / BUCKETS_PER_DOUBLING))


def bucket_name(index: int) -> str:
    """Return the name of a bucket's counter."""
    return f"seconds.{index:02d}"


@dataclass(slots=True)
class TaskCounters:
    """Totals of one process; as monotone counters they can be merged by maximum."""

    started: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    lost: int = 0
    busy_us: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKET_COUNT)

    def ended(self, error: BaseException | None, seconds: float) -> None:
        """Count a task that has ended; ``error`` is None when it has a result."""
        self.busy_us += int(1e6 * seconds)
        if error is None:
            self.completed += 1
            self.buckets[bucket_of(seconds)] += 1
        elif isinstance(error, Cancelled):
            self.cancelled += 1
        elif isinstance(error, TaskLost):
            self.lost += 1
        else:
            self.failed += 1

    def to_dict(self) -> dict[str, int]:
        """Return every counter by its name; empty buckets are left out."""
        found = {
            "tasks_started": self.started,
            "tasks_completed": self.completed,
            "tasks_failed": self.failed,
            "tasks_cancelled": self.cancelled,
            "tasks_lost": self.lost,
            "busy_us": self.busy_us,
        }
        for index, count in enumerate(self.buckets):
            if count:
                found[bucket_name(index)] = count
        return found
