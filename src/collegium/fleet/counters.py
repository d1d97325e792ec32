"""What a coordinator counts of its own dispatching; totals that only grow."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field

from collegium.workloads.counters import BUCKET_COUNT, bucket_end_s, bucket_of


@dataclass(slots=True)
class DispatchCounters:
    """Totals since the start of this coordinator.

    Parameters
    ----------
    accepted : tasks taken in.
    rejected : tasks refused because too many were waiting.
    succeeded, failed, cancelled, expired : how accepted tasks ended.
    attempts : tries that were sent somewhere.
    refused : tries that found no free slot after all.
    retried : tries after one that failed.
    fallback : tasks that ran in this process's own slots.
    wrong_answers : answers that no worker should give.
    hedged : tries beside a late one.
    hedges_won : those that gave the answer.
    hedges_stopped : tries, first or second, that were stopped as the other had won.
    """

    accepted: int = 0
    rejected: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    attempts: int = 0
    refused: int = 0
    retried: int = 0
    fallback: int = 0
    wrong_answers: int = 0
    hedged: int = 0
    hedges_won: int = 0
    hedges_stopped: int = 0

    def to_dict(self) -> dict[str, int]:
        """Return every counter by its name."""
        return asdict(self)


@dataclass(slots=True)
class LatencyCounters:
    """How long accepted tasks took from coming in to going out."""

    buckets: list[int] = field(default_factory=lambda: [0] * BUCKET_COUNT)
    sum_s: float = 0.0

    def note(self, seconds: float) -> None:
        """Count one."""
        self.buckets[bucket_of(seconds)] += 1
        self.sum_s += seconds

    def quantile(self, share: float) -> float:
        """Return the time, in seconds, within which that share of tasks ended."""
        return quantile(self.buckets, share)


def quantile(buckets: list[int], share: float) -> float:
    """Return the end, in seconds, of the bucket where ``share`` of all is reached."""
    total = sum(buckets)
    if total == 0:
        return 0.0
    reached = 0
    for index, count in enumerate(buckets):
        reached += count
        if reached >= share * total:
            return bucket_end_s(index)
    return bucket_end_s(len(buckets) - 1)


class Rate:
    """How many events there were in the last minute, second by second."""

    def __init__(self) -> None:
        self._counts = [0] * 60
        self._second = 0

    def note(self, now_s: float) -> None:
        """Count one event."""
        self._turn(int(now_s))
        self._counts[self._second % 60] += 1

    def per_minute(self, now_s: float) -> float:
        """Return the number of events in the last sixty seconds."""
        self._turn(int(now_s))
        return float(sum(self._counts))

    def _turn(self, second: int) -> None:
        if second <= self._second:
            return
        for passed in range(max(self._second + 1, second - 59), second + 1):
            self._counts[passed % 60] = 0
        self._second = second


class Growth:
    """How much a total that only grows has grown in the last minute; pure."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, total: int, now_s: float) -> None:
        """Take in the total at a time; more than one in a second are one."""
        if len(self._seen) > 1 and now_s - self._seen[-2][0] < 1.0:
            self._seen.pop()
        self._seen.append((now_s, total))
        self._forget(now_s)

    def per_minute(self, now_s: float) -> float:
        """Return the growth since the last total that is a minute old, or the first."""
        self._forget(now_s)
        if not self._seen:
            return 0.0
        return float(self._seen[-1][1] - self._seen[0][1])

    def _forget(self, now_s: float) -> None:
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - 60.0:
            self._seen.popleft()
        if self._seen and self._seen[-1][0] <= now_s - 60.0:
            self._seen = deque([self._seen[-1]])
