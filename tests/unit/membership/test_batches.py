"""Several short tasks in one request to a worker: each as if it had come by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette

from collegium.errors import (
    CollegiumError,
    Conflict,
    DeadlineExceeded,
    NotFound,
    Overloaded,
    TaskFailed,
)
from collegium.membership.place import Envelope
from collegium.membership.routes import tasks_router
from collegium.membership.slots import OwnSlots
from collegium.membership.tasks import LONGEST_TURN_S, TaskTable
from collegium.protocol import MOST_IN_BATCH, BatchedTask, TaskOrder
from collegium.rest.application import Application
from collegium.rest.bodies import BodyLimits
from collegium.worker.stats import MOST_AT_ONCE, batch_limit
from collegium.workloads.blobs import BlobCache
from collegium.workloads.executor import Executor
from collegium.workloads.simple import Echo, Noop
from collegium.workloads.slots import Finished, Slots
from fixtures.asgi import AsgiClient, serving
from fixtures.waiting import until

CATALOGUE = {w.name: w for w in (Noop(), Echo())}


async def _no_blob(sha256: str) -> bytes:
    raise NotFound(sha256)


def _executor(folder: Path) -> Executor:
    return Executor(CATALOGUE, Slots(1, {}), BlobCache(folder, 1000, _no_blob))


@pytest.fixture
def table(tmp_path: Path) -> TaskTable:
    """Give the tasks of a worker that offers what is short."""
    return TaskTable("w", OwnSlots(_executor(tmp_path)), waiting_limit=0)


def _task(id_: str, task: Any, workload: str = "echo", **more: Any) -> BatchedTask:
    raw = msgspec.Raw(json.dumps(task).encode())
    return BatchedTask(id_, workload, raw, **{"deadline_ms": 30_000} | more)


def _outputs(found: Sequence[bytes | CollegiumError]) -> list[Any]:
    return [
        type(one) if isinstance(one, CollegiumError) else json.loads(one)["output"]
        for one in found
    ]


async def test_each_has_its_own_outcome(table: TaskTable) -> None:
    """One that fails, is unknown or late takes nobody along; the order is kept."""
    found = await table.put_batch(
        [
            _task("a", 1),
            _task("b", {"x": 1}, "noop"),
            _task("c", 1, "nothing"),
            _task("d", 1, deadline_ms=0),
            _task("e", "end", attempt=2),
        ],
        "me",
    )
    assert _outputs(found) == [1, TaskFailed, NotFound, DeadlineExceeded, "end"]
    last = json.loads(found[-1])  # type: ignore[arg-type]
    assert (last["id"], last["attempts"], last["executed_by"]) == ("e", 2, "w")


async def test_an_id_is_computed_once_however_it_comes(table: TaskTable) -> None:
    """By itself, in a batch, twice in one: all have the answer of the first."""
    alone = await table.put(
        "a", b'{"workload":"echo","input":[1]}', Envelope(1, 30.0, "me")
    )
    found = await table.put_batch(
        [_task("a", [1]), _task("b", 2), _task("b", 2), _task("b", 3)], "me"
    )
    assert found[0] == alone
    assert _outputs(found[1:]) == [2, 2, Conflict]
    again = await table.put(
        "b", b'{"input": 2, "workload": "echo"}', Envelope(2, 30.0, "you")
    )
    assert again == found[1]
    assert table.repeated == 3


async def test_an_id_stands_for_one_task_of_one_job(table: TaskTable) -> None:
    """The same work for another job is another task."""
    body = b'{"workload":"echo","input":1,"job":"%b"}'
    first = await table.put("a", body % b"j1", Envelope(1, 30.0, "me"))
    assert await table.put("a", body % b"j1", Envelope(2, 30.0, "me")) == first
    with pytest.raises(Conflict):
        await table.put("a", body % b"j2", Envelope(1, 30.0, "me"))


async def test_a_worker_that_leaves_hands_all_back(table: TaskTable) -> None:
    """Nothing is begun when it drains: others may take them."""
    await table.drain(0.0)
    found = await table.put_batch([_task("a", 1), _task("b", 2)], "me")
    assert _outputs(found) == [Overloaded, Overloaded]
    assert table.refused == 2


class _Slow:
    """A place whose short tasks take longer than a turn, and whose others wait."""

    slot_count = 1

    def __init__(self) -> None:
        self.go = asyncio.Event()

    def is_light(self, name: str, size: int, blobs: Sequence[str]) -> bool:
        return name == "echo"

    def run_light(self, name: str, raw: bytes) -> Finished:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + 1.1 * LONGEST_TURN_S
        while loop.time() < end_s:
            pass
        return Finished(raw, 0.0)

    async def run_order(
        self, task_id: str, order: TaskOrder, envelope: Envelope, note: Any
    ) -> Finished:
        await self.go.wait()
        return Finished(b"7", 0.0)

    def ask_to_end(self, task_id: str) -> bool:
        return False


async def test_others_have_a_turn_between_short_tasks() -> None:
    """A batch does not hold the worker's loop longer than a turn and a task."""
    table = TaskTable("w", _Slow(), waiting_limit=0)
    batch = asyncio.create_task(
        table.put_batch([_task(str(n), n) for n in range(10)], "me")
    )
    turns = 0
    while not batch.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 9
    assert _outputs(await batch) == list(range(10))


