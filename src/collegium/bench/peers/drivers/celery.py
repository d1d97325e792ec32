"""Celery with Redis as broker and as store of results."""

from __future__ import annotations

import os
import sys
from typing import Any, ClassVar

import celery
from celery.signals import worker_ready

from collegium.bench.peers.drivers.peer import BROKER_VARIABLE, WORKERS, Peer
from collegium.bench.peers.drivers.processes import Program, free_port
from collegium.bench.peers.drivers.tasks import TASKS

READY = "the worker is ready"


def _application(url: str) -> Any:
    application = celery.Celery("peer", broker=url, backend=url)
    for name, function in TASKS.items():
        application.task(function, name=name)
    return application


app = _application(os.environ.get(BROKER_VARIABLE, "redis://127.0.0.1"))


@worker_ready.connect  # type: ignore[untyped-decorator]
def _say_ready(**_: Any) -> None:
    sys.__stderr__.write(READY + "\n")  # type: ignore[union-attr]
    sys.__stderr__.flush()  # type: ignore[union-attr]


class CeleryPeer(Peer):
    """Celery as its guide shows it."""

    remark: ClassVar[str] = "solo pool, no gossip, no mingling, no events"

    def version(self) -> str:
        """Return Celery's version."""
        return str(celery.__version__)

    def start(self) -> None:
        """Start Redis, the workers and an application that sends to them."""
        self._port = free_port()
        url = f"redis://127.0.0.1:{self._port}/0"
        self._redis = self.programs.start_redis(self._port)
        self._environment = {BROKER_VARIABLE: url}
        self.workers = [self.start_worker(number) for number in range(WORKERS)]
        self._client = _application(url)

    def start_worker(self, number: int) -> Program:
        """Start one worker."""
        fast = ("--pool=solo", "--without-gossip", "--without-mingle")
        return self.programs.start(
            *(sys.executable, "-m", "celery", "-A", __name__, "worker"),
            *("--loglevel=WARNING", "--concurrency=1", f"-nw{number}@%h"),
            *(() if self.as_shipped else fast),
            marker=READY,
            name=f"worker{number}",
            environment=self._environment,
        )

    def close(self) -> None:
        """Close the connections of the application."""
        self._client.close()

    def submit(self, task: str, *arguments: Any) -> Any:
        """Send a task by its name."""
        return self._client.tasks[task].apply_async(arguments)

    def collect(self, handle: Any, limit_s: float) -> Any:
        """Wait for the message that says that the result is stored."""
        return handle.get(timeout=limit_s)

    def cancel(self, handle: Any) -> None:
        """Revoke the task and terminate the process that runs it."""
        handle.revoke(terminate=True)

    def restart_hub(self) -> None:
        """Kill Redis and start it on the same port."""
        self.end_broker(self._redis)
        self._redis = self.programs.start_redis(self._port)


PEER = CeleryPeer
