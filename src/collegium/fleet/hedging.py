"""A second worker for a short task whose first one takes unusually long.

Off unless asked for. What is late is likelier to be stuck than to be nearly done, so
one more attempt elsewhere cuts the slowest answers for a few per cent more work. Only
workloads that say they may run twice at the same time are hedged, only while they are
short, only once a task, and only out of the budget that retries have.

References
----------
J. Dean, L. A. Barroso: The Tail at Scale. CACM 56(2), 2013. doi:10.1145/2408776.2408794
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from collegium.errors import CollegiumError, Overloaded, TaskLost, WorkerUnreachable
from collegium.fleet.attempts import Attempts
from collegium.fleet.calls import Call, RetryBudget
from collegium.fleet.counters import DispatchCounters, quantile
from collegium.fleet.engine import NotStarted
from collegium.fleet.members import Member
from collegium.fleet.tasks import TaskAnswer
from collegium.workloads.counters import BUCKET_COUNT, bucket_of

LATE = 0.95
"""Share of answers of a kind after which the next one is late."""
LONGEST_HEDGED_S = 1.0
"""Kinds whose late answers take longer are not short, and not hedged."""
FEWEST_SEEN = 20
"""Answers of a kind from which on it is known when one is late."""
MOST_SEEN = 1000
"""Answers after which all count half, so that the past fades."""

MayRunTwice = Callable[[str], bool]
"""Tells whether a workload may run twice at the same time."""
PickOther = Callable[[Call, Member], Member | None]
"""Returns a free member other than the first, counted there already, or None."""


class AnswerTimes:
    """How long answers take, by kind; pure."""

    def __init__(self) -> None:
        self._buckets: dict[str, list[int]] = {}

    def note(self, workload: str, seconds: float) -> None:
        """Count an answer."""
        buckets = self._buckets.setdefault(workload, [0] * BUCKET_COUNT)
        buckets[bucket_of(seconds)] += 1
        if sum(buckets) >= MOST_SEEN:
            buckets[:] = [count // 2 for count in buckets]

    def late_s(self, workload: str) -> float | None:
        """Return after how many seconds an answer is late; None when that is unknown.

        It is unknown after few answers, and of no interest for what is not short.
        """
        buckets = self._buckets.get(workload)
        if buckets is None or sum(buckets) < FEWEST_SEEN:
            return None
        seconds = quantile(buckets, LATE)
        return seconds if seconds <= LONGEST_HEDGED_S else None


class Hedging:
    """Makes an attempt, and a second one beside it when the first is late.

    Parameters
    ----------
    attempts : makes them.
    budget : what a second one is paid from.
    counters : of the dispatcher.
    may_run_twice : tells of a workload whether it is hedged at all.
    pick_other : finds a second member.
    now_s : monotonic clock, the event loop's own.
    """

    def __init__(
        self,
        attempts: Attempts,
        budget: RetryBudget,
        counters: DispatchCounters,
        *,
        may_run_twice: MayRunTwice,
        pick_other: PickOther,
        now_s: Callable[[], float],
    ) -> None:
        self._attempts = attempts
        self._budget = budget
        self._counters = counters
        self._may_run_twice = may_run_twice
        self._pick_other = pick_other
        self._now_s = now_s
        self._times = AnswerTimes()

    async def make(self, call: Call, member: Member) -> TaskAnswer:
        """Run a task at a member, perhaps at another one too; see ``Attempts.make``."""
        workload = call.task.workload
        if member is self._attempts.local or not self._may_run_twice(workload):
            return await self._attempts.make(call, member)
        late_s = self._times.late_s(workload) if call.starts == 0 else None
        began_s = self._now_s()
        if late_s is None:
            answer = await self._attempts.make(call, member)
        else:
            answer = await self._watched(call, member, late_s)
        self._times.note(workload, self._now_s() - began_s)
        return answer

    async def _watched(self, call: Call, member: Member, late_s: float) -> TaskAnswer:
        first = asyncio.create_task(self._attempts.make(call, member))
        try:
            await asyncio.wait({first}, timeout=late_s)
            other = None
            if not first.done() and not call.is_cancelled and self._budget.has_room:
                other = self._pick_other(call, member)
            if other is None:
                return await first
            with self._budget.spending():
                return await self._hedged(call, first, member, other)
        finally:
            await _stop(first)

    async def _hedged(
        self,
        call: Call,
        first: asyncio.Task[TaskAnswer],
        member: Member,
        other: Member,
    ) -> TaskAnswer:
        self._counters.hedged += 1
        hedge = call.hedge = Call(call.task, call.is_light, call.end_s)
        hedge.on_progress = call.on_progress
        hedge.starts = call.starts + 1
        second = asyncio.create_task(self._attempts.make(hedge, other))
        try:
            return await self._raced(call, {first: member, second: other})
        finally:
            call.hedge = None
            await _stop(second)

    async def _raced(
        self, call: Call, racers: Mapping[asyncio.Task[TaskAnswer], Member]
    ) -> TaskAnswer:
        """Return the first outcome that settles the task; else the first's failure."""
        first, second = racers
        pending = set(racers)
        lost: list[asyncio.Task[TaskAnswer]] = []
        while pending:
            done, pending = await asyncio.wait(
                pending, return_when=asyncio.FIRST_COMPLETED
            )
            for racer in (racer for racer in racers if racer in done):
                if not _settles(racer):
                    lost.append(racer)
                    continue
                for loser in lost:
                    self._take_loss(call, loser, racers[loser])
                self._counters.hedges_won += racer is second and not racer.exception()
                self._counters.hedges_stopped += len(pending)
                return racer.result()
        self._take_loss(call, second, racers[second])
        call.tried.add(racers[second].id)
        return first.result()

    def _take_loss(
        self, call: Call, loser: asyncio.Task[TaskAnswer], member: Member
    ) -> None:
        error = loser.exception()
        assert isinstance(error, CollegiumError)
        self._attempts.note_failure(member, error)
        if not isinstance(error, Overloaded | NotStarted):
            call.starts += 1


def _settles(racer: asyncio.Task[TaskAnswer]) -> bool:
    """Tell whether a task needs no other attempt after the end of this one."""
    return not isinstance(racer.exception(), Overloaded | WorkerUnreachable | TaskLost)


async def _stop(racer: asyncio.Task[TaskAnswer]) -> None:
    racer.cancel()
    await asyncio.wait({racer})
    if not racer.cancelled():
        racer.exception()  # whoever needs to know has been told
