"""A task on its way through the dispatcher, and how many may be repeated at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field

from collegium.fleet.members import Member
from collegium.fleet.tasks import ProgressSink, Task

RETRY_SHARE, RETRY_FLOOR = 0.2, 3
"""Retries under way at once: a share of all tasks under way, but some always."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Call:
    """One task on its way through the dispatcher.

    Parameters
    ----------
    end_s : when it must have ended.
    tried : members that failed it.
    starts : tries that may have been started.
    refusals : tries in a row that were not.
    is_repeated : it is on a try that is paid from the budget.
    hedge : the same task at a second member at the same time.
    """

    task: Task
    is_light: bool
    end_s: float
    on_progress: ProgressSink | None = None
    member: Member | None = None
    scope: asyncio.Timeout | None = None
    is_cancelled: bool = False
    is_orphaned: bool = False
    tried: set[str] = field(default_factory=set)
    starts: int = 0
    refusals: int = 0
    is_repeated: bool = False
    hedge: Call | None = None

    def cancel(self) -> None:
        """Have it end, wherever it is."""
        self.is_cancelled = True
        self._interrupt()
        if self.hedge is not None:
            self.hedge.cancel()

    def orphan(self, member: Member) -> None:
        """Have it go elsewhere if it is with a member that is gone."""
        if self.member is member:
            self.is_orphaned = True
            self._interrupt()
        if self.hedge is not None:
            self.hedge.orphan(member)

    def _interrupt(self) -> None:
        if self.scope is None:
            return
        try:
            self.scope.reschedule(0.0)
        except RuntimeError:
            # It is expiring at this very moment.
            _log.debug("task %s needs no interruption", self.task.id)


class RetryBudget:
    """Bounds what is done a second time, so that trouble does not make more of it.

    Parameters
    ----------
    calls : all tasks under way.
    """

    def __init__(self, calls: Sized) -> None:
        self.spent = 0
        self._calls = calls

    @property
    def has_room(self) -> bool:
        """Whether another repetition may begin."""
        return self.spent < RETRY_FLOOR + RETRY_SHARE * len(self._calls)

    def begin(self, call: Call) -> None:
        """Count a repetition until ``end``.

        Who waits for room is not counted, or some that wait could fill it for ever.
        """
        call.is_repeated = True
        self.spent += 1

    def end(self, call: Call) -> None:
        """Take in that a task is not being repeated, or not any more."""
        if call.is_repeated:
            call.is_repeated = False
            self.spent -= 1

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count a repetition as long as the block lasts."""
        self.spent += 1
        try:
            yield
        finally:
            self.spent -= 1
