"""Dask distributed with one scheduler."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, ClassVar

import distributed

from collegium.bench.peers.drivers.load import Load, run_loops
from collegium.bench.peers.drivers.peer import WORKERS, Peer
from collegium.bench.peers.drivers.processes import Program, free_port
from collegium.bench.peers.drivers.tasks import TASKS


class DaskPeer(Peer):
    """Dask as its guide shows it: scheduler, workers with a nanny, one client."""

    remark: ClassVar[str] = "asynchronous client, no dashboard, workers without nanny"

    def version(self) -> str:
        """Return the version of distributed."""
        return str(distributed.__version__)

    def start(self) -> None:
        """Start the scheduler, the workers and a client."""
        self._port = free_port()
        self._address = f"tcp://127.0.0.1:{self._port}"
        self._scheduler = self._start_scheduler()
        self.workers = [self.start_worker(number) for number in range(WORKERS)]
        self._client = distributed.Client(self._address)
        self._client.wait_for_workers(WORKERS)

    def start_worker(self, number: int) -> Program:
        """Start one worker."""
        return self.programs.start(
            *(sys.executable, "-m", "distributed.cli.dask_worker"),
            *(self._address, "--nthreads=1", "--no-dashboard"),
            *("--nworkers=1", f"--name=w{number}", "--host=127.0.0.1"),
            "--nanny" if self.as_shipped else "--no-nanny",
            f"--local-directory={self.programs.folder}",
            marker="Starting established connection",
            name=f"worker{number}",
        )

    def close(self) -> None:
        """Close the client."""
        self._client.close(timeout=2)

    def submit(self, task: str, *arguments: Any) -> Any:
        """Send a task as one that must run even if an equal one has run."""
        return self._client.submit(TASKS[task], *arguments, pure=False)

    def collect(self, handle: Any, limit_s: float) -> Any:
        """Wait for the future."""
        return handle.result(timeout=limit_s)

    def cancel(self, handle: Any) -> None:
        """Cancel the future, by force."""
        handle.cancel(force=True)

    def restart_hub(self) -> None:
        """Kill the scheduler and start one on the same port."""
        self.end_broker(self._scheduler)
        self._scheduler = self._start_scheduler()

    def burst(self, tasks: int, concurrency: int, task: str, *arguments: Any) -> Load:
        """Run many tasks by the asynchronous client."""

        async def run() -> Load:
            async with distributed.Client(self._address, asynchronous=True) as client:

                async def call(_: int) -> Any:
                    return await client.submit(TASKS[task], *arguments, pure=False)

                return await run_loops(call, tasks=tasks, concurrency=concurrency)

        return asyncio.run(run())

    def _start_scheduler(self) -> Program:
        return self.programs.start(
            *(sys.executable, "-m", "distributed.cli.dask_scheduler"),
            *("--host=127.0.0.1", f"--port={self._port}", "--no-dashboard"),
            marker="Scheduler at:",
            name="scheduler",
        )


PEER = DaskPeer
