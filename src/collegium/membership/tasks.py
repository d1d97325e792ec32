"""The tasks of this worker: the same id gives the same answer, computed once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collegium import logs
from collegium.errors import (
    Cancelled,
    CollegiumError,
    Conflict,
    DeadlineExceeded,
    NotFound,
    Overloaded,
    TaskFailed,
    Unreadable,
)
from collegium.membership.kept import Kept, KeptAnswers
from collegium.membership.place import Envelope, Place
from collegium.protocol import BatchedTask, RunningTask, TaskOrder, TaskStatus
from collegium.tracing import spans
from collegium.workloads.slots import Finished

LIGHT_LIMIT = 1024
"""Tasks under way at once that take no slot, where they do not run on the spot."""
HAND_IN_S = 1.0
"""How long a place has to end a task in an orderly way."""
LONGEST_TURN_S = 0.005
"""Light tasks of one batch hold up everything else no longer than this, but one."""

_orders = msgspec.json.Decoder(TaskOrder)
_encoder = msgspec.json.Encoder()

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Running:
    order: TaskOrder
    envelope: Envelope
    fingerprint: int
    is_light: bool
    task: asyncio.Task[bytes] | None = None
    progress: dict[str, Any] | None = None
    is_handed_back: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def stop(self) -> None:
        """Stop it and wait until nothing of it runs any more."""
        if self.task is not None:
            # Cancelled before its first step it would not even clear up after itself.
            await self.begun.wait()
            self.task.cancel()
            await asyncio.wait([self.task])


class TaskTable:
    """What runs here, and the answers of what has run.

    Parameters
    ----------
    worker_id : named in every answer.
    place : where tasks run.
    waiting_limit : tasks beyond the slots that are taken in.
    answers_kept : number of answers remembered.
    answers_kept_bytes : size of all of them.
    """

    def __init__(
        self,
        worker_id: str,
        place: Place,
        *,
        waiting_limit: int,
        answers_kept: int = 10_000,
        answers_kept_bytes: int = 64 * 2**20,
    ) -> None:
        self.refused = 0
        self.repeated = 0
        self.is_draining = False
        self._worker_id = worker_id
        self._place = place
        self._waiting_limit = waiting_limit
        self._heavy = 0
        self._running: dict[str, _Running] = {}
        self._kept = KeptAnswers(answers_kept, answers_kept_bytes)
        self._idle = asyncio.Event()
        self._idle.set()

    async def put(self, task_id: str, raw: bytes, envelope: Envelope) -> bytes:
        """Run a task, or give the answer that it has already.

        Raises
        ------
        Unreadable
            When the body is not a task.
        Conflict
            When the id belongs to another task.
        Overloaded
            When no slot is free, or the worker is leaving: the task was not started.
        NotFound
            When there is no such workload here.
        TaskFailed, TaskLost, DeadlineExceeded, Cancelled
            When the task has ended without a result.
        """
        found = self._take(task_id, _decoded(raw), envelope)
        if isinstance(found, bytes):
            return found
        # Whoever hangs up must not take the result from others who ask for it.
        return await asyncio.shield(found)

    async def put_batch(
        self, batch: Sequence[BatchedTask], dispatcher: str
    ) -> list[bytes | CollegiumError]:
        """Run several tasks; return of each its answer, or what ``put`` would raise.

        Light ones run one after the other, letting others have a turn now and then.
        """
        loop = asyncio.get_running_loop()
        turn_began_s = loop.time()
        found: list[bytes | asyncio.Task[bytes] | CollegiumError] = []
        for one in batch:
            if loop.time() - turn_began_s > LONGEST_TURN_S:
                await asyncio.sleep(0)
                turn_began_s = loop.time()
            logs.task_id.set(one.id)
            order = TaskOrder(one.workload, one.input)
            envelope = Envelope(one.attempt, one.deadline_ms / 1000.0, dispatcher)
            try:
                found.append(self._take(one.id, order, envelope))
            except CollegiumError as error:
                found.append(error)
        return [await _outcome(one) for one in found]

    def _take(
        self, task_id: str, order: TaskOrder, envelope: Envelope
    ) -> bytes | asyncio.Task[bytes]:
        """Begin a task, or find what there is of it: its answer, or what makes that."""
        raw = bytes(order.input)
        fingerprint = hash((order.workload, raw, tuple(order.blobs), order.job))
        kept = self._kept.find(task_id)
        if kept is not None:
            return self._repeat(task_id, kept, fingerprint)
        running = self._running.get(task_id)
        if running is None:
            is_light = self._place.is_light(order.workload, len(raw), order.blobs)
            called = _Running(order, envelope, fingerprint, is_light)
            if is_light and self._place.run_light is not None:
                return self._run_light(task_id, called, self._place.run_light)
            running = self._begin(task_id, called)
        elif running.fingerprint != fingerprint:
            raise Conflict("Another task has this id.")
        else:
            self.repeated += 1
        assert running.task is not None
        return running.task

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._running or task_id in self._kept

    def status(self, task_id: str) -> bytes:
        """Return what is known of a task, as JSON.

        Raises
        ------
        NotFound
            When it never was here, or its answer is no longer kept.
        """
        running = self._running.get(task_id)
        if running is not None:
            return _encoder.encode(
                TaskStatus(
                    task_id,
                    running.order.workload,
                    "running",
                    executed_by=self._worker_id,
                    attempts=running.envelope.attempt,
                    progress=running.progress,
                )
            )
        kept = self._kept.find(task_id)
        if kept is None:
            raise NotFound("No such task is here.")
        if isinstance(kept.answer, bytes):
            return kept.answer
        state = "cancelled" if isinstance(kept.answer, Cancelled) else "failed"
        problem = {"detail": kept.answer.detail}
        return _encoder.encode(
            TaskStatus(task_id, kept.workload, state, problem=problem)  # type: ignore[arg-type]
        )

    async def cancel(self, task_id: str) -> None:
        """Stop a task and wait until nothing of it runs any more.

        Whoever still waits for its answer gets what it has found by now, when it is
        of a kind that can tell.

        Raises
        ------
        NotFound
            When it does not run here.
        """
        running = self._running.get(task_id)
        if running is None:
            if task_id in self._kept:
                return
            raise NotFound("No such task runs here.")
        if running.task is not None and self._place.ask_to_end(task_id):
            await asyncio.wait([running.task], timeout=HAND_IN_S)
        await running.stop()

    def running(self) -> list[RunningTask]:
        """Return what holds a slot or waits for one."""
        return [
            RunningTask(
                task_id,
                running.envelope.attempt,
                running.envelope.dispatcher,
                running.progress,
            )
            for task_id, running in self._running.items()
            if not running.is_light
        ]

    async def drain(self, grace_s: float) -> None:
        """Take in nothing more and wait for what runs, at most ``grace_s`` seconds."""
        self.is_draining = True
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("%d tasks are handed back unfinished", len(self._running))
            await self.hand_back()

    async def hand_back(self) -> None:
        """Stop what runs; its senders are told that it was not started."""
        all_running = list(self._running.values())
        for running in all_running:
            running.is_handed_back = True
        await asyncio.gather(*(running.stop() for running in all_running))

    def _repeat(self, task_id: str, kept: Kept, fingerprint: int) -> bytes:
        if kept.fingerprint != fingerprint:
            raise Conflict("Another task has this id.")
        self.repeated += 1
        self._kept.refresh(task_id)
        if isinstance(kept.answer, bytes):
            return kept.answer
        raise type(kept.answer)(kept.answer.detail)

    def _run_light(
        self, task_id: str, called: _Running, run: Callable[[str, bytes], Finished]
    ) -> bytes:
        order, fingerprint = called.order, called.fingerprint
        self._refuse_when_draining()
        if called.envelope.deadline_s <= 0.0:
            raise DeadlineExceeded
        try:
            finished = run(order.workload, bytes(order.input))
        except TaskFailed as error:
            self._kept.keep(task_id, Kept(fingerprint, order.workload, error))
            raise
        answer = self._answer(task_id, order, called.envelope, finished)
        self._kept.keep(task_id, Kept(fingerprint, order.workload, answer))
        return answer

    def _begin(self, task_id: str, running: _Running) -> _Running:
        self._refuse_when_draining()
        if running.is_light:
            is_full = len(self._running) - self._heavy >= LIGHT_LIMIT
        else:
            is_full = self._heavy >= self._place.slot_count + self._waiting_limit
        if is_full:
            self.refused += 1
            raise Overloaded("Every slot of this worker is busy.")
        if running.envelope.deadline_s <= 0.0:
            raise DeadlineExceeded
        self._running[task_id] = running
        self._heavy += not running.is_light
        self._idle.clear()
        running.task = asyncio.create_task(self._run(task_id, running))
        # Its outcome is asked for by requests, which may all have hung up.
        running.task.add_done_callback(_retrieve)
        return running

    async def _run(self, task_id: str, running: _Running) -> bytes:
        running.begun.set()
        order = running.order

        def note(progress: dict[str, Any]) -> None:
            running.progress = progress

        answer: bytes | CollegiumError
        try:
            with spans.inner("task", order.workload):
                finished = await self._place.run_order(
                    task_id, order, running.envelope, note
                )
            answer = self._answer(task_id, order, running.envelope, finished)
            self._kept.keep(task_id, Kept(running.fingerprint, order.workload, answer))
        except asyncio.CancelledError:
            if running.is_handed_back:
                raise Overloaded("This worker is leaving.") from None
            error = Cancelled()
            self._kept.keep(task_id, Kept(running.fingerprint, order.workload, error))
            raise error from None
        except (TaskFailed, Cancelled) as error:
            self._kept.keep(task_id, Kept(running.fingerprint, order.workload, error))
            raise
        finally:
            del self._running[task_id]
            self._heavy -= not running.is_light
            if not self._running:
                self._idle.set()
        return answer

    def _answer(
        self, task_id: str, order: TaskOrder, envelope: Envelope, finished: Finished
    ) -> bytes:
        return _encoder.encode(
            TaskStatus(
                task_id,
                order.workload,
                "succeeded",
                output=msgspec.Raw(finished.output),
                executed_by=self._worker_id,
                seconds=finished.seconds,
                attempts=envelope.attempt,
            )
        )

    def _refuse_when_draining(self) -> None:
        if self.is_draining:
            self.refused += 1
            raise Overloaded("This worker is leaving.")


def _decoded(raw: bytes) -> TaskOrder:
    try:
        return _orders.decode(raw)
    except msgspec.DecodeError as error:
        raise Unreadable(f"The body is not a task: {error}.") from None


async def _outcome(
    found: bytes | asyncio.Task[bytes] | CollegiumError,
) -> bytes | CollegiumError:
    """Wait for what a task gives."""
    if not isinstance(found, asyncio.Task):
        return found
    try:
        return await asyncio.shield(found)
    except CollegiumError as error:
        return error


def _retrieve(task: asyncio.Task[bytes]) -> None:
    if not task.cancelled():
        task.exception()
