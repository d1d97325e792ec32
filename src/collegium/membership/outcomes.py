"""What is told of a task that has ended without a result."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from collegium.errors import Cancelled, CollegiumError
from collegium.protocol import BatchedTask, TaskStatus
from collegium.rest.problems import problem_body

_encoder = msgspec.json.Encoder()


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
