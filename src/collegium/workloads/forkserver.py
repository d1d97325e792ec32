"""Makes the processes that run tasks: imports and warms up once, then forks.

Run as ``python -m collegium.workloads.forkserver FD PATHS PARENT [warm]``. A child
made by fork is there in milliseconds and shares the memory of compiled code and
imported libraries. It is forked from this small single-threaded process, never from
one that serves HTTP, so it inherits no listening socket, no thread and no event loop.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import json
import logging
import os
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from collegium.workloads.base import Workload
from collegium.workloads.child import serve
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
from collegium.workloads.registry import Catalogue, import_workloads

NICENESS = 10
"""Tasks yield to the processes that answer HTTP."""
_PR_SET_PDEATHSIG = 1
_OOM_SCORE = "500"
"""When memory runs out, the kernel takes a task, not the agent."""

_log = logging.getLogger(__name__)


def main(fd: int, paths: str, parent: int, *, is_warm: bool) -> None:
    """Serve the parent on the socket ``fd`` until it closes it.

    Parameters
    ----------
    paths : JSON object, where to import each workload from.
    parent : process id of who started it; without that one nobody wants it.
    is_warm : True warms every workload up before the first child is made.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    _live_no_longer_than(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    catalogue = _readied(import_workloads(json.loads(paths)), "preload")
    if is_warm and any(hasattr(w, "warm_up") for w in catalogue.values()):
        with one_at_a_time():
            catalogue = _readied(catalogue, "warm_up")
    gc.collect()
    gc.freeze()  # so that counting references does not copy shared pages
    ForkServer(socket.socket(fileno=fd), catalogue).run()


class ForkServer:
    """Forks, kills and reaps children as the parent asks."""

    def __init__(self, parent: socket.socket, catalogue: Catalogue) -> None:
        self._parent = parent
        self._catalogue = catalogue
        self._reader = FrameReader()
        self._fds: list[int] = []
        self._children: set[int] = set()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)

    def run(self) -> None:
        """Serve until the parent is gone, then take the children along."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_in.fileno(), warn_on_full_buffer=False)
        self._tell(Ready(workloads=sorted(self._catalogue)))
        while True:
            readable, _, _ = select.select([self._parent, self._wake_out], [], [])
            if self._wake_out in readable:
                self._wake_out.recv(4096)
                self._reap()
            if self._parent in readable and not self._listen():
                break
        # Children that end from now on are nobody's news.
        signal.set_wakeup_fd(-1)
        self._wake_in.close()
        self._wake_out.close()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _listen(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._parent, 65_536, 64)
        self._fds += fds
        for message in self._reader.feed(data):
            if isinstance(message, Fork):
                self._fork(self._fds.pop(0))
            elif isinstance(message, Kill) and message.pid in self._children:
                os.kill(message.pid, signal.SIGKILL)
        return bool(data)

    def _fork(self, fd: int) -> None:
        own = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(fd, own)
        os.close(fd)
        self._children.add(pid)
        self._tell(Forked(pid=pid))

    def _become_child(self, fd: int, server: int) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _live_no_longer_than(server)
            _offer_to_the_oom_killer()
            for inherited in (self._parent, self._wake_in, self._wake_out):
                inherited.close()
            for other in self._fds:
                os.close(other)
            serve(socket.socket(fileno=fd), self._catalogue)
            status = 0
        except (BrokenPipeError, ConnectionResetError):
            status = 0  # the parent is gone, and nobody waits for the answer
        except BaseException:
            _log.exception("a slot's process fails")
            raise
        finally:
            # Never back into the server's own loop.
            os._exit(status)

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._children.discard(pid)
            self._tell(Exited(pid=pid, code=os.waitstatus_to_exitcode(status)))

    def _tell(self, message: Message) -> None:
        try:
            self._parent.sendall(encode(message))
        except BrokenPipeError:
            # The read side reports the parent's end and stops the loop.
            _log.debug("the parent is gone")


def _readied(catalogue: Catalogue, step: str) -> Catalogue:
    """Have each workload that has this step take it; leave out those that fail."""
    ready: dict[str, Workload] = {}
    for name, workload in catalogue.items():
        try:
            getattr(workload, step, lambda: None)()
        except Exception:  # noqa: BLE001 - whatever a plug-in raises
            _log.exception("workload %s fails at %s and is left out", name, step)
            continue
        ready[name] = workload
    return ready


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one process of this machine compile, and the others take what it has cached.

    The lock is of no use to anybody who could delay us with it: the file is private.
    """
    path = Path(tempfile.gettempdir()) / f"collegium-warm-up-{os.getuid()}.lock"
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    lock = os.open(path, flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _live_no_longer_than(parent: int) -> None:
    if sys.platform != "linux":
        return  # elsewhere the end of the socket has to do
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it died before the wish was made


def _offer_to_the_oom_killer() -> None:
    if sys.platform != "linux":
        return
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - not a path
            file.write(_OOM_SCORE)
    except PermissionError:
        _log.debug("the kernel lets nobody change who is killed first")


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        sys.argv[2],
        int(sys.argv[3]),
        is_warm=sys.argv[4:] == ["warm"],
    )
