"""Slots: one killable child process each, so that a task can only harm itself."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import psutil

from collegium.errors import (
    Cancelled,
    CollegiumError,
    DeadlineExceeded,
    NotFound,
    TaskFailed,
    TaskLost,
)
from collegium.workloads.frames import (
    Done,
    Failed,
    FrameReader,
    Message,
    Progress,
    Run,
    Stop,
    encode,
)
from collegium.workloads.nursery import Nursery

STOP_GRACE_S = 0.5
"""Time that a task has, once asked to stop, before its process is killed."""
MEMORY_LOOK_INTERVAL_S = 0.5
FIRST_RESTART_S, LAST_RESTART_S = 0.2, 30.0

_ERRORS: dict[str, type[CollegiumError]] = {
    error.__name__: error
    for error in (TaskFailed, Cancelled, DeadlineExceeded, NotFound)
}

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Finished:
    """What a slot gives back: the output as JSON and the time of the run itself."""

    output: bytes
    seconds: float


@dataclass(slots=True, eq=False)
class _Execution:
    order: Run
    end_s: float
    on_progress: Callable[[dict[str, Any]], None] | None
    done: asyncio.Future[Finished]
    child: _Child | None = None
    stop_error: CollegiumError | None = None
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


class Slots:
    """A fixed number of child processes and the queue in front of them.

    Parameters
    ----------
    count : number of slots, at least one.
    paths : where to import each workload from, as ``module:Class`` by name.
    tasks_per_child : tasks after which a child is replaced.
    memory_limit_bytes : resident size above which a child is replaced; 0 for none.
    is_warm : True has every workload warmed up before ``start`` returns; otherwise
        the first task of each kind takes longer.
    on_change : called whenever a slot becomes free or busy.
    """

    def __init__(
        self,
        count: int,
        paths: Mapping[str, str],
        *,
        tasks_per_child: int = 10_000,
        memory_limit_bytes: int = 0,
        is_warm: bool = True,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.count = count
        self.workloads: list[str] = []
        self._nursery = Nursery(paths, is_warm=is_warm)
        self._tasks_per_child = tasks_per_child
        self._memory_limit_bytes = memory_limit_bytes
        self._on_change = on_change
        self._children: set[_Child] = set()
        self._idle: deque[_Child] = deque()
        self._waiting: deque[_Execution] = deque()
        self._executions: dict[str, _Execution] = {}
        self._supervisors: list[asyncio.Task[None]] = []
        self._restart = asyncio.Lock()
        self._is_stopping = False

    @property
    def busy(self) -> int:
        """Number of tasks that run."""
        return len(self._executions) - len(self._waiting)

    @property
    def waiting(self) -> int:
        """Number of tasks that wait for a slot."""
        return len(self._waiting)

    @property
    def free(self) -> int:
        """Number of slots that nothing runs on or waits for."""
        return max(0, self.count - len(self._executions))

    async def start(self) -> None:
        """Warm up and make every child.

        Raises
        ------
        TaskLost
            When the children's server dies while it starts.
        """
        self._is_stopping = False
        self.workloads = await self._nursery.start()
        children = [await self._child() for _ in range(self.count)]
        self._supervisors = [
            asyncio.create_task(self._supervise(child), name=f"slot-{index}")
            for index, child in enumerate(children)
        ]
        if self._memory_limit_bytes:
            self._supervisors.append(asyncio.create_task(self._watch_memory()))

    async def stop(self) -> None:
        """End every child; what still runs or waits raises TaskLost."""
        self._is_stopping = True
        for supervisor in self._supervisors:
            supervisor.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        self._supervisors.clear()
        self._idle.clear()
        for child in list(self._children):
            child.close()
        for execution in list(self._executions.values()):
            self._end(execution, TaskLost("The process is shutting down."))
        await asyncio.gather(*(child.gone.wait() for child in self._children))
        await self._nursery.stop()

    async def run(
        self,
        order: Run,
        on_progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> Finished:
        """Run a task as soon as a slot is free.

        Cancelling the call stops the task.

        Raises
        ------
        TaskFailed
            When the workload says so, or breaks.
        TaskLost
            When the child dies: the task may do well elsewhere.
        DeadlineExceeded
            When ``order.deadline_s`` seconds have passed.
        Cancelled
            After ``cancel``, unless the task then hands in what it has.
        """
        loop = asyncio.get_running_loop()
        execution = _Execution(
            order, loop.time() + order.deadline_s, on_progress, loop.create_future()
        )
        self._executions[order.id] = execution
        execution.timers.append(
            loop.call_at(execution.end_s, self._stop, execution, DeadlineExceeded())
        )
        if self._idle:
            self._idle.popleft().begin(execution)
        else:
            self._waiting.append(execution)
        self._on_change()
        try:
            return await execution.done
        except asyncio.CancelledError:
            self._stop(execution, Cancelled())
            raise

    def cancel(self, task_id: str) -> bool:
        """Ask a task to stop, and kill its process when it does not.

        Returns whether the task runs or waits here.
        """
        execution = self._executions.get(task_id)
        if execution is None:
            return False
        self._stop(execution, Cancelled())
        return True

    def _stop(self, execution: _Execution, error: CollegiumError) -> None:
        if execution.stop_error is not None or execution.order.id not in (
            self._executions
        ):
            return
        execution.stop_error = error
        if execution.child is None:
            self._waiting.remove(execution)
            self._end(execution, error)
            return
        execution.child.ask_to_stop()
        execution.timers.append(
            asyncio.get_running_loop().call_later(STOP_GRACE_S, execution.child.kill)
        )

    def _end(self, execution: _Execution, outcome: Finished | CollegiumError) -> None:
        """Hand the outcome over; the slot is free when its child says so."""
        for timer in execution.timers:
            timer.cancel()
        if self._executions.get(execution.order.id) is execution:
            del self._executions[execution.order.id]
        if not execution.done.done():
            if isinstance(outcome, Finished):
                execution.done.set_result(outcome)
            else:
                execution.done.set_exception(outcome)
        self._on_change()

    def heard(self, child: _Child, message: Message) -> None:
        """Take in what a child says."""
        execution = child.execution
        if execution is None:
            return
        if isinstance(message, Progress):
            if execution.on_progress is not None:
                execution.on_progress(message.progress)
            return
        if not isinstance(message, Done | Failed):
            return
        child.execution = None
        child.tasks += 1
        if isinstance(message, Done):
            self._end(execution, Finished(message.output, message.seconds))
        else:
            error = _ERRORS[message.error](message.detail)
            self._end(execution, execution.stop_error or error)
        if self._is_worn_out(child, message.resident_bytes):
            child.close()
        else:
            self._next(child)

    def lost(self, child: _Child) -> None:
        """Take in that a child is gone."""
        execution, child.execution = child.execution, None
        self._children.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        if execution is not None:
            self._end(execution, execution.stop_error or TaskLost(child.obituary))

    def _next(self, child: _Child) -> None:
        if child.gone.is_set():
            return
        if self._waiting:
            child.begin(self._waiting.popleft())
        else:
            self._idle.append(child)

    def _is_worn_out(self, child: _Child, resident_bytes: int) -> bool:
        if child.tasks >= self._tasks_per_child:
            return True
        return bool(self._memory_limit_bytes) and (
            resident_bytes > self._memory_limit_bytes
        )

    async def _supervise(self, child: _Child) -> None:
        """Keep one slot alive: replace its child whenever that has gone."""
        self._next(child)
        while True:
            await child.gone.wait()
            await self._nursery.reaped(child.pid)
            child = await self._replacement()
            self._next(child)
            self._on_change()

    async def _replacement(self) -> _Child:
        delay_s = FIRST_RESTART_S
        while True:
            try:
                async with self._restart:
                    if not self._nursery.is_alive:
                        await self._nursery.stop()
                        self.workloads = await self._nursery.start()
                return await self._child()
            except (TaskLost, OSError, TimeoutError):
                _log.exception("a slot cannot be replaced yet")
                await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))
                delay_s = min(2 * delay_s, LAST_RESTART_S)

    async def _child(self) -> _Child:
        child = _Child(self, *await self._nursery.fork())
        self._children.add(child)
        await child.connect()
        return child

    async def _watch_memory(self) -> None:
        while True:
            await asyncio.sleep(MEMORY_LOOK_INTERVAL_S)
            for execution in list(self._executions.values()):
                child = execution.child
                if child is None or not _exceeds(child.pid, self._memory_limit_bytes):
                    continue
                execution.stop_error = TaskFailed(
                    f"The task used more than {self._memory_limit_bytes} bytes."
                )
                child.kill()

    def kill(self, pid: int) -> None:
        """Kill a child's process."""
        self._nursery.kill(pid)


