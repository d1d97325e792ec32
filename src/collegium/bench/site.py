"""A coordinator and its workers as processes of their own, and a plain client."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from collegium.bench.peers.drivers.processes import Program, free_port, send_to_tree
from collegium.errors import Unavailable

WORKERS = 2
START_LIMIT_S = 300.0
"""A worker compiles its kernels before it announces itself for the first time."""
LOOK_AGAIN_S = 0.05
CALL_AGAIN_S = 0.2


class Site:
    """A coordinator and workers of one slot each, with default settings.

    Parameters
    ----------
    folder : for the database, logs and traces.
    workers : how many to start.
    options : further ones for the coordinator's command line.
    members : how many have to be up before it is used; the workers by default.
    path : where the programs look for modules first; the folder by default.
    """

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = WORKERS,
        options: Sequence[str] = (),
        members: int | None = None,
        path: str | None = None,
    ) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.workers: list[Program] = []
        self._options = options
        self._path = str(folder) if path is None else path
        self._worker_count = workers
        self._members = workers if members is None else members
        self._coordinator: Program | None = None
        self._programs: list[Program] = []
        self._started = 0

    async def __aenter__(self) -> Site:
        """Start everything and wait until all members have announced themselves."""
        self.client = aiohttp.ClientSession(
            self.url, timeout=aiohttp.ClientTimeout(total=None)
        )
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything."""
        await self._stop()

    @property
    def coordinator_pid(self) -> int:
        """The process id of the coordinator."""
        assert self._coordinator is not None
        return self._coordinator.pid

    async def run(self, workload: str, task: dict[str, Any]) -> Any:
        """Run a task to its end, calling again whenever the connection breaks.

        Raises
        ------
        RuntimeError
            When the coordinator answers that the task failed.
        """
        body = {"workload": workload, "input": task}
        headers = {"idempotency-key": uuid.uuid4().hex}
        while True:
            try:
                async with self.client.post(
                    "/v1/tasks", json=body, headers=headers
                ) as answer:
                    if answer.status == 200:
                        return (await answer.json())["output"]
                    if answer.status not in (429, 503):
                        raise RuntimeError(f"{answer.status}: {await answer.text()}")
            except aiohttp.ClientConnectionError:
                pass  # somebody has killed it; the key makes calling again safe
            await asyncio.sleep(CALL_AGAIN_S)

    async def submit(self, workload: str, task: dict[str, Any]) -> str:
        """Send a task without waiting for it; return its address."""
        async with self.client.post(
            "/v1/tasks",
            json={"workload": workload, "input": task},
            headers={"prefer": "respond-async"},
            raise_for_status=True,
        ) as answer:
            return answer.headers["location"]

    async def cancel(self, location: str) -> None:
        """Ask that a task end."""
        async with self.client.delete(location, raise_for_status=True):
            return

    async def harm_worker(self, number: int) -> None:
        """Send a signal to the first worker and, after it, to its child processes."""
        send_to_tree(self.workers[0].pid, number)

    async def restart_coordinator(self) -> None:
        """Kill the coordinator without warning and start it at the same address."""
        assert self._coordinator is not None
        send_to_tree(self._coordinator.pid, signal.SIGKILL)
        await asyncio.to_thread(self._coordinator.process.wait)
        self._coordinator = self._start_coordinator()

    async def roll_workers(self) -> None:
        """Have each worker drain and end, and start another in its place."""
        for former in list(self.workers):
            present = len(self.workers)
            self.workers.append(self._start_worker())
            await self._wait_for(present + 1)
            former.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(former.process.wait)
            self.workers.remove(former)

    async def _start(self) -> None:
        self._coordinator = self._start_coordinator()
        self.workers = [self._start_worker() for _ in range(self._worker_count)]
        await self._wait_for(self._members)

    async def _stop(self) -> None:
        await self.client.close()
        for program in reversed(self._programs):
            # One that was frozen has frozen children.
            send_to_tree(program.pid, signal.SIGCONT)
            await asyncio.to_thread(program.stop)

    async def _wait_for(self, members: int) -> None:
        try:
            async with asyncio.timeout(START_LIMIT_S):
                while not await self._is_serving() or await self.members_up() < members:
                    self._check_alive()
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError:
            raise Unavailable(f"There are no {members} members in time.") from None

    async def _is_serving(self) -> bool:
        try:
            async with self.client.get("/health/ready") as answer:
                return answer.ok
        except aiohttp.ClientConnectionError:
            return False  # it is still starting

    async def members_up(self) -> int:
        """Return how many members of the fleet can be given tasks."""
        try:
            async with self.client.get("/v1/workers") as answer:
                members = (await answer.json())["items"] if answer.ok else []
        except aiohttp.ClientConnectionError:
            return 0  # the coordinator is still starting
        return sum(member["state"] == "up" for member in members)

    def _check_alive(self) -> None:
        assert self._coordinator is not None
        if self._coordinator.process.poll() is not None:
            log = (self.folder / "coordinator.log").read_text(errors="replace")
            raise Unavailable(f"The coordinator ended: {log[-500:]}")

    def _start_coordinator(self) -> Program:
        port = self.url.rpartition(":")[2]
        database = f"sqlite:///{self.folder / 'collegium.db'}"
        arguments = ("--port", port, "--database", database, *self._options)
        return self._start_program("coordinator", "coordinator", *arguments)

    def _start_worker(self) -> Program:
        self._started += 1
        return self._start_program(
            f"worker{self._started}", "worker", "--coordinator", self.url, "--slots=1"
        )

    def _start_program(self, name: str, *arguments: str) -> Program:
        path = [self._path, os.environ.get("PYTHONPATH", "")]
        program = Program(
            [sys.executable, "-m", "collegium", *arguments],
            marker="",
            log=self.folder / f"{name}.log",
            environment={
                "PYTHONPATH": os.pathsep.join(filter(None, path)),
                "COLLEGIUM_DATA_DIR": str(self.folder / name),
            },
        )
        self._programs.append(program)
        return program
