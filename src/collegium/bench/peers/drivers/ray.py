"""Ray on one node with two processors."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import ray

from collegium.bench.peers.drivers.peer import WORKERS, Peer
from collegium.bench.peers.drivers.processes import descendants, send
from collegium.bench.peers.drivers.tasks import TASKS


class RayPeer(Peer):
    """Ray as its guide shows it: started by the program that uses it."""

    remark: ClassVar[str] = "one node with two processors, no dashboard"

    def version(self) -> str:
        """Return Ray's version."""
        return str(ray.__version__)

    def start(self) -> None:
        """Start a node of its own and wait until both worker processes are there."""
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        ray.init(
            num_cpus=WORKERS,
            include_dashboard=False,
            configure_logging=False,
            log_to_driver=False,
            object_store_memory=100 * 2**20,
            _temp_dir=str(self.programs.folder),
        )
        self._functions = {
            name: ray.remote(num_cpus=1)(function) for name, function in TASKS.items()
        }
        ray.get([self.submit("nap", 0.5) for _ in range(WORKERS)])

    def close(self) -> None:
        """End the node."""
        ray.shutdown()

    def submit(self, task: str, *arguments: Any) -> Any:
        """Send a task."""
        return self._functions[task].remote(*arguments)

    def collect(self, handle: Any, limit_s: float) -> Any:
        """Wait for the object."""
        return ray.get(handle, timeout=limit_s)

    def cancel(self, handle: Any) -> None:
        """Kill the process that runs the task."""
        ray.cancel(handle, force=True)

    def start_worker(self, number: int) -> NoReturn:
        """Refuse: the processes of a node are Ray's own business."""
        raise NotImplementedError("a node starts and ends its processes itself")

    def roll_workers(self) -> None:
        """Ask each process that runs tasks to end; the node makes others."""
        for pid in self._pids("ray::note"):
            send(pid, signal.SIGTERM)

    def harm_worker(self, number: int) -> None:
        """Send a signal to one process that runs a task; its node stays whole."""
        send(self._pids("ray::note")[0], number)

    def restart_hub(self) -> None:
        """Kill the global control store and start it by the same command line.

        Raises
        ------
        RuntimeError
            When there is no such process.
        """
        found = self._pids("/gcs_server")
        if not found:
            raise RuntimeError("Ray runs no global control store")
        command = Path(f"/proc/{found[0]}/cmdline").read_bytes().split(b"\0")[:-1]
        send(found[0], signal.SIGKILL)
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _pids(self, name: str) -> list[int]:
        return [pid for pid in descendants(os.getpid()) if name in _program(pid)]


def _program(pid: int) -> str:
    """Return the first word of a command line; Ray's workers rename themselves."""
    return Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0]


PEER = RayPeer