class _Child(asyncio.Protocol):
    """One child process: what it works on, and its socket."""

    def __init__(self, slots: Slots, pid: int, sock: socket.socket) -> None:
        self.pid = pid
        self.tasks = 0
        self.execution: _Execution | None = None
        self.gone = asyncio.Event()
        self.obituary = "The process that ran the task died."
        self._slots = slots
        self._sock = sock
        self._reader = FrameReader()
        self._transport: asyncio.WriteTransport | None = None

    async def connect(self) -> None:
        """Serve our end of the socket on the running loop."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, sock=self._sock)

    def begin(self, execution: _Execution) -> None:
        """Send a task to the child."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        execution.child, self.execution = self, execution
        execution.order.deadline_s = max(0.0, execution.end_s - loop.time())
        self._transport.write(encode(execution.order))

    def ask_to_stop(self) -> None:
        """Tell the child that its task is not wanted any more."""
        if self._transport is not None and self.execution is not None:
            self._transport.write(encode(Stop(id=self.execution.order.id)))

    def kill(self) -> None:
        """Kill the process."""
        self._slots.kill(self.pid)

    def close(self) -> None:
        """Let the process end: it stops at the end of its input."""
        if self._transport is not None:
            self._transport.abort()
        elif not self.gone.is_set():
            self._sock.close()  # it was never connected
            self.connection_lost(None)
        self._slots.kill(self.pid)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write to."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass every whole message on."""
        for message in self._reader.feed(data):
            self._slots.heard(self, message)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that the process is gone."""
        self._transport = None
        self._slots.lost(self)
        self.gone.set()


def _exceeds(pid: int, limit_bytes: int) -> bool:
    try:
        return bool(psutil.Process(pid).memory_info().rss > limit_bytes)
    except psutil.NoSuchProcess:
        return False
