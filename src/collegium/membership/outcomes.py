"""What is told of tasks that have ended: written at one end, read at the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET

from collegium.errors import Cancelled, CollegiumError, Invalid
from collegium.protocol import BatchedTask, TaskStatus
from collegium.rest.problems import problem_body

_encoder = msgspec.json.Encoder()
_statuses = msgspec.json.Decoder(TaskStatus)
_lists = msgspec.json.Decoder(list[TaskStatus])


def failure(task_id: str, workload: str, error: BaseException) -> TaskStatus:
    """Return the status of a task that an error has ended, or has kept from starting.

    Its problem has the members of RFC 9457, but for those that name a request.
    """
    problem = problem_body(error)
    del problem["instance"], problem["request_id"]
    state = "cancelled" if isinstance(error, Cancelled) else "failed"
    return TaskStatus(task_id, workload, state, problem=problem)  # type: ignore[arg-type]


def joined(
    batch: Sequence[BatchedTask], outcomes: Sequence[bytes | CollegiumError]
) -> bytes:
    """Return a JSON array of the statuses of a batch's tasks.

    Parameters
    ----------
    batch : the tasks.
    outcomes : of each its status as JSON, or what it raised.
    """
    parts = [
        outcome
        if isinstance(outcome, bytes)
        else _encoder.encode(failure(task.id, task.workload, outcome))
        for task, outcome in zip(batch, outcomes, strict=True)
    ]
    return b"[%b]" % b",".join(parts)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads answers to tasks; what is no result is an error of the reader's choice.

    Parameters
    ----------
    errors : classes of errors by the type of a problem.
    other : makes the error of any other problem from status code and detail.
    nonsense : makes the error of what is no answer to a task.
    """

    errors: Mapping[str, type[CollegiumError]]
    other: Callable[[int, str], CollegiumError]
    nonsense: Callable[[str], CollegiumError]

    def one(self, status: int, raw: bytes) -> TaskStatus:
        """Return the status of a task that has succeeded.

        Raises
        ------
        CollegiumError
            What the answer stands for when it has not.
        """
        if status != 200:
            raise self._error(status, raw)
        found = self._outcome(self._decoded(_statuses, raw))
        if isinstance(found, CollegiumError):
            raise found
        return found

    def all(
        self, status: int, raw: bytes, count: int
    ) -> list[TaskStatus | CollegiumError]:
        """Return the status of each task that has succeeded, or what it stands for.

        Raises
        ------
        CollegiumError
            When the answer is not about each of them.
        """
        if status != 200:
            raise self._error(status, raw)
        found: list[TaskStatus] = self._decoded(_lists, raw)
        if len(found) != count:
            raise self.nonsense(f"{len(found)} answers came for {count} tasks.")
        return [self._outcome(one) for one in found]

    def _decoded(self, decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
        try:
            return decoder.decode(raw)
        except msgspec.DecodeError as error:
            raise self.nonsense(f"The answer is not about tasks: {error}.") from None

    def _outcome(self, found: TaskStatus) -> TaskStatus | CollegiumError:
        if found.problem is not None:
            status = found.problem.get("status")
            return self._error_of(found.problem, status if type(status) is int else 500)
        if found.state != "succeeded" or found.output is UNSET:
            return self.nonsense(f"The task {found.id} is {found.state}.")
        return found

    def _error(self, status: int, raw: bytes) -> CollegiumError:
        try:
            problem = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            problem = None
        return self._error_of(problem, status)

    def _error_of(self, problem: Any, status: int) -> CollegiumError:
        try:
            class_ = self.errors.get(problem["type"])
            detail = str(problem["detail"])
            pointers = {p["pointer"]: p["detail"] for p in problem.get("errors", ())}
        except (KeyError, TypeError, AttributeError):
            class_, detail, pointers = None, f"The status is {status}.", {}
        if class_ is None:
            return self.other(status, detail)
        if issubclass(class_, Invalid):
            return class_(detail, pointers=pointers)
        return class_(detail)
