"""One attempt to run a task at one member, judged and accounted for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from collegium.errors import (
    Cancelled,
    CollegiumError,
    DeadlineExceeded,
    Overloaded,
    WorkerUnreachable,
)
from collegium.fleet.calls import Call
from collegium.fleet.counters import DispatchCounters
from collegium.fleet.engine import Engine, Ran, WrongAnswer
from collegium.fleet.members import Member
from collegium.fleet.registry import Registry
from collegium.fleet.tasks import Task, TaskAnswer
from collegium.tracing import spans

LATE_ANSWER_S = 0.8
"""A worker may answer so much after the deadline: it stops its task by then."""

Check = Callable[[Task, bytes], str | None]
"""Returns what is wrong with an output, None when nothing is."""
Release = Callable[[Call, Member], None]
"""Takes in that a task is no longer with a member."""


class Attempts:
    """Brings a task to a member and its result back.

    Parameters
    ----------
    registry : takes in how members do.
    engine : reaches them.
    local : pseudo-member of this process, and the engine that runs tasks here.
    counters : of the dispatcher.
    check : looks at outputs before they count.
    now_s : monotonic clock, the event loop's own.
    release : called when the member has its place back.
    """

    def __init__(
        self,
        registry: Registry,
        engine: Engine,
        local: tuple[Member, Engine],
        *,
        counters: DispatchCounters,
        check: Check,
        now_s: Callable[[], float],
        release: Release,
    ) -> None:
        self.local, self._local_engine = local
        self._registry = registry
        self._engine = engine
        self._counters = counters
        self._check = check
        self._now_s = now_s
        self._release = release

    async def make(self, call: Call, member: Member) -> TaskAnswer:
        """Run a task at a member that it is counted at already.

        Cancelling the call has the task stopped there.

        Raises
        ------
        CollegiumError
            As ``Engine.run`` does, and when the task was cancelled or orphaned.
        """
        task = call.task
        number = call.starts + 1
        sent_s = self._now_s()
        self._counters.attempts += 1
        with spans.attempt(task.id, task.workload, number=number, member=member.id):
            ran = await self._ran(call, member, number, sent_s)
            self._judge(call, member, ran)
        now_s = self._now_s()
        self._registry.succeeded(member, now_s - sent_s, now_s)
        if member is self.local:
            self._counters.fallback += 1
        return TaskAnswer(ran.output, member.id, ran.seconds, number)

    def ask_to_end(self, call: Call) -> None:
        """Have a task end wherever it runs, its answer still awaited."""
        call.is_cancelled = True  # so that it goes nowhere else
        if call.member is not None:
            self._engine_of(call.member).abandon(call.member, call.task.id)
        if call.hedge is not None:
            self.ask_to_end(call.hedge)

    def note_failure(self, member: Member, error: CollegiumError) -> None:
        """Take in what a failed attempt says of its member."""
        now_s = self._now_s()
        if isinstance(error, Overloaded):
            self._counters.refused += 1
            self._registry.refused(member, now_s)
        elif isinstance(error, WrongAnswer):
            self._counters.wrong_answers += 1
            self._registry.set_aside(member, now_s)
        elif isinstance(error, WorkerUnreachable) and member is not self.local:
            self._registry.failed(member, now_s)

    async def _ran(self, call: Call, member: Member, number: int, sent_s: float) -> Ran:
        engine = self._engine_of(member)
        call.member, call.is_orphaned = member, False
        try:
            async with asyncio.timeout_at(call.end_s + LATE_ANSWER_S) as call.scope:
                if call.is_cancelled:
                    raise Cancelled
                return await engine.run(
                    member,
                    call.task,
                    attempt=number,
                    deadline_s=call.end_s - sent_s,
                    on_progress=call.on_progress,
                )
        except TimeoutError:
            engine.abandon(member, call.task.id)
            raise self._why_interrupted(call, member) from None
        except asyncio.CancelledError:
            engine.abandon(member, call.task.id)
            raise
        finally:
            call.scope = call.member = None
            self._release(call, member)

    def _engine_of(self, member: Member) -> Engine:
        return self._local_engine if member is self.local else self._engine

    def _why_interrupted(self, call: Call, member: Member) -> CollegiumError:
        if call.is_cancelled:
            return Cancelled()
        if call.is_orphaned:
            call.is_orphaned = False
            return WorkerUnreachable(f"{member.id} is gone.")
        if member is not self.local:
            self._registry.failed(member, self._now_s())
        return DeadlineExceeded(f"{member.id} did not answer before the deadline.")

    def _judge(self, call: Call, member: Member, ran: Ran) -> None:
        wrong = None if member is self.local else self._check(call.task, ran.output)
        if wrong is not None:
            raise WrongAnswer(wrong)
