"""Short tasks share requests to a worker, and nobody pays for it but the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from collegium.errors import (
    CollegiumError,
    Overloaded,
    TaskFailed,
    WorkerUnreachable,
)
from collegium.fleet.batches import SMALL_INPUT
from collegium.fleet.engine import NotStarted, Ran, WrongAnswer
from collegium.fleet.engine_http import HttpEngine
from collegium.fleet.members import Member
from collegium.fleet.tasks import Task
from collegium.rest.wire import AnswerRefused, BrokenOff, ConnectFailed, WireAnswer
from fixtures.virtual import run_virtually

ROUND_TRIP_S = 0.1
SAMPLED = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
UNSAMPLED = SAMPLED[:-2] + "00"
Change = Callable[[list[dict[str, Any]]], Any]


class Worker:
    """The far end of a wire: echoes, fails what it is told to, notes what came."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, int]] = []
        self.headers: list[dict[str, str]] = []
        self.error: Exception | None = None
        self.status = 200
        self.change: Change = lambda statuses: statuses

    async def request(
        self,
        method: str,
        base: str,
        path: str,
        body: bytes = b"",
        fields: dict[str, str] | None = None,
    ) -> WireAnswer:
        """Answer as a worker does."""
        sent = json.loads(body) if body else []
        is_batch = isinstance(sent, list)
        self.requests.append((method, path, len(sent) if is_batch else 1))
        self.headers.append(fields or {})
        await asyncio.sleep(ROUND_TRIP_S)
        if self.error is not None:
            raise self.error
        if self.status != 200:
            return WireAnswer(self.status, b'{"detail": "no"}')
        if is_batch:
            answer = self.change([_status(one) for one in sent])
        else:
            answer = _status(sent | {"id": path.rpartition("/")[2]})
        return WireAnswer(200, json.dumps(answer).encode())

    def close(self) -> None:
        """Do nothing."""


def _status(task: dict[str, Any]) -> dict[str, Any]:
    if task["input"] == "bad":
        problem = {"type": "/problems/task-failed", "status": 422, "detail": "bad"}
        return {"id": task["id"], "workload": "w", "state": "failed"} | {
            "problem": problem
        }
    return {"id": task["id"], "workload": "w", "state": "succeeded"} | {
        "output": task["input"],
        "seconds": 0.0,
    }


class Bench:
    """An engine with one worker."""

    def __init__(self, batch: int = 256) -> None:
        self.worker = Worker()
        self.member = Member("w", "1", "http://w:1", batch=batch)
        self.engine = HttpEngine(
            self.worker,  # type: ignore[arg-type]
            "me",
            lambda task: task.workload == "short",
        )

    async def run(self, task: Any, attempt: int = 1, **more: Any) -> Ran:
        """Run one task."""
        raw = json.dumps(task).encode()
        return await self.engine.run(
            self.member,
            Task(more.pop("workload", "short"), raw, 10.0, **more),
            attempt=attempt,
            deadline_s=10.0,
            on_progress=None,
        )

    async def outcomes(self, *tasks: Any) -> list[Any]:
        """Run tasks at once; return output or type of error of each."""
        found = await asyncio.gather(*map(self.run, tasks), return_exceptions=True)
        return [
            json.loads(one.output) if isinstance(one, Ran) else type(one)
            for one in found
        ]


