"""What workers tell of tasks, as results and errors of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

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
from collegium.protocol import TaskStatus

_statuses = msgspec.json.Decoder(TaskStatus)
_lists = msgspec.json.Decoder(list[TaskStatus])
_ERRORS: Mapping[str, type[CollegiumError]] = {
    "/problems/task-failed": TaskFailed,
    "/problems/deadline-exceeded": DeadlineExceeded,
    "/problems/cancelled": Cancelled,
    "/problems/task-lost": TaskLost,
    "/problems/overloaded": Overloaded,
    # Another worker may offer the workload, or reach the coordinator with the blob.
    "/problems/not-found": NotStarted,
    # It has been there already: somebody else has to do it.
    "/problems/loop-detected": NotStarted,
}


def ran(status: int, raw: bytes, task: Task) -> Ran:
    """Return the result in the answer to a task.

    Raises
    ------
    CollegiumError
        What the answer stands for when it has none; see ``Engine.run``.
    """
    if status != 200:
        raise _error(status, raw)
    try:
        told = _statuses.decode(raw)
    except msgspec.DecodeError as error:
        raise WrongAnswer(f"The answer is not a task's status: {error}") from None
    return _result(told, task)


def all_ran(status: int, raw: bytes, tasks: list[Task]) -> list[Ran | Exception]:
    """Return the result of each task in the answer to a batch, or what it stands for.

    Raises
    ------
    CollegiumError
        When the answer is not about each of them.
    """
    if status != 200:
        raise _error(status, raw)
    try:
        told = _lists.decode(raw)
    except msgspec.DecodeError as error:
        raise WrongAnswer(f"The answer is no list of statuses: {error}") from None
    if len(told) != len(tasks):
        raise WrongAnswer(f"{len(told)} answers came for {len(tasks)} tasks.")
    return [_outcome(one, task) for one, task in zip(told, tasks, strict=True)]


def _outcome(told: TaskStatus, task: Task) -> Ran | Exception:
    if told.problem is not None:
        return _error_of(told.problem, int(told.problem.get("status", 500)))
    try:
        return _result(told, task)
    except WrongAnswer as error:
        return error


def _result(told: TaskStatus, task: Task) -> Ran:
    if told.id != task.id or told.state != "succeeded" or told.output is UNSET:
        raise WrongAnswer("The answer is not this task's result.")
    return Ran(bytes(told.output), told.seconds or 0.0)


def _error(status: int, raw: bytes) -> CollegiumError:
    try:
        problem = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        problem = None
    return _error_of(problem, status)


def _error_of(problem: Any, status: int) -> CollegiumError:
    try:
        class_ = _ERRORS.get(problem["type"])
        detail = str(problem["detail"])
    except (KeyError, TypeError):
        class_, detail = None, f"status {status}"
    if class_ is not None:
        return class_(detail)
    if status == 503:
        return Overloaded(detail)
    if status in (401, 403):
        return NotStarted(f"The worker lets this coordinator not in: {detail}")
    return WrongAnswer(f"The worker answered {status}: {detail}")
