"""Each task to the next worker; on no answer to the one after; last, to this process.

Only this hop retries. A try that was not started costs nothing; after three that were,
the task is given up, and the third is always made here, where no worker's death can
take it along.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import replace

from collegium.errors import (
    AlreadyExists,
    Cancelled,
    CollegiumError,
    DeadlineExceeded,
    Overloaded,
    TaskFailed,
    TaskLost,
    WorkerUnreachable,
)
from collegium.fleet.attempts import Attempts, Check
from collegium.fleet.calls import Call, RetryBudget
from collegium.fleet.changes import Changes
from collegium.fleet.counters import DispatchCounters, LatencyCounters
from collegium.fleet.engine import Engine, NotStarted
from collegium.fleet.hedging import Hedging, MayRunTwice
from collegium.fleet.members import Demand, Member
from collegium.fleet.registry import FULL_PAUSE_S, Registry
from collegium.fleet.tasks import ProgressSink, Task, TaskAnswer
from collegium.fleet.waiting import FairQueue, Waiter
from collegium.membership.durations import Durations

MOST_STARTS = 3
FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.02, 1.0
SHORT_TASK_S = 0.1
"""Tasks of such a kind may wait in a worker behind those in its slots."""

_log = logging.getLogger(__name__)


class Dispatcher:
    """Brings tasks to members and their results back.

    Parameters
    ----------
    registry : the members.
    engine : reaches them.
    local : pseudo-member of this process, and the engine that runs tasks here.
    queue_limit : tasks that may wait.
    is_local_only : True sends nothing to any member.
    changes : is told when slots become free or busy.
    check : looks at outputs before they count.
    may_run_twice : tells which workloads may be hedged; None hedges nothing.
    now_s : monotonic clock, the event loop's own.
    rng : jitter of pauses.
    """

    def __init__(
        self,
        registry: Registry,
        engine: Engine,
        local: tuple[Member, Engine],
        *,
        queue_limit: int,
        is_local_only: bool = False,
        changes: Changes,
        check: Check,
        may_run_twice: MayRunTwice | None = None,
        now_s: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.counters = DispatchCounters()
        self.latency = LatencyCounters()
        self.calls: dict[str, Call] = {}
        self.queue = FairQueue(queue_limit)
        self.local = local[0]
        self._most_remote = 0 if is_local_only else MOST_STARTS - 1
        self._registry = registry
        self._changes = changes
        self._now_s = now_s
        self._rng = rng
        self._budget = RetryBudget(self.calls)
        self._durations = Durations(SHORT_TASK_S)
        self._attempts = Attempts(
            registry,
            engine,
            local,
            counters=self.counters,
            check=check,
            now_s=now_s,
            release=self._release,
        )
        self._make = self._attempts.make
        if may_run_twice is not None:
            self._make = Hedging(
                self._attempts,
                self._budget,
                self.counters,
                may_run_twice=may_run_twice,
                pick_other=self._pick_other,
                now_s=now_s,
            ).make

    async def run(
        self, task: Task, *, is_light: bool, on_progress: ProgressSink | None = None
    ) -> TaskAnswer:
        """Run a task; see ``TaskRunner.run``."""
        began_s = self._now_s()
        call = Call(task, is_light, began_s + task.deadline_s, on_progress)
        if task.id in self.calls:
            raise AlreadyExists("A task of this id is under way.")
        if not self.queue.has_room:
            self.counters.rejected += 1
            raise Overloaded("Too many tasks wait for a worker already.")
        self.calls[task.id] = call
        self.counters.accepted += 1
        try:
            answer = await self._until_answered(call)
        except BaseException as error:
            self._count_end(error)
            raise
        finally:
            self._budget.end(call)
            del self.calls[task.id]
        self.counters.succeeded += 1
        self.latency.note(self._now_s() - began_s)
        return answer

    def cancel(self, task_id: str) -> bool:
        """Cancel a task; True when it was under way."""
        call = self.calls.get(task_id)
        if call is None:
            return False
        call.cancel()
        return True

    def ask_to_end(self, task_id: str) -> bool:
        """Have a task end where it runs, its answer still awaited; True when known."""
        call = self.calls.get(task_id)
        if call is None or call.member is None:
            return self.cancel(task_id)
        self._attempts.ask_to_end(call)
        return True

    def orphan(self, member: Member) -> None:
        """Take the tasks of a member that is gone elsewhere."""
        for call in self.calls.values():
            call.orphan(member)

    def place_waiting(self) -> None:
        """Hand out what waits, after slots or members have changed."""
        if len(self.queue):
            self.queue.place(self._pick)

    def _count_end(self, error: BaseException) -> None:
        if isinstance(error, DeadlineExceeded):
            self.counters.expired += 1
        elif isinstance(error, Cancelled | asyncio.CancelledError):
            self.counters.cancelled += 1
        else:
            self.counters.failed += 1

    async def _until_answered(self, call: Call) -> TaskAnswer:
        while True:
            member = await self._placed(call)
            try:
                return await self._try(call, member)
            except (Overloaded, NotStarted) as error:
                await self._after_refusal(call, member, error)
            except (WorkerUnreachable, TaskLost) as error:
                await self._after_loss(call, member, error)

    async def _placed(self, call: Call) -> Member:
        """Return a member with room, counted there already."""
        if call.is_cancelled:
            raise Cancelled
        demand = self._demand(call)
        if not len(self.queue) or call.is_light:
            member = self._pick(demand)
            if member is not None:
                return member
        placed: asyncio.Future[Member] = asyncio.get_running_loop().create_future()
        waiter = Waiter(demand, call.task.share, placed, self._now_s())
        self.queue.push(waiter)
        self.place_waiting()
        try:
            async with asyncio.timeout_at(call.end_s) as call.scope:
                return await placed
        except BaseException as error:
            self.queue.discard(waiter)
            if placed.done() and not placed.cancelled():
                self._release(call, placed.result())
            if not isinstance(error, TimeoutError):
                raise
            if call.is_cancelled:
                raise Cancelled from None
            raise DeadlineExceeded("No worker had room before the deadline.") from None
        finally:
            call.scope = None

    def _demand(self, call: Call) -> Demand:
        workload = call.task.workload
        return Demand(
            workload,
            call.is_light,
            may_wait=self._durations.is_short(workload),
            excluded=frozenset(call.tried),
            only_here=call.starts >= self._most_remote,
        )

    def _pick(self, demand: Demand) -> Member | None:
        now_s = self._now_s()
        member = None
        if not demand.only_here:
            if demand.may_wait and not demand.is_light:
                member = self._registry.pick(demand.without_waiting(), now_s)
            if member is None:
                member = self._registry.pick(demand, now_s)
            if member is None and demand.excluded and not self._is_other_able(demand):
                # Everybody has failed it once: a second chance beats none.
                member = self._registry.pick(demand.anywhere(), now_s)
        if member is None and self._may_run_here(demand, now_s):
            member = self.local
        if member is not None:
            self._begin(member, demand)
        return member

    def _begin(self, member: Member, demand: Demand) -> None:
        self._registry.begun(member, is_light=demand.is_light)
        if not demand.is_light:
            self._changes.bump()

    def _pick_other(self, call: Call, member: Member) -> Member | None:
        demand = replace(
            self._demand(call), excluded=frozenset(call.tried | {member.id})
        ).without_waiting()
        other = self._registry.pick(demand, self._now_s())
        if other is not None:
            self._begin(other, demand)
        return other

    def _may_run_here(self, demand: Demand, now_s: float) -> bool:
        if not self.local.can_take(demand.anywhere(), now_s):
            return False
        return demand.only_here or not self._registry.has_routable(
            demand.workload, now_s
        )

    def _is_other_able(self, demand: Demand) -> bool:
        now_s = self._now_s()
        return any(
            member.id not in demand.excluded
            and demand.workload in member.workloads
            and member.is_routable(now_s)
            for member in self._registry.members
        )

    async def _try(self, call: Call, member: Member) -> TaskAnswer:
        answer = await self._make(call, member)
        self._durations.note(call.task.workload, answer.seconds)
        return answer

    def _release(self, call: Call, member: Member) -> None:
        self._registry.ended(member, is_light=call.is_light)
        if not call.is_light:
            self.place_waiting()
            self._changes.bump()

    async def _after_refusal(
        self, call: Call, member: Member, error: CollegiumError
    ) -> None:
        """Go on elsewhere: nothing was started, so nothing counts."""
        self._attempts.note_failure(member, error)
        if isinstance(error, NotStarted) and member is not self.local:
            call.tried.add(member.id)
            _log.warning("task %s not started: %s", call.task.id, error.detail)
            return
        call.refusals += 1
        loop = asyncio.get_running_loop()
        loop.call_later(1.1 * FULL_PAUSE_S, self.place_waiting)
        await self._back_off(call, call.refusals)

    async def _after_loss(
        self, call: Call, member: Member, error: CollegiumError
    ) -> None:
        """Go on elsewhere, if the task may still be tried."""
        self._budget.end(call)
        call.starts += 1
        call.tried.add(member.id)
        _log.warning(
            "task %s lost at %s on attempt %d: %s",
            call.task.id,
            member.id,
            call.starts,
            error.detail,
        )
        self._attempts.note_failure(member, error)
        if call.starts >= MOST_STARTS:
            raise TaskFailed(
                f"Given up after {MOST_STARTS} attempts that were started; the last: "
                f"{error.detail}"
            )
        self.counters.retried += 1
        await self._back_off(call, call.starts)
        while not self._budget.has_room:
            await self._back_off(call, call.starts)
        self._budget.begin(call)

    async def _back_off(self, call: Call, count: int) -> None:
        """Pause, longer each time and by chance, so that retries do not march."""
        longest_s = min(FIRST_BACKOFF_S * 2.0 ** min(count, 16), LAST_BACKOFF_S)
        pause_s = self._rng.uniform(0.0, longest_s)
        if self._now_s() + pause_s >= call.end_s:
            raise DeadlineExceeded("No time is left for another attempt.")
        try:
            async with asyncio.timeout(pause_s) as call.scope:
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            pass  # the pause is over, or somebody has cancelled the task
        finally:
            call.scope = None
