"""Where a task runs: the seam between dispatching and the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from collegium.errors import WorkerUnreachable
from collegium.fleet.members import Member
from collegium.fleet.tasks import ProgressSink, Task


class NotStarted(WorkerUnreachable):
    """The worker was not reached at all: nothing of the task has run there."""


class WrongAnswer(WorkerUnreachable):
    """The worker has answered something that no worker should."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A task's result, as the place where it ran tells it."""

    output: bytes
    seconds: float


class Engine(Protocol):
    """One way to run tasks."""

    async def run(
        self,
        member: Member,
        task: Task,
        *,
        attempt: int,
        deadline_s: float,
        on_progress: ProgressSink | None,
    ) -> Ran:
        """Run one attempt.

        Raises
        ------
        Overloaded, NotStarted
            Nothing was started: another place may take it, and no attempt counts.
        WorkerUnreachable, WrongAnswer, TaskLost
            It may have been started: another place may do better.
        TaskFailed, DeadlineExceeded, Cancelled
            It has ended, everywhere.
        """

    def abandon(self, member: Member, task_id: str) -> None:
        """Have a task stopped; who still waits for its answer gets what it has."""
