"""Starts a peer's programs and ends them by their ids, whatever happens."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

START_LIMIT_S = 60.0
STOP_LIMIT_S = 5.0
_PR_SET_CHILD_SUBREAPER = 36


class Unavailable(Exception):
    """The peer cannot be had on this machine."""


class Program:
    """A running program whose output is read to the end.

    Parameters
    ----------
    arguments : the command line.
    marker : text in its output that says that it is ready; empty when nothing does.
    log : file that gets its output.
    environment : variables beside those of this process.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        marker: str,
        log: Path,
        environment: dict[str, str],
    ) -> None:
        self._arguments = list(arguments)
        self._marker = marker.encode()
        self._log = log
        self._seen = threading.Event()
        self.process = subprocess.Popen(
            self._arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def wait_ready(self) -> None:
        """Wait for the marker.

        Raises
        ------
        Unavailable
            When the program ends or is silent instead.
        """
        self._seen.wait(START_LIMIT_S)
        if not self._found:
            tail = self._log.read_text(errors="replace")[-500:]
            raise Unavailable(f"{self._arguments[0]} did not start: {tail}")

    def stop(self) -> None:
        """Ask the program to end, then make it."""
        if self.process.poll() is None:
            send(self.pid, signal.SIGCONT)
            send(self.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._reader.join(STOP_LIMIT_S)

    _found = False

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self._log.open("ab") as log, self.process.stdout as output:
            for line in output:
                log.write(line)
                log.flush()
                if self._marker in line and not self._seen.is_set():
                    self._found = True
                    self._seen.set()
        self._seen.set()


class Programs:
    """All programs of one peer; leaving the context ends them.

    Parameters
    ----------
    folder : for logs and whatever the peer writes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[Program] = []

    def __enter__(self) -> Programs:
        adopt_orphans()
        return self

    def __exit__(self, *_: object) -> None:
        for program in reversed(self._running):
            program.stop()
        for pid in descendants(os.getpid()):
            send(pid, signal.SIGKILL)

    def start(
        self,
        *arguments: str,
        marker: str,
        name: str,
        environment: dict[str, str] | None = None,
    ) -> Program:
        """Start a program and wait until it is ready.

        Raises
        ------
        Unavailable
            When it does not start.
        """
        program = Program(
            arguments,
            marker=marker,
            log=self.folder / f"{name}.log",
            environment=environment or {},
        )
        self._running.append(program)
        program.wait_ready()
        return program

    def start_redis(self, port: int) -> Program:
        """Start a Redis that keeps nothing on disk, as its users run it for tasks.

        Raises
        ------
        Unavailable
            When this machine has no Redis.
        """
        program = shutil.which("redis-server")
        if program is None:
            raise Unavailable("redis-server is not installed")
        options = {
            "--bind": "127.0.0.1",
            "--port": str(port),
            "--save": "",
            "--appendonly": "no",
            "--dir": str(self.folder),
        }
        flat = [text for option in options.items() for text in option]
        return self.start(
            program, *flat, marker="Ready to accept connections", name="redis"
        )


def free_port() -> int:
    """Return a port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def adopt_orphans() -> None:
    """Become the parent of what children leave behind, so that it can be ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below ``pid``, the nearest first."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found[1:]


def send(pid: int, number: int) -> None:
    """Send a signal to a process, unless it is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def send_to_tree(pid: int, number: int) -> None:
    """Send a signal to a process and, after it, to all below it."""
    below = descendants(pid)
    for each in (pid, *below):
        send(each, number)
