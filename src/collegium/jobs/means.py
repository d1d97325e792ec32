"""What a job is driven with: where tasks run, where checks run, what they read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from collegium.blobs.shelf import Shelf
from collegium.fleet.tasks import ProgressSink, Task, TaskAnswer
from collegium.jobs.checking import CheckRunner

LATE_GRACE_S = 3.0


class Hands(Protocol):
    """Where tasks run; the fleet, or the slots of this process."""

    async def run(
        self, task: Task, *, on_progress: ProgressSink | None = None
    ) -> TaskAnswer:
        """Run a task; see ``TaskRunner``."""

    def slots(self) -> int:
        """Return how many tasks can run at once at present."""

    def free_slots(self) -> int:
        """Return how many of them have nothing to do."""

    @property
    def version(self) -> int:
        """A number that grows whenever the slots change."""

    async def wait_changed(self, version: int) -> int:
        """Wait until ``self.version`` differs from ``version``."""

    def ask_to_end(self, task_id: str) -> bool:
        """Have a task end soon, with what it has; see ``TaskRunner``."""

    def doubt(self, worker: str, reason: str) -> None:
        """Take note that a worker has answered something wrong."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a drive works with.

    Parameters
    ----------
    share : this job's part of so many slots at present.
    now_s : a clock that never goes back.
    late_grace_s : how long a job with a result waits for tasks after its budget.
    """

    hands: Hands
    checks: CheckRunner
    shelf: Shelf
    now_s: Callable[[], float]
    share: Callable[[int], int] = field(default=lambda slots: slots)
    late_grace_s: float = LATE_GRACE_S
