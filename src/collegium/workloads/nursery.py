"""The parent's side of the fork server: asks for children and learns of their end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping

from collegium.errors import TaskLost
from collegium.workloads.frames import (
    Exited,
    Fork,
    Forked,
    FrameReader,
    Kill,
    Message,
    Ready,
    encode,
)

START_TIMEOUT_S = 300.0
"""Importing and compiling on a slow machine; afterwards a fork takes milliseconds."""
END_TIMEOUT_S = 5.0
_SINGLE_THREADED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""A slot is one core; threads of libraries would also not survive the fork."""

_log = logging.getLogger(__name__)


class Nursery:
    """One fork server and the children it has made.

    Parameters
    ----------
    paths : where to import each workload from, as ``module:Class`` by name.
    is_warm : True has every workload warmed up before ``start`` returns.
    """

    def __init__(self, paths: Mapping[str, str], *, is_warm: bool = True) -> None:
        self._paths = dict(paths)
        self._is_warm = is_warm
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._reader = FrameReader()
        self._ready: asyncio.Future[list[str]] | None = None
        self._forked: deque[asyncio.Future[int]] = deque()
        self._exits: dict[int, asyncio.Future[int]] = {}

    @property
    def is_alive(self) -> bool:
        """Whether children can be made."""
        return self._sock is not None

    async def start(self) -> list[str]:
        """Start the fork server; return the names of the workloads it can run.

        Raises
        ------
        TaskLost
            When it dies while it starts.
        TimeoutError
            When it takes longer than ``START_TIMEOUT_S``.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - returns after exec
                [
                    sys.executable,
                    "-m",
                    "collegium.workloads.forkserver",
                    str(theirs.fileno()),
                    json.dumps(self._paths),
                    str(os.getpid()),
                    *(["warm"] if self._is_warm else []),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno() if _has_fd(sys.stderr) else None,
                env={**_SINGLE_THREADED, **os.environ},
                start_new_session=True,
            )
        self._sock = ours
        self._reader = FrameReader()
        self._ready = loop.create_future()
        loop.add_reader(ours.fileno(), self._listen)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                return await self._ready
        except BaseException:
            await self.stop()
            raise

    async def fork(self) -> tuple[int, socket.socket]:
        """Return a new child's process id and our end of the socket it serves.

        Raises
        ------
        TaskLost
            When the fork server is gone.
        """
        if self._sock is None:
            raise TaskLost("The process that makes slots is gone.")
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        forked: asyncio.Future[int] = loop.create_future()
        self._forked.append(forked)
        with theirs:
            socket.send_fds(self._sock, [encode(Fork())], [theirs.fileno()])
        try:
            pid = await forked
        except BaseException:
            # A child that is there nevertheless ends with the socket.
            ours.close()
            raise
        self._exits[pid] = loop.create_future()
        return pid, ours

    def kill(self, pid: int) -> None:
        """Kill a child; nothing happens when it is gone already."""
        if self._sock is not None and pid in self._exits:
            self._sock.sendall(encode(Kill(pid=pid)))

    async def reaped(self, pid: int) -> int:
        """Wait until a child is gone; return its exit code, negative for a signal."""
        exit_ = self._exits.get(pid)
        if exit_ is None:
            return 0
        try:
            return await asyncio.shield(exit_)
        finally:
            if exit_.done():
                self._exits.pop(pid, None)

    async def stop(self) -> None:
        """End the fork server, which takes every child along."""
        self._disconnect()
        process, self._process = self._process, None
        if process is None:
            return
        try:
            await asyncio.to_thread(process.wait, END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    def _listen(self) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(65_536)
        except ConnectionResetError:
            data = b""
        for message in self._reader.feed(data):
            self._hear(message)
        if not data:
            _log.error("the process that makes slots has ended")
            self._disconnect()

    def _hear(self, message: Message) -> None:
        if isinstance(message, Forked):
            forked = self._forked.popleft()
            if not forked.done():
                forked.set_result(message.pid)
        elif isinstance(message, Exited):
            exit_ = self._exits.get(message.pid)
            if exit_ is not None and not exit_.done():
                exit_.set_result(message.code)
        elif isinstance(message, Ready):
            assert self._ready is not None
            if not self._ready.done():
                self._ready.set_result(message.workloads)

    def _disconnect(self) -> None:
        if self._sock is None:
            return
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()
        self._sock = None
        lost = TaskLost("The process that makes slots is gone.")
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(lost)
        while self._forked:
            forked = self._forked.popleft()
            if not forked.done():
                forked.set_exception(lost)
        for exit_ in self._exits.values():
            if not exit_.done():
                exit_.set_result(-9)


def _has_fd(stream: object) -> bool:
    try:
        stream.fileno()  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return False
    return True
