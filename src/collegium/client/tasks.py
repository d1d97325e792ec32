"""Run tasks on the fleet of a coordinator, over its public API."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from collegium.client.answers import ANSWERS
from collegium.errors import CollegiumError, DeadlineExceeded, Invalid, Unavailable
from collegium.membership.durations import Durations
from collegium.protocol import TaskStatus, TaskSubmission
from collegium.rest.bodies import JSON
from collegium.rest.gathering import Gatherer
from collegium.rest.wire import Wire

DEFAULT_DEADLINE_S = 300.0
LATE_ANSWER_S = 2.0
"""An answer that the deadline has passed may take so much longer to come."""
SHORT_TASK_S = 0.005
"""Tasks of a kind that takes less may share a request."""
SMALL_INPUT = 2048
"""Bytes of input up to which they may."""
MOST_IN_REQUEST = 256
FIRST_PAUSE_S, LAST_PAUSE_S = 0.05, 2.0
MOST_AT_ONCE = 256
_FIELDS = {"content-type": JSON}
_PORTS = {"http": 80, "https": 443}
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What has become of a task.

    Parameters
    ----------
    output : what the workload returned, as JSON is in Python.
    executed_by : id of the worker, or ``local``.
    seconds : time that the run itself took.
    attempts : how often it was begun.
    """

    output: Any
    executed_by: str
    seconds: float
    attempts: int


class Client:
    """One coordinator, and the connections to it.

    Tasks may be sent from as many coroutines as there are. Those of a kind that has
    proved to be short share requests with whatever is sent at the same time. A
    coordinator that is not reached or has too much to do is asked again until the
    deadline; a task may run more than once, as any task may.

    Parameters
    ----------
    base_url : of the coordinator, as in ``https://fleet.example.org:8000``.
    token : key or token, when it wants one.
    tls : for ``https``; None trusts the system's authorities.

    Raises
    ------
    Invalid
        When the address is none.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._base, self._prefix = _parts(base_url)
        fields = {"authorization": f"Bearer {token}"} if token else {}
        self._wire = Wire(fields, tls=tls)
        self._gatherer = Gatherer(self._send_batch, most=MOST_IN_REQUEST)
        self._durations = Durations(SHORT_TASK_S)
        self._rng = random.Random()
        self._is_closed = False

    async def __aenter__(self) -> Client:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections; what still waits raises Unavailable."""
        self._is_closed = True
        self._wire.close()

    async def run(
        self, workload: str, task: Any, *, deadline_s: float = DEFAULT_DEADLINE_S
    ) -> TaskResult:
        """Run a task somewhere on the fleet and return its result.

        Parameters
        ----------
        workload : its name, as in ``echo``.
        task : what the workload takes, as JSON is in Python.
        deadline_s : seconds after which nobody is interested any more.

        Raises
        ------
        Malformed
            When there is no such workload, or it does not take this.
        TaskFailed, Cancelled, DeadlineExceeded
            When it has ended without a result.
        Unauthenticated, Forbidden
            When the token does not allow it.
        Unavailable
            When the coordinator was not reached until the deadline.
        """
        loop = asyncio.get_running_loop()
        end_s = loop.time() + deadline_s
        raw = msgspec.Raw(_encoder.encode(task))
        tries = 0
        reason: CollegiumError = DeadlineExceeded()
        while True:
            left_s = end_s - loop.time()
            if left_s <= 0.0:
                raise reason
            try:
                async with asyncio.timeout(left_s + LATE_ANSWER_S):
                    status = await self._ask(TaskSubmission(workload, raw, left_s))
            except TimeoutError:
                raise DeadlineExceeded("No answer came before the deadline.") from None
            except Unavailable as error:
                reason = error
                pause_s = self._pause_s(tries)
                if self._is_closed or loop.time() + pause_s >= end_s:
                    raise
                await asyncio.sleep(pause_s)
                tries += 1
                continue
            return self._result(status)

    async def map(
        self,
        workload: str,
        tasks: Iterable[Any],
        *,
        at_once: int = MOST_AT_ONCE,
        deadline_s: float = DEFAULT_DEADLINE_S,
    ) -> list[Any]:
        """Run many tasks, some at once, and return their outputs in order.

        The first that fails ends the others that are still under way.

        Parameters
        ----------
        at_once : tasks under way.
        deadline_s : of each, from when it is sent.

        Raises
        ------
        CollegiumError
            As ``run`` does.
        """
        numbered = enumerate(tasks)
        outputs: dict[int, Any] = {}

        async def work() -> None:
            for number, task in numbered:
                result = await self.run(workload, task, deadline_s=deadline_s)
                outputs[number] = result.output

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(work())
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [outputs[number] for number in range(len(outputs))]

    async def _ask(self, submission: TaskSubmission) -> TaskStatus:
        is_short = self._durations.is_short(submission.workload)
        if is_short and len(bytes(submission.input)) <= SMALL_INPUT:
            return await self._gatherer.ask(submission)
        return await self._send(submission)

    async def _send(self, submission: TaskSubmission) -> TaskStatus:
        return ANSWERS.one(*await self._post("/v1/tasks", _encoder.encode(submission)))

    async def _send_batch(
        self, submissions: list[TaskSubmission]
    ) -> Sequence[TaskStatus | BaseException]:
        if len(submissions) == 1:
            return [await self._send(submissions[0])]
        raw = _encoder.encode(submissions)
        try:
            answer = await self._post("/v1/task-batches", raw)
            return ANSWERS.all(*answer, len(submissions))
        except Invalid:
            # One of them is to blame; by itself each will know.
            return await asyncio.gather(
                *map(self._send, submissions), return_exceptions=True
            )

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        try:
            return await self._wire.request(
                "POST", self._base, self._prefix + path, body, _FIELDS
            )
        except ConnectionError as error:
            raise Unavailable(f"The coordinator is not reached: {error}") from error

    def _result(self, status: TaskStatus) -> TaskResult:
        seconds = status.seconds or 0.0
        self._durations.note(status.workload, seconds)
        output = msgspec.json.decode(bytes(status.output))  # type: ignore[arg-type]
        return TaskResult(
            output, status.executed_by or "", seconds, attempts=status.attempts
        )

    def _pause_s(self, tries: int) -> float:
        longest_s = min(FIRST_PAUSE_S * 2.0 ** min(tries, 16), LAST_PAUSE_S)
        return self._rng.uniform(longest_s / 2, longest_s)


def _parts(base_url: str) -> tuple[str, str]:
    """Return scheme, host and port of an address, and the path before our own."""
    try:
        parts = urlsplit(base_url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.hostname is None or port is None or parts.scheme not in _PORTS:
        raise Invalid(f"{base_url!r} is not the address of a coordinator.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}", parts.path.rstrip("/")
