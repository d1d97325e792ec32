"""Run tasks on workers over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from collegium import logs
from collegium.errors import (
    Cancelled,
    CollegiumError,
    DeadlineExceeded,
    Overloaded,
    TaskFailed,
    TaskLost,
    WorkerUnreachable,
)
from collegium.fleet.engine import NotStarted, Ran, WrongAnswer
from collegium.fleet.members import Member
from collegium.fleet.tasks import ProgressSink, Task
from collegium.fleet.wire import AnswerRefused, BrokenOff, ConnectFailed, Wire
from collegium.protocol import (
    ATTEMPT_HEADER,
    DEADLINE_HEADER,
    DISPATCHER_HEADER,
    REQUEST_ID_HEADER,
    TRACE_HEADER,
    VIA_HEADER,
    TaskOrder,
    TaskStatus,
    WorkerSelf,
    via_text,
)

ABANDON_TIMEOUT_S = 2.0
_encoder = msgspec.json.Encoder()
_statuses = msgspec.json.Decoder(TaskStatus)
_selves = msgspec.json.Decoder(WorkerSelf)
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

_log = logging.getLogger(__name__)


class HttpEngine:
    """Puts tasks to workers.

    Parameters
    ----------
    wire : HTTP client; carries the token, bounds answers, follows no redirect.
    identity : incarnation of this coordinator.
    """

    def __init__(self, wire: Wire, identity: str) -> None:
        self._wire = wire
        self._identity = identity
        self._abandoning: set[asyncio.Task[None]] = set()

    async def run(
        self,
        member: Member,
        task: Task,
        *,
        attempt: int,
        deadline_s: float,
        on_progress: ProgressSink | None,
    ) -> Ran:
        """Run one attempt; see ``Engine``."""
        headers = {
            "content-type": "application/json",
            DEADLINE_HEADER: str(max(0, int(1000.0 * deadline_s))),
            ATTEMPT_HEADER: str(attempt),
            DISPATCHER_HEADER: self._identity,
            VIA_HEADER: via_text((*task.via, self._identity)),
        }
        asked_by = logs.request_id.get()
        if asked_by:
            # One name for it in the logs of everybody who has to do with it.
            headers[REQUEST_ID_HEADER] = asked_by
        traceparent = logs.traceparent.get() or task.traceparent
        if traceparent:
            headers[TRACE_HEADER] = traceparent
        order = TaskOrder(
            task.workload, msgspec.Raw(task.input), list(task.blobs), task.job
        )
        try:
            status, raw = await self._wire.request(
                "PUT",
                member.url,
                f"/v1/tasks/{task.id}",
                _encoder.encode(order),
                headers,
            )
        except ConnectFailed as error:
            raise NotStarted(f"{member.id} is not reached: {error}") from None
        except AnswerRefused as error:
            raise WrongAnswer(f"{member.id}: {error}") from None
        except BrokenOff as error:
            raise WorkerUnreachable(f"{member.id} broke off: {error}") from None
        return _taken(status, raw, task)

    async def probe(self, member: Member) -> bool:
        """Tell whether the worker answers at its address as who it says it is."""
        try:
            status, raw = await self._wire.request("GET", member.url, "/v1/self")
            who = _selves.decode(raw)
        except (ConnectionError, msgspec.DecodeError):
            return False
        if status != 200:
            return False
        return (who.id, who.incarnation) == (member.id, member.incarnation)

    def abandon(self, member: Member, task_id: str) -> None:
        """Have a task stopped; see ``Engine``."""
        stopping = asyncio.create_task(self._stop(member, task_id))
        self._abandoning.add(stopping)
        stopping.add_done_callback(self._abandoning.discard)

    async def close(self) -> None:
        """Wait until every abandoned task was asked to stop."""
        if self._abandoning:
            await asyncio.wait(self._abandoning)
        self._wire.close()

    async def _stop(self, member: Member, task_id: str) -> None:
        try:
            async with asyncio.timeout(ABANDON_TIMEOUT_S):
                await self._wire.request("DELETE", member.url, f"/v1/tasks/{task_id}")
        except (ConnectionError, TimeoutError) as error:
            # Its deadline ends it there in any case.
            _log.info("%s was not told to stop %s: %r", member.id, task_id, error)


def _taken(status: int, raw: bytes, task: Task) -> Ran:
    if status != 200:
        raise _error(status, raw)
    try:
        told = _statuses.decode(raw)
    except msgspec.DecodeError as error:
        raise WrongAnswer(f"The answer is not a task's status: {error}") from None
    if told.id != task.id or told.state != "succeeded" or told.output is UNSET:
        raise WrongAnswer("The answer is not this task's result.")
    return Ran(bytes(told.output), told.seconds or 0.0)


def _error(status: int, raw: bytes) -> CollegiumError:
    try:
        problem = msgspec.json.decode(raw)
        class_ = _ERRORS.get(problem["type"])
        detail = str(problem["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        class_, detail = None, f"status {status}"
    if class_ is not None:
        return class_(detail)
    if status == 503:
        return Overloaded(detail)
    if status in (401, 403):
        return NotStarted(f"The worker lets this coordinator not in: {detail}")
    return WrongAnswer(f"The worker answered {status}: {detail}")
