"""What a coordinator answers, as statuses of tasks and errors of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from collegium.errors import (
    Cancelled,
    CollegiumError,
    DeadlineExceeded,
    Forbidden,
    Invalid,
    Malformed,
    Overloaded,
    TaskFailed,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from collegium.protocol import TaskStatus

_statuses = msgspec.json.Decoder(TaskStatus)
_lists = msgspec.json.Decoder(list[TaskStatus])
_ERRORS: Mapping[str, type[CollegiumError]] = {
    "/problems/cancelled": Cancelled,
    "/problems/deadline-exceeded": DeadlineExceeded,
    "/problems/forbidden": Forbidden,
    "/problems/malformed": Malformed,
    "/problems/overloaded": Overloaded,
    "/problems/task-failed": TaskFailed,
    "/problems/too-large": TooLarge,
    "/problems/unauthenticated": Unauthenticated,
}


def told(status: int, raw: bytes) -> TaskStatus:
    """Return the status of a task that has succeeded.

    Raises
    ------
    CollegiumError
        What the answer stands for when it has not.
    """
    if status != 200:
        raise _error(status, raw)
    found = _outcome(_decoded(_statuses, raw))
    if isinstance(found, Exception):
        raise found
    return found


def all_told(status: int, raw: bytes, count: int) -> list[TaskStatus | Exception]:
    """Return the status of each task that has succeeded, or what its problem is.

    Raises
    ------
    CollegiumError
        When the answer is not about each of them.
    """
    if status != 200:
        raise _error(status, raw)
    found = _decoded(_lists, raw)
    if len(found) != count:
        raise Unavailable(f"{len(found)} answers came for {count} tasks.")
    return [_outcome(one) for one in found]


def _decoded(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise Unavailable(f"What answers is no coordinator: {error}") from error


def _outcome(found: TaskStatus) -> TaskStatus | Exception:
    if found.problem is not None:
        return _error_of(found.problem, int(found.problem.get("status", 500)))
    if found.state != "succeeded" or found.output is UNSET:
        return Unavailable(f"The task is {found.state} and has no result.")
    return found


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
        pointers = {one["pointer"]: one["detail"] for one in problem.get("errors", ())}
    except (KeyError, TypeError, AttributeError):
        class_, detail, pointers = None, f"The coordinator answered {status}.", {}
    if class_ is None:
        is_passing = status == 429 or status >= 500
        class_ = Unavailable if is_passing else Invalid
    return class_(detail, pointers=pointers) if pointers else class_(detail)
