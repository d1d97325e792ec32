"""RQ with Redis."""

from __future__ import annotations

import math
import sys
from typing import Any, ClassVar

import redis
import rq
from rq.command import send_stop_job_command

from collegium.bench.peers.drivers.peer import WORKERS, Peer
from collegium.bench.peers.drivers.processes import Program, free_port
from collegium.bench.peers.drivers.tasks import TASKS

READY = "the worker is ready"
RESULT_LIFE_S = 500


class RqPeer(Peer):
    """RQ as its guide shows it."""

    remark: ClassVar[str] = "SimpleWorker, which does not fork for each job"

    def version(self) -> str:
        """Return RQ's version."""
        return str(rq.VERSION)

    def start(self) -> None:
        """Start Redis, the workers and a queue in front of them."""
        self._port = free_port()
        self._redis = self.programs.start_redis(self._port)
        self.workers = [self.start_worker(number) for number in range(WORKERS)]
        self._connection = redis.Redis(
            host="127.0.0.1", port=self._port, socket_timeout=None
        )
        self._queue = rq.Queue(connection=self._connection)

    def start_worker(self, number: int) -> Program:
        """Start one worker."""
        return self.programs.start(
            *(sys.executable, "-m", __name__, str(self._port)),
            "forking" if self.as_shipped else "simple",
            marker=READY,
            name=f"worker{number}",
        )

    def close(self) -> None:
        """Close the connection to Redis."""
        self._connection.close()

    def submit(self, task: str, *arguments: Any) -> Any:
        """Enqueue a task."""
        return self._queue.enqueue(TASKS[task], *arguments, result_ttl=RESULT_LIFE_S)

    def collect(self, handle: Any, limit_s: float) -> Any:
        """Wait on the stream that gets the result.

        Raises
        ------
        RuntimeError
            When the task failed, or nothing came in time.
        """
        result = handle.latest_result(timeout=math.ceil(limit_s))
        if result is None or result.type is not result.Type.SUCCESSFUL:
            raise RuntimeError(f"no result: {result}")
        return result.return_value

    def cancel(self, handle: Any) -> None:
        """Tell the worker to kill the process that runs the task."""
        send_stop_job_command(self._connection, handle.id)

    def restart_hub(self) -> None:
        """Kill Redis and start it on the same port."""
        self.end_broker(self._redis)
        self._redis = self.programs.start_redis(self._port)


def _work(port: int, kind: str) -> None:
    connection = redis.Redis(host="127.0.0.1", port=port)
    kinds = {"simple": rq.SimpleWorker, "forking": rq.Worker}
    worker = kinds[kind]([rq.Queue(connection=connection)], connection=connection)
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    worker.work(logging_level="WARNING")


PEER = RqPeer

if __name__ == "__main__":
    _work(int(sys.argv[1]), sys.argv[2])