def _virtually(main: Callable[[Bench], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        await main(Bench(**options))

    run_virtually(run())


def test_tasks_of_one_turn_are_one_request() -> None:
    """Outputs come back to whoever asked; a failing task fails alone."""

    async def main(bench: Bench) -> None:
        found = await bench.outcomes(*range(50), "bad", {"a": [1]})
        assert found == [*range(50), TaskFailed, {"a": [1]}]
        assert bench.worker.requests == [("POST", "/v1/task-batches", 52)]
        assert bench.worker.headers[0]["task-dispatcher"] == "me"
        assert bench.worker.headers[0]["via"] == "1.1 me"

    _virtually(main)


def test_a_single_task_goes_as_any_worker_understands() -> None:
    """Alone it is a PUT under its own name, with all its headers."""

    async def main(bench: Bench) -> None:
        ran = await bench.run(7, id="t1", traceparent=UNSAMPLED)
        assert ran.output == b"7"
        assert bench.worker.requests == [("PUT", "/v1/tasks/t1", 1)]
        headers = bench.worker.headers[0]
        assert headers["task-attempt"] == "1"
        assert headers["deadline-ms"] == "10000"
        assert headers["traceparent"] == UNSAMPLED

    _virtually(main)


@pytest.mark.parametrize(
    "more",
    [
        {"attempt": 2},
        {"traceparent": SAMPLED},
        {"via": ("other",)},
        {"workload": "long"},
        {"task": "x" * SMALL_INPUT},
    ],
)
def test_some_tasks_always_go_alone(more: dict[str, Any]) -> None:
    """What has failed, is traced, has come far, takes a slot or is large."""

    async def main(bench: Bench) -> None:
        task = more.pop("task", 1)
        calls = [bench.run(task, **more), *(bench.run(n) for n in range(3))]
        await asyncio.gather(*calls)
        counts = sorted(count for _, _, count in bench.worker.requests)
        assert counts == [1, 3]

    _virtually(main)


def test_a_worker_that_offers_no_batches_gets_none() -> None:
    """Programs that others have written need to know nothing of batches."""

    async def main(bench: Bench) -> None:
        assert await bench.outcomes(1, 2, 3) == [1, 2, 3]
        assert [method for method, _, _ in bench.worker.requests] == ["PUT"] * 3

    _virtually(main, batch=0)


def test_a_batch_is_as_large_as_the_worker_says() -> None:
    """What is more goes into the next one."""

    async def main(bench: Bench) -> None:
        assert await bench.outcomes(*range(10)) == list(range(10))
        assert [count for _, _, count in bench.worker.requests] == [4, 4, 2]

    _virtually(main, batch=4)


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (ConnectFailed("no"), NotStarted),
        (BrokenOff("no"), WorkerUnreachable),
        (AnswerRefused("no"), WrongAnswer),
    ],
)
def test_a_batch_that_is_lost_is_lost_for_each(
    error: Exception, seen: type[CollegiumError]
) -> None:
    """Each is told whether it may have begun, and goes elsewhere by itself."""

    async def main(bench: Bench) -> None:
        bench.worker.error = error
        assert await bench.outcomes(1, 2) == [seen, seen]
        bench.worker.error = None
        assert await bench.outcomes(1, 2) == [1, 2]

    _virtually(main)


def test_a_worker_that_refuses_a_batch_has_begun_none() -> None:
    """503 for the whole request is what it is for a single task."""

    async def main(bench: Bench) -> None:
        bench.worker.status = 503
        assert await bench.outcomes(1, 2) == [Overloaded, Overloaded]

    _virtually(main)


@pytest.mark.parametrize(
    "change",
    [
        lambda statuses: statuses[1:],
        lambda statuses: {"items": statuses},
        lambda statuses: statuses[::-1],
        lambda statuses: [s | {"id": "other"} for s in statuses],
        lambda statuses: [{"id": s["id"], "workload": "w"} for s in statuses],
    ],
)
def test_false_answers_are_nobodys_result(change: Change) -> None:
    """Too few, mixed up, of other tasks: the worker is wrong, and no output counts."""

    async def main(bench: Bench) -> None:
        bench.worker.change = change
        assert await bench.outcomes(1, 2) == [WrongAnswer, WrongAnswer]

    _virtually(main)


@pytest.mark.parametrize(
    ("problem", "seen"),
    [
        ({}, WrongAnswer),
        ({"type": 7, "detail": [], "status": "x"}, WrongAnswer),
        ({"type": "/problems/overloaded", "detail": "full"}, Overloaded),
        (
            {
                "type": "/problems/overloaded",
                "detail": "full",
                "errors": [{"pointer": "/a", "detail": "b"}],
            },
            Overloaded,
        ),
        ({"type": "/problems/task-failed", "detail": "1", "errors": 5}, WrongAnswer),
    ],
)
def test_any_problem_is_an_error_of_ours(
    problem: dict[str, Any], seen: type[CollegiumError]
) -> None:
    """Whatever a worker makes of a problem, the dispatcher knows what to do."""

    async def main(bench: Bench) -> None:
        bench.worker.change = lambda statuses: [
            {"id": s["id"], "workload": "w", "state": "failed", "problem": problem}
            for s in statuses
        ]
        assert await bench.outcomes(1, 2) == [seen, seen]

    _virtually(main)


def test_one_that_is_cancelled_leaves_the_others_their_answers() -> None:
    """The request goes on as long as somebody waits for it."""

    async def main(bench: Bench) -> None:
        calls = [asyncio.create_task(bench.run(n)) for n in range(3)]
        await asyncio.sleep(ROUND_TRIP_S / 2)
        calls[1].cancel()
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [getattr(one, "output", None) for one in found] == [b"0", None, b"2"]
        assert isinstance(found[1], asyncio.CancelledError)

    _virtually(main)
