"""Run tasks on workers over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from collegium import logs
from collegium.errors import WorkerUnreachable
from collegium.fleet.batches import Batches, Sending
from collegium.fleet.engine import NotStarted, Ran, WrongAnswer
from collegium.fleet.members import Member
from collegium.fleet.tasks import ProgressSink, Task
from collegium.fleet.told import ran
from collegium.protocol import (
    ATTEMPT_HEADER,
    DEADLINE_HEADER,
    DISPATCHER_HEADER,
    REQUEST_ID_HEADER,
    TRACE_HEADER,
    VIA_HEADER,
    TaskOrder,
    WorkerSelf,
    via_text,
)
from collegium.rest.bodies import JSON
from collegium.rest.wire import AnswerRefused, BrokenOff, ConnectFailed, Wire

ABANDON_TIMEOUT_S = 2.0
_encoder = msgspec.json.Encoder()
_selves = msgspec.json.Decoder(WorkerSelf)

_log = logging.getLogger(__name__)


class HttpEngine:
    """Puts tasks to workers.

    Parameters
    ----------
    wire : HTTP client; carries the token, bounds answers, follows no redirect.
    identity : incarnation of this coordinator.
    is_short : tells of which tasks several may go in one request; none by default.
    """

    def __init__(
        self,
        wire: Wire,
        identity: str,
        is_short: Callable[[Task], bool] = lambda _: False,
    ) -> None:
        self._wire = wire
        self._identity = identity
        self._is_short = is_short
        self._batches = Batches(self._put, self._post)
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
        traceparent = logs.traceparent.get() or task.traceparent
        asked_by = logs.request_id.get()
        sending = Sending(member, task, attempt, deadline_s, asked_by, traceparent)
        if sending.may_share and self._is_short(task):
            return await self._batches.run(sending)
        return await self._put(sending)

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

    async def _put(self, sending: Sending) -> Ran:
        task = sending.task
        headers = {
            "content-type": JSON,
            DEADLINE_HEADER: str(max(0, int(1000.0 * sending.deadline_s))),
            ATTEMPT_HEADER: str(sending.attempt),
            DISPATCHER_HEADER: self._identity,
            VIA_HEADER: via_text((*task.via, self._identity)),
        }
        if sending.request_id:
            # One name for it in the logs of everybody who has to do with it.
            headers[REQUEST_ID_HEADER] = sending.request_id
        if sending.traceparent:
            headers[TRACE_HEADER] = sending.traceparent
        order = TaskOrder(
            task.workload, msgspec.Raw(task.input), list(task.blobs), task.job
        )
        status, raw = await self._request(
            "PUT",
            sending.member,
            f"/v1/tasks/{task.id}",
            _encoder.encode(order),
            headers,
        )
        return ran(status, raw, task)

    async def _post(self, member: Member, body: bytes) -> tuple[int, bytes]:
        headers = {
            "content-type": JSON,
            DISPATCHER_HEADER: self._identity,
            VIA_HEADER: via_text((self._identity,)),
        }
        return await self._request("POST", member, "/v1/task-batches", body, headers)

    async def _request(
        self,
        method: str,
        member: Member,
        path: str,
        body: bytes,
        headers: dict[str, str],
    ) -> tuple[int, bytes]:
        try:
            return await self._wire.request(method, member.url, path, body, headers)
        except ConnectFailed as error:
            raise NotStarted(f"{member.id} is not reached: {error}") from None
        except AnswerRefused as error:
            raise WrongAnswer(f"{member.id}: {error}") from None
        except BrokenOff as error:
            raise WorkerUnreachable(f"{member.id} broke off: {error}") from None

    async def _stop(self, member: Member, task_id: str) -> None:
        try:
            async with asyncio.timeout(ABANDON_TIMEOUT_S):
                await self._wire.request("DELETE", member.url, f"/v1/tasks/{task_id}")
        except (ConnectionError, TimeoutError) as error:
            # Its deadline ends it there in any case.
            _log.info("%s was not told to stop %s: %r", member.id, task_id, error)
