"""What is asked of the fleet, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import uuid_utils


def new_task_id() -> str:
    """Return a UUIDv7: unique, and sorted by the time it was made."""
    return str(uuid_utils.uuid7())


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work, run in one place; it may run more than once.

    Parameters
    ----------
    workload : name of the workload.
    input : JSON of the workload's ``Input``, already checked against it.
    deadline_s : seconds left for everything: waiting, all attempts, the answer.
    blobs : sha256 in hexadecimal of each blob that the task reads.
    job : id of the job it belongs to; None for a single computation.
    share : waiting tasks are taken in turn from each share (a job, a university), so
        that nobody's thousand tasks delay everybody else's one.
    traceparent : W3C trace context to pass on.
    via : incarnations of the coordinators that it has passed already.
    """

    workload: str
    input: bytes
    deadline_s: float
    blobs: tuple[str, ...] = ()
    job: str | None = None
    share: str = ""
    traceparent: str | None = None
    via: tuple[str, ...] = ()
    id: str = field(default_factory=new_task_id)


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """The result of a task.

    Parameters
    ----------
    output : JSON of the workload's ``Output``; not yet checked: a worker's word.
    executed_by : id of the worker, or ``local``.
    seconds : time that the run itself took.
    attempts : number of attempts that were started, from 1.
    """

    output: bytes
    executed_by: str
    seconds: float
    attempts: int = 1


ProgressSink = Callable[[dict[str, Any]], None]
BlobFetcher = Callable[[str], Awaitable[bytes]]
"""Takes a sha256 in hexadecimal, returns the bytes or raises NotFound."""


class TaskRunner(Protocol):
    """What the rest of the coordinator may ask of the fleet."""

    async def run(
        self, task: Task, *, on_progress: ProgressSink | None = None
    ) -> TaskAnswer:
        """Run a task on some worker or, last, here; return its result.

        Cancelling the call cancels the task wherever it runs.

        Raises
        ------
        TaskFailed
            When the task would fail anywhere, or took down three processes.
        DeadlineExceeded
            When its time is over.
        Cancelled
            After ``cancel``.
        Overloaded
            When too many tasks wait already.
        NotFound
            When no workload has that name.
        """

    def slots(self) -> int:
        """Return the slots of all routable workers; without any, the local ones."""

    def free_slots(self) -> int:
        """Return how many of them have nothing to do and nothing waiting for them."""

    @property
    def version(self) -> int:
        """A number that grows whenever members or free slots change."""

    async def wait_changed(self, version: int) -> int:
        """Wait until ``self.version`` differs from ``version``; return the new one."""

    def cancel(self, task_id: str) -> bool:
        """Cancel a task; True when it was known. Its ``run`` raises Cancelled."""

    def ask_to_end(self, task_id: str) -> bool:
        """Have a task end soon, with what it has; True when it was known.

        Its ``run`` returns what the task gives, or raises Cancelled. A place that does
        not answer is waited for: whoever cannot wait cancels.
        """
