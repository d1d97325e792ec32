"""What each peer has to offer to be measured and to be harmed."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from collegium.bench.peers.drivers.load import Load, run_window
from collegium.bench.peers.drivers.processes import Program, Programs, send_to_tree

WORKERS = 2
BROKER_VARIABLE = "COLLEGIUM_PEER_BROKER"
"""Tells the worker programs of a peer where its broker is."""


class Peer(ABC):
    """One task queue with two workers of one slot each, on this machine.

    Parameters
    ----------
    programs : where it starts its processes.
    as_shipped : True keeps every default that decides what happens in a failure;
        False chooses what gives the highest throughput.
    """

    remark: ClassVar[str]
    """What was set otherwise than by default, for the reader of the figures."""
    can_cancel: ClassVar[bool] = True

    def __init__(self, programs: Programs, *, as_shipped: bool) -> None:
        self.programs = programs
        self.as_shipped = as_shipped
        self.workers: list[Program] = []

    @abstractmethod
    def version(self) -> str:
        """Return the version of the peer that is installed."""

    @abstractmethod
    def start(self) -> None:
        """Start broker or scheduler, both workers and the client."""

    @abstractmethod
    def start_worker(self, number: int) -> Program:
        """Start one worker; no two have the same number."""

    @abstractmethod
    def close(self) -> None:
        """Close the client; the programs are ended by whoever started them."""

    @abstractmethod
    def submit(self, task: str, *arguments: Any) -> Any:
        """Send a task of ``TASKS`` and return a handle of it."""

    @abstractmethod
    def collect(self, handle: Any, limit_s: float) -> Any:
        """Wait for a task's result; raises whatever the peer raises without one."""

    @abstractmethod
    def cancel(self, handle: Any) -> None:
        """Ask in the peer's strongest way that a running task end."""

    @abstractmethod
    def restart_hub(self) -> None:
        """Kill broker or scheduler without warning and start it anew."""

    def burst(self, tasks: int, concurrency: int, task: str, *arguments: Any) -> Load:
        """Run many tasks with so many under way, by the peer's fastest client."""
        return run_window(
            lambda _: self.submit(task, *arguments),
            lambda handle: self.collect(handle, 60.0),
            tasks=tasks,
            concurrency=concurrency,
        )

    def harm_worker(self, number: int) -> None:
        """Send a signal to everything that makes up one worker, its head first."""
        send_to_tree(self.workers[0].pid, number)

    def roll_workers(self) -> None:
        """Start a new worker for each old one, and ask the old one to end."""
        for former in list(self.workers):
            self.workers.append(self.start_worker(len(self.workers)))
            former.process.terminate()
            former.process.wait()

    def end_broker(self, broker: Program) -> None:
        """Kill a broker and wait until its port is free."""
        send_to_tree(broker.pid, signal.SIGKILL)
        broker.process.wait()
