"""What workers tell of tasks, as results and errors of the dispatcher's."""

from __future__ import annotations

from collegium.errors import (
    Cancelled,
    CollegiumError,
    DeadlineExceeded,
    Overloaded,
    TaskFailed,
    TaskLost,
)
from collegium.fleet.engine import NotStarted, Ran, WrongAnswer
from collegium.fleet.tasks import Task
from collegium.membership.outcomes import Reader
from collegium.protocol import TaskStatus


def ran(status: int, raw: bytes, task: Task) -> Ran:
    """Return the result in the answer to a task.

    Raises
    ------
    CollegiumError
        What the answer stands for when it has none; see ``Engine.run``.
    """
    found = _result(_ANSWERS.one(status, raw), task)
    if isinstance(found, CollegiumError):
        raise found
    return found


def all_ran(status: int, raw: bytes, tasks: list[Task]) -> list[Ran | CollegiumError]:
    """Return the result of each task in the answer to a batch, or what it stands for.

    Raises
    ------
    CollegiumError
        When the answer is not about each of them.
    """
    found = _ANSWERS.all(status, raw, len(tasks))
    return [_result(one, task) for one, task in zip(found, tasks, strict=True)]


def _result(found: TaskStatus | CollegiumError, task: Task) -> Ran | CollegiumError:
    if isinstance(found, CollegiumError):
        return found
    if found.id != task.id:
        return WrongAnswer("The answer is another task's.")
    return Ran(bytes(found.output), found.seconds or 0.0)  # type: ignore[arg-type]


def _other(status: int, detail: str) -> CollegiumError:
    if status == 503:
        return Overloaded(detail)
    if status in (401, 403):
        return NotStarted(f"The worker lets this coordinator not in: {detail}")
    return WrongAnswer(f"The worker answered {status}: {detail}")


_ANSWERS = Reader(
    errors={
        "/problems/task-failed": TaskFailed,
        "/problems/deadline-exceeded": DeadlineExceeded,
        "/problems/cancelled": Cancelled,
        "/problems/task-lost": TaskLost,
        "/problems/overloaded": Overloaded,
        # Another worker may offer the workload, or reach the coordinator with the blob.
        "/problems/not-found": NotStarted,
        # It has been there already: somebody else has to do it.
        "/problems/loop-detected": NotStarted,
    },
    other=_other,
    nonsense=WrongAnswer,
)
