"""Taskiq with Redis: a list as queue, results by key."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from importlib.metadata import version
from typing import Any, ClassVar, TypeVar

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from collegium.bench.peers.drivers.load import Load, run_loops
from collegium.bench.peers.drivers.peer import BROKER_VARIABLE, WORKERS, Peer
from collegium.bench.peers.drivers.processes import Program, free_port
from collegium.bench.peers.drivers.tasks import TASKS

T = TypeVar("T")

CHECK_INTERVAL_S = 0.002
"""The default, 0.2 s, would measure nothing but itself."""


async def echo(value: Any) -> Any:
    """Return what came in, without the thread that a plain function would cost."""
    return value


def _broker(url: str) -> Any:
    results: Any = RedisAsyncResultBackend(url)
    broker = ListQueueBroker(url).with_result_backend(results)
    for name, function in (TASKS | {"echo": echo}).items():
        broker.register_task(function, task_name=name)
    return broker


broker = _broker(os.environ.get(BROKER_VARIABLE, "redis://127.0.0.1"))


class TaskiqPeer(Peer):
    """Taskiq as its guide shows it, but for how often it looks for a result."""

    remark: ClassVar[str] = f"looks for results every {1000 * CHECK_INTERVAL_S:g} ms"
    can_cancel: ClassVar[bool] = False

    def version(self) -> str:
        """Return Taskiq's version."""
        return version("taskiq")

    def start(self) -> None:
        """Start Redis, the workers, and a client with an event loop of its own."""
        self._port = free_port()
        url = f"redis://127.0.0.1:{self._port}/0"
        self._redis = self.programs.start_redis(self._port)
        self._environment = {BROKER_VARIABLE: url}
        self.workers = [self.start_worker(number) for number in range(WORKERS)]
        self._runner = asyncio.Runner()
        self._client = _broker(url)
        self._run(self._client.startup())

    def start_worker(self, number: int) -> Program:
        """Start one worker."""
        return self.programs.start(
            *(sys.executable, "-m", "taskiq", "worker", f"{__name__}:broker"),
            *("--workers=1", "--max-async-tasks=1"),
            "--max-threadpool-threads=1",
            "--log-level=INFO" if self.as_shipped else "--log-level=WARNING",
            marker="",
            name=f"worker{number}",
            environment=self._environment,
        )

    def close(self) -> None:
        """Close the client and its loop."""
        self._run(self._client.shutdown())
        self._runner.close()

    def submit(self, task: str, *arguments: Any) -> Any:
        """Send a task."""
        return self._run(self._client.find_task(task).kiq(*arguments))

    def collect(self, handle: Any, limit_s: float) -> Any:
        """Look for the result until it is there."""
        return self._run(_result(handle, limit_s))

    def cancel(self, handle: Any) -> None:
        """Do nothing: Taskiq has no way to stop a running task."""

    def restart_hub(self) -> None:
        """Kill Redis and start it on the same port."""
        self.end_broker(self._redis)
        self._redis = self.programs.start_redis(self._port)

    def burst(self, tasks: int, concurrency: int, task: str, *arguments: Any) -> Load:
        """Run many tasks on the client's loop."""
        found = self._client.find_task(task)

        async def call(_: int) -> Any:
            return await _result(await found.kiq(*arguments), 60.0)

        return self._run(run_loops(call, tasks=tasks, concurrency=concurrency))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)


async def _result(handle: Any, limit_s: float) -> Any:
    result = await handle.wait_result(check_interval=CHECK_INTERVAL_S, timeout=limit_s)
    result.raise_for_error()
    return result.return_value


PEER = TaskiqPeer
