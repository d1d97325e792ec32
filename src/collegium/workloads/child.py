"""What a slot's process does: one task after the other, from a socket."""

from __future__ import annotations

import hashlib
import logging
import os
import select
import socket
import time
from collections import deque
from pathlib import Path
from typing import Any

import psutil
from pydantic import ValidationError

from collegium.errors import Cancelled, DeadlineExceeded, NotFound, TaskFailed
from collegium.workloads.base import Workload
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
from collegium.workloads.registry import Catalogue

LOOK_INTERVAL_S = 0.002
"""Least time between two looks at the socket, as a look costs a system call."""
_CHUNK = 1 << 18

_log = logging.getLogger(__name__)


def serve(sock: socket.socket, catalogue: Catalogue) -> None:
    """Run tasks until the other end of the socket is closed."""
    channel = Channel(sock)
    memory: dict[str, Any] = {}
    while (message := channel.receive()) is not None:
        # A request to stop may cross the result of its task on the way.
        if isinstance(message, Run):
            channel.send(_answer(message, catalogue, channel, memory))


class Channel:
    """The child's end of the socket pair."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader = FrameReader()
        self._received: deque[Message] = deque()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def send(self, message: Message) -> None:
        """Send a message whole."""
        self._sock.sendall(encode(message))

    def receive(self) -> Message | None:
        """Wait for the next message; None when there will be no more."""
        while not self._received:
            if not self._read():
                return None
        return self._received.popleft()

    def has_stop(self, task_id: str) -> bool:
        """Tell, without waiting, whether the task shall stop."""
        while self._poll.poll(0):
            if not self._read():
                return True
        return any(
            isinstance(message, Stop) and message.id == task_id
            for message in self._received
        )

    def _read(self) -> bool:
        data = self._sock.recv(_CHUNK)
        self._received.extend(self._reader.feed(data))
        return bool(data)


class ChildContext:
    """The task's view of the child that runs it; see ``TaskContext``."""

    def __init__(self, order: Run, channel: Channel, memory: dict[str, Any]) -> None:
        self.memory = memory
        self._order = order
        self._channel = channel
        self._end_s = time.monotonic() + order.deadline_s
        self._looked_s = 0.0
        self._stopped = False

    def blob(self, sha256: str) -> bytes:
        """Return the bytes of a blob, checked against its hash.

        Raises
        ------
        NotFound
            When the task did not list it.
        TaskFailed
            When the cached file is damaged.
        """
        path = self._order.blobs.get(sha256)
        if path is None:
            raise NotFound(f"The task did not list the blob {sha256}.")
        data = Path(path).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            Path(path).unlink(missing_ok=True)
            raise TaskFailed(f"The blob {sha256} is damaged in the cache.")
        return data

    def remaining_s(self) -> float:
        """Return how many seconds are left until the deadline, at least zero."""
        return max(0.0, self._end_s - time.monotonic())

    def is_cancelled(self) -> bool:
        """Tell whether somebody asked to stop."""
        now_s = time.monotonic()
        if not self._stopped and now_s - self._looked_s >= LOOK_INTERVAL_S:
            self._looked_s = now_s
            self._stopped = self._channel.has_stop(self._order.id)
        return self._stopped

    def report(self, progress: dict[str, Any]) -> None:
        """Tell how far the task is."""
        self._channel.send(Progress(id=self._order.id, progress=progress))


def _answer(
    order: Run, catalogue: Catalogue, channel: Channel, memory: dict[str, Any]
) -> Done | Failed:
    started_s = time.perf_counter()
    error, detail, output = "", "", b""
    try:
        context = ChildContext(order, channel, memory)
        output = execute(catalogue[order.workload], order.input, context)
    except (TaskFailed, Cancelled, DeadlineExceeded, NotFound) as known:
        error, detail = type(known).__name__, known.detail
    except MemoryError:
        # The next task deserves a process with room.
        os._exit(1)
    except Exception as unknown:  # noqa: BLE001 - a task must not end its process
        _log.exception("task %s of workload %s failed", order.id, order.workload)
        error = TaskFailed.__name__
        detail = f"{type(unknown).__name__}: {unknown}"[:1000]
    seconds = time.perf_counter() - started_s
    resident = psutil.Process().memory_info().rss
    if error:
        return Failed(order.id, error, detail, seconds, resident)
    return Done(order.id, output, seconds, resident)


def execute(workload: Workload, raw: bytes, context: Any) -> bytes:
    """Check the input, run, and return the output, both as JSON.

    Raises
    ------
    TaskFailed
        When the input is not acceptable, and whatever the workload raises.
    """
    try:
        task = workload.Input.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise TaskFailed(f"The input is not acceptable: {first_line(error)}") from error
    output = workload.run(task, context)
    return output.__pydantic_serializer__.to_json(output)


def first_line(error: ValidationError) -> str:
    """Return the first complaint with its place, in one line."""
    complaint = error.errors(include_url=False, include_context=False)[0]
    place = "/".join(str(part) for part in complaint["loc"])
    return f"{place or 'input'}: {complaint['msg']}"
