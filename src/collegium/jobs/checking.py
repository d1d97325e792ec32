"""Claims and their checks: one at a time, the best first, the pointless never."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from collegium.errors import Cancelled, DeadlineExceeded, TaskFailed, Unavailable
from collegium.fleet.tasks import Task, TaskAnswer
from collegium.workloads.base import Claim, Workload

CHECK_DEADLINE_S = 300.0

_log = logging.getLogger(__name__)


class CheckRunner(Protocol):
    """Where checks run: processes of the coordinator itself, never a worker's."""

    async def run(self, task: Task) -> TaskAnswer:
        """Run a check; see ``TaskRunner``."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim that has been looked at.

    Parameters
    ----------
    verdict : the checker's ``Output``; None when the claim could not even be read.
    reason : why not, for the log.
    """

    claim: Claim
    worker: str
    verdict: Any
    reason: str


class Checking:
    """The claims of one job that wait, and the one that is being checked."""

    def __init__(self, job_id: str, checker: Workload, runner: CheckRunner) -> None:
        self._job_id = job_id
        self._checker = checker
        self._runner = runner
        self._waiting: list[tuple[Claim, str]] = []
        self._current: tuple[Claim, str] | None = None
        self.running: asyncio.Task[TaskAnswer] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no claim waits or is being checked."""
        return self.running is None and not self._waiting

    def add(self, claim: Claim, worker: str) -> None:
        """Let a claim wait, with the worker that made it."""
        self._waiting.append((claim, worker))

    def drop_from(self, rank: tuple[int, ...]) -> None:
        """Forget the claims that would be no better than what has been counted."""
        self._waiting = [w for w in self._waiting if w[0].rank < rank]

    def start(self) -> None:
        """Begin to check the best claim, unless one is being checked."""
        if self.running is None and self._waiting:
            self._current = min(self._waiting, key=lambda waiting: waiting[0].rank)
            self._waiting.remove(self._current)
            self.running = asyncio.create_task(self.run(self._current[0].check))

    def take(self) -> Checked | None:
        """Return the claim whose check has ended; None when none has."""
        if self.running is None or self._current is None or not self.running.done():
            return None
        running, (claim, worker) = self.running, self._current
        self.running = self._current = None
        try:
            verdict = self.read(running.result())
        except TaskFailed as error:
            return Checked(claim, worker, None, error.detail)
        except (Unavailable, DeadlineExceeded, Cancelled) as error:
            # The check itself was lost, which says nothing about the claim.
            _log.warning("job %s: a check was lost: %s", self._job_id, error.detail)
            self._waiting.append((claim, worker))
            return None
        return Checked(claim, worker, verdict, "the check found something else")

    async def run(self, check: BaseModel) -> TaskAnswer:
        """Run one check to its end.

        Raises
        ------
        TaskFailed
            When what shall be checked cannot be read.
        """
        return await self._runner.run(
            Task(
                workload=self._checker.name,
                input=check.model_dump_json().encode(),
                deadline_s=CHECK_DEADLINE_S,
                blobs=tuple(self._checker.blobs(check)),
                job=self._job_id,
            )
        )

    def read(self, answer: TaskAnswer) -> Any:
        """Return the checker's ``Output``."""
        return self._checker.Output.model_validate_json(answer.output)

    def blobs(self) -> set[str]:
        """Return the blobs of all claims that are not settled."""
        claims = [claim for claim, _ in self._waiting]
        if self._current is not None:
            claims.append(self._current[0])
        return {b for claim in claims for b in self._checker.blobs(claim.check)}

    async def cancel(self) -> None:
        """Stop the running check and forget all that wait."""
        self._waiting.clear()
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)
            self.running = self._current = None