async def test_a_task_that_is_not_short_here_runs_all_the_same() -> None:
    """What takes a slot at this worker takes one, and what is full says so."""
    place = _Slow()
    table = TaskTable("w", place, waiting_limit=0)
    tasks = [_task("a", 1, "long"), _task("b", 2), _task("c", 3, "long")]
    batch = asyncio.create_task(table.put_batch(tasks, "me"))
    await until(lambda: asyncio.sleep(0, table.refused == 1))
    place.go.set()
    assert _outputs(await batch) == [7, 2, Overloaded]


@pytest.fixture
async def client(table: TaskTable) -> AsyncIterator[AsgiClient]:
    """Give a client of a worker's routes."""
    app = Application(title="worker")
    app.include_router(tasks_router(BodyLimits(200_000)), prefix="/v1")
    app.state.table = table
    assert isinstance(app, Starlette)
    async with serving(app) as client:
        yield client


async def test_the_route_answers_with_statuses_in_order(client: AsgiClient) -> None:
    """What has no result has a problem, with a type and a status of its own."""
    batch = [
        {"id": "a", "workload": "echo", "input": {"n": 1}, "deadline_ms": 1000},
        {"id": "b", "workload": "absent", "input": 1, "deadline_ms": 1000},
    ]
    reply = await client.post("/v1/task-batches", batch)
    assert reply.status == 200
    first, second = reply.json()
    assert (first["id"], first["state"], first["output"]) == (
        *("a", "succeeded"),
        {"n": 1},
    )
    assert (second["id"], second["state"]) == ("b", "failed")
    assert second["problem"]["type"] == "/problems/not-found"
    assert second["problem"]["status"] == 404
    assert (await client.post("/v1/task-batches", [])).json() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "a"}, 422),
        ([{"id": "../a", "workload": "echo", "input": 1, "deadline_ms": 1}], 422),
        ([{"id": "a", "workload": "echo", "input": 1, "deadline_ms": -1}], 422),
        ([{"id": "a", "workload": "echo", "input": 1}], 422),
        ([{"id": "a", "workload": "echo", "input": 1, "deadline_ms": 1}] * 1001, 413),
    ],
)
async def test_what_is_no_batch_is_refused_whole(
    client: AsgiClient, table: TaskTable, body: Any, status: int
) -> None:
    """One clear error, and nothing was begun."""
    assert MOST_IN_BATCH == 1000
    reply = await client.post("/v1/task-batches", body)
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert "a" not in table


def test_a_batch_fits_into_what_a_worker_reads() -> None:
    """A small limit of bodies makes small batches."""
    assert batch_limit(64 * 2**20) == MOST_AT_ONCE
    assert batch_limit(100 * 1024) == 50
    assert batch_limit(1000) == 0
