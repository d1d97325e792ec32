"""Tasks whose sender does not wait: remembered for a while, in this process only.

What has to survive a restart is a job. These are gone with the process, as are their
results some time after they were made.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.errors import NotFound, Overloaded
from collegium.fleet.tasks import Task, TaskAnswer, TaskRunner
from collegium.membership.outcomes import failure
from collegium.protocol import TaskStatus
from collegium.rest.problems import KeyReused

KEPT = 10_000
KEPT_BYTES = 64 * 2**20


@dataclass(slots=True, eq=False)
class Submission:
    """A task and what became of it."""

    task: Task
    running: asyncio.Task[TaskAnswer]
    key: str | None = None
    progress: dict[str, Any] | None = None

    @property
    def status(self) -> TaskStatus:
        """What is known of the task now."""
        status = TaskStatus(self.task.id, self.task.workload, "running")
        if not self.running.done():
            status.progress = self.progress
            return status
        if self.running.cancelled():
            status.state = "cancelled"
            return status
        error = self.running.exception()
        if error is None:
            return succeeded(self.task, self.running.result())
        return failure(self.task.id, self.task.workload, error)

    @property
    def size_bytes(self) -> int:
        """Bytes of its result."""
        running = self.running
        if not running.done() or running.cancelled() or running.exception():
            return 0
        return len(running.result().output)


class Submissions:
    """The tasks whose senders will ask later, or may ask again.

    Parameters
    ----------
    fleet : runs them.
    kept : number of tasks remembered.
    kept_bytes : size of all their results.
    """

    def __init__(
        self, fleet: TaskRunner, *, kept: int = KEPT, kept_bytes: int = KEPT_BYTES
    ) -> None:
        self._fleet = fleet
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._by_id: OrderedDict[str, Submission] = OrderedDict()
        self._by_key: dict[str, Submission] = {}
        self._batches: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0

    def submit(self, task: Task, key: str | None = None) -> Submission:
        """Begin to run a task; with a key that was used before, return that one.

        Raises
        ------
        KeyReused
            When the key stands for another task.
        Overloaded
            When as many tasks run as can be remembered.
        """
        former = self._by_key.get(key) if key is not None else None
        if former is not None:
            if (former.task.workload, former.task.input) != (task.workload, task.input):
                raise KeyReused("This Idempotency-Key stands for another task.")
            return former
        self._make_room()

        def note(progress: dict[str, Any]) -> None:
            submission.progress = progress

        running = asyncio.create_task(self._fleet.run(task, on_progress=note))
        submission = Submission(task, running, key)
        self._by_id[task.id] = submission
        if key is not None:
            self._by_key[key] = submission
        running.add_done_callback(lambda _: self._note_end(submission))
        return submission

    def submit_all(
        self, tasks: Sequence[Task], key: str, fingerprint: str
    ) -> list[Submission]:
        """Begin to run several tasks, or return those that the key stands for.

        Parameters
        ----------
        fingerprint : tells the content of the whole request.

        Raises
        ------
        KeyReused, Overloaded
            As ``submit`` does.
        """
        if self._batches.setdefault(key, fingerprint) != fingerprint:
            raise KeyReused("This Idempotency-Key stands for other tasks.")
        while len(self._batches) > self._kept:
            self._batches.popitem(last=False)
        return [
            self.submit(task, f"{key} {number}") for number, task in enumerate(tasks)
        ]

    def find(self, task_id: str) -> Submission:
        """Return a task.

        Raises
        ------
        NotFound
            When it never was here or is no longer remembered.
        """
        submission = self._by_id.get(task_id)
        if submission is None:
            raise NotFound("No such task is known here.")
        return submission

    async def stop(self) -> None:
        """Cancel what runs."""
        running = [s.running for s in self._by_id.values() if not s.running.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _note_end(self, submission: Submission) -> None:
        self._bytes += submission.size_bytes
        if not submission.running.cancelled():
            submission.running.exception()  # who asks for the status will be told
        while self._bytes > self._kept_bytes and self._forget_oldest():
            pass

    def _make_room(self) -> None:
        while len(self._by_id) >= self._kept:
            if not self._forget_oldest():
                raise Overloaded("Too many tasks are under way already.")

    def _forget_oldest(self) -> bool:
        for task_id, submission in self._by_id.items():
            if submission.running.done():
                del self._by_id[task_id]
                if submission.key is not None:
                    del self._by_key[submission.key]
                self._bytes -= submission.size_bytes
                return True
        return False


def succeeded(task: Task, answer: TaskAnswer) -> TaskStatus:
    """Return the status of a task that has its result."""
    return TaskStatus(
        task.id,
        task.workload,
        "succeeded",
        output=msgspec.Raw(answer.output),
        executed_by=answer.executed_by,
        seconds=answer.seconds,
        attempts=answer.attempts,
    )
