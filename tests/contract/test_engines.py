"""Every engine answers alike: own slots, workers, a tree of coordinators, Dask."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from collegium.bench.peers.drivers.harm import wait_until
from collegium.bench.peers.drivers.processes import descendants
from collegium.bench.site import Site
from fixtures.dask import DaskCluster, skip_without_dask
from fixtures.waiting import until
from fixtures.workloads import offer_all

pytestmark = [
    pytest.mark.processes,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
]

SILENT_S = 0.5


class Place:
    """A coordinator with one engine, as a client sees it."""

    def __init__(self, engine: str, site: Site) -> None:
        self.engine = engine
        self.site = site

    async def call(
        self, workload: str, task: Any, deadline_s: float = 60.0
    ) -> tuple[int, dict[str, Any]]:
        """Send a task; return status and body."""
        body = {"workload": workload, "input": task, "deadline_s": deadline_s}
        async with self.site.client.post("/v1/tasks", json=body) as answer:
            return answer.status, json.loads(await answer.read())


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["local", "http", "tree", "dask"]
)
async def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    """Return a coordinator with each engine in turn, all as real processes."""
    folder = tmp_path_factory.mktemp(request.param)
    path = offer_all(folder)
    async with AsyncExitStack() as stack:
        options = [f"--engine={request.param}", "--heartbeat=5", "--local-slots=1"]
        members = workers = 0
        if request.param == "dask":
            skip_without_dask()
            cluster = DaskCluster(folder, path)
            stack.callback(cluster.stop)
            cluster.start_worker()
            options.append(f"--dask-scheduler={cluster.address}")
            members = 1
        elif request.param == "http":
            members = workers = 1
        elif request.param == "tree":
            options[0] = "--engine=http"
        site = Site(
            folder, workers=workers, members=members, options=options, path=path
        )
        await stack.enter_async_context(site)
        if request.param == "tree":
            below = folder / "below"
            below.mkdir()
            options.append(f"--parent={site.url}")
            branch = Site(below, workers=1, options=options, path=path)
            await stack.enter_async_context(branch)
            await until(lambda: _is_up(site), 60.0)
        yield Place(request.param, site)


@pytest.mark.parametrize(
    "value", [None, 0, -1.5, "", "ä\U0001f600", [[], {}], {"a": {"b": [1, "2"]}}]
)
async def test_echo_is_exact(place: Place, value: Any) -> None:
    """Any JSON value comes back as it was sent, and the answer says from where."""
    status, answer = await place.call("echo", value)
    assert (status, answer["output"]) == (200, value)
    assert (answer["executed_by"] == "local") == (place.engine == "local")


async def test_many_tasks_at_once_are_each_their_own(place: Place) -> None:
    """Outputs come in the order of sending, and one that fails has its own problem."""
    tasks: list[dict[str, Any]] = [
        {"workload": "echo", "input": number} for number in range(200)
    ]
    tasks.insert(100, {"workload": "careless", "input": {}})
    async with place.site.client.post("/v1/task-batches", json=tasks) as answer:
        assert answer.status == 200
        found = await answer.json()
    failed = found.pop(100)
    assert failed["problem"]["type"] == "/problems/task-failed"
    assert [one["output"] for one in found] == list(range(200))
    places = {one["executed_by"] for one in found}
    assert ("local" in places) == (place.engine == "local")
    assert {one["attempts"] for one in found} == {1}


async def test_a_heavy_task_runs_in_a_child_process(place: Place) -> None:
    """What holds a slot is never run by a process that serves HTTP or Dask."""
    status, answer = await place.call("reader", {})
    assert status == 200
    assert answer["output"]["digests"] == []
    pid = answer["output"]["pid"]
    assert pid in descendants(os.getpid())
    assert "collegium.workloads.forkserver" in _command(pid)


async def test_payloads_arrive_whole(place: Place) -> None:
    """A task reads the bytes that were stored under a hash, also a second time."""
    data = [os.urandom(200_000), b"x"]
    hashes = [hashlib.sha256(each).hexdigest() for each in data]
    for sha256, each in zip(hashes, data, strict=True):
        async with place.site.client.put(f"/v1/blobs/{sha256}", data=each) as answer:
            assert answer.status == 201
    for _ in range(2):
        status, answer_ = await place.call("reader", {"hashes": hashes})
        assert (status, answer_["output"]["digests"]) == (200, hashes)


async def test_a_missing_payload_is_one_clear_error(place: Place) -> None:
    """A hash that nobody has ends the task, with a problem that names it."""
    status, problem = await place.call("reader", {"hashes": ["0" * 64]}, 20.0)
    assert status >= 400
    assert problem["status"] == status
    assert "0" * 64 in problem["detail"]


async def test_a_failing_task_says_why(place: Place) -> None:
    """What the workload raises reaches the client unchanged, and only once."""
    status, problem = await place.call("careless", {})
    assert (status, problem["type"]) == (422, "/problems/task-failed")
    assert problem["detail"] == "There is no end to 1/0."


async def test_a_deadly_task_is_given_up_and_harms_nobody(place: Place) -> None:
    """A task whose processes all die fails; the next task finds slots again."""
    status, problem = await place.call("deadly", {})
    assert (status, problem["type"]) == (422, "/problems/task-failed")
    assert "3 attempts" in problem["detail"]
    status, _ = await place.call("reader", {})
    assert status == 200


async def test_the_deadline_ends_a_task_that_never_looks(place: Place) -> None:
    """The caller is told in time, and nothing of the task runs on."""
    sign = place.site.folder / "deadline"
    began_s = time.monotonic()
    status, problem = await place.call(
        "bench-beat", {"seconds": 60.0, "file": str(sign)}, deadline_s=8.0
    )
    assert (status, problem["type"]) == (504, "/problems/deadline-exceeded")
    assert time.monotonic() - began_s < 12.0
    await _until_silent(sign)


async def test_cancelling_ends_a_task_that_never_looks(place: Place) -> None:
    """After a DELETE the process of the task is gone and its state says so."""
    sign = place.site.folder / "cancelled"
    location = await place.site.submit(
        "bench-beat", {"seconds": 60.0, "file": str(sign)}
    )
    assert await asyncio.to_thread(wait_until, sign.exists, 20.0)
    asked_s = time.time()
    await place.site.cancel(location)
    await _until_silent(sign)
    assert sign.stat().st_mtime - asked_s < 2.0
    assert await _state(place, location) == "cancelled"


async def _is_up(site: Site) -> bool:
    return await site.members_up() == 1


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


async def _state(place: Place, location: str) -> str:
    async with place.site.client.get(location) as answer:
        return str((await answer.json())["state"])


async def _until_silent(sign: Path) -> None:
    """Wait until a task has left no sign of life for a while."""

    def is_silent() -> bool:
        return time.time() - sign.stat().st_mtime > SILENT_S

    assert await asyncio.to_thread(wait_until, is_silent, 30.0)
