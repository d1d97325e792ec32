from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from collegium.errors import (
    Cancelled,
    Conflict,
    DeadlineExceeded,
    NotFound,
    Overloaded,
    TaskFailed,
    Unreadable,
)
from collegium.membership.place import Envelope
from collegium.membership.slots import OwnSlots
from collegium.membership.tasks import TaskTable
from collegium.workloads.blobs import BlobCache
from collegium.workloads.executor import Executor
from collegium.workloads.registry import import_paths
from collegium.workloads.simple import Echo, Noop, Sleep
from collegium.workloads.slots import Finished, Slots
from fixtures.cluster import TESTS
from fixtures.trial_workloads import Gather
from fixtures.virtual import run_virtually
from fixtures.waiting import until

CATALOGUE = {w.name: w for w in (Noop(), Echo(), Sleep(), Gather())}
ENVELOPE = Envelope(attempt=1, deadline_s=30.0, dispatcher="me")


async def _no_blob(sha256: str) -> bytes:
    raise NotFound(sha256)


@pytest.fixture
async def table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TaskTable]:
    """Give the tasks of a worker with one slot that remembers three answers."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    slots = Slots(1, import_paths(CATALOGUE))
    executor = Executor(CATALOGUE, slots, BlobCache(tmp_path, 1000, _no_blob))
    await executor.start()
    yield TaskTable("w", OwnSlots(executor), waiting_limit=1, answers_kept=3)
    await executor.stop()


def _order(workload: str, task: Any) -> bytes:
    return json.dumps({"workload": workload, "input": task}).encode()


async def test_same_id_is_computed_once(table: TaskTable) -> None:
    """However often a task is put, also while it runs, it runs once."""
    order = _order("sleep", {"seconds": 0.2})
    answers = await asyncio.gather(*(table.put("a", order, ENVELOPE) for _ in range(5)))
    answers.append(await table.put("a", order, ENVELOPE))
    assert len(set(answers)) == 1
    assert table._place._executor.counters.started == 1
    assert table.repeated == 5


async def test_light_task_is_computed_once(table: TaskTable) -> None:
    """A repeated light task gives the stored answer, not a new one."""
    first = await table.put("a", _order("echo", [1]), ENVELOPE)
    again = await table.put("a", _order("echo", [1]), Envelope(2, 30.0))
    assert first == again
    assert json.loads(first)["attempts"] == 1


async def test_same_id_for_another_task_is_refused(table: TaskTable) -> None:
    """An id stands for one task only, running or done."""
    await table.put("a", _order("echo", 1), ENVELOPE)
    with pytest.raises(Conflict):
        await table.put("a", _order("echo", 2), ENVELOPE)
    running = asyncio.create_task(
        table.put("b", _order("sleep", {"seconds": 0.2}), ENVELOPE)
    )
    await asyncio.sleep(0.05)
    with pytest.raises(Conflict):
        await table.put("b", _order("sleep", {"seconds": 0.3}), ENVELOPE)
    await running


async def test_answers_are_forgotten_in_order(table: TaskTable) -> None:
    """No more answers are kept than allowed; the oldest go first."""
    for number in range(5):
        await table.put(str(number), _order("echo", number), ENVELOPE)
    for number in (0, 1):
        with pytest.raises(NotFound):
            table.status(str(number))
    assert json.loads(table.status("2"))["output"] == 2


async def test_full_worker_starts_nothing(table: TaskTable) -> None:
    """Beyond slot and waiting place a task is turned away and may come again."""
    order = _order("sleep", {"seconds": 0.3})
    running = [asyncio.create_task(table.put(i, order, ENVELOPE)) for i in "ab"]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await table.put("c", order, ENVELOPE)
    assert table.refused == 1
    assert {task.id for task in table.running()} == {"a", "b"}
    await asyncio.gather(*running)
    assert json.loads(await table.put("c", order, ENVELOPE))["state"] == "succeeded"


async def test_failure_is_an_answer_too(table: TaskTable) -> None:
    """A task that fails has failed for good, and says the same each time."""
    for _ in range(2):
        with pytest.raises(TaskFailed, match="seconds"):
            await table.put("a", _order("sleep", {"seconds": -1}), ENVELOPE)
    assert json.loads(table.status("a"))["state"] == "failed"
    assert table._place._executor.counters.started == 1


async def test_draining_finishes_and_takes_nothing_in(table: TaskTable) -> None:
    """While leaving, what runs ends with its result and nothing new begins."""
    order = _order("sleep", {"seconds": 0.3})
    running = asyncio.create_task(table.put("a", order, ENVELOPE))
    await asyncio.sleep(0.05)
    draining = asyncio.create_task(table.drain(10.0))
    await asyncio.sleep(0.0)
    for workload, task in (("sleep", {"seconds": 0}), ("noop", {})):
        with pytest.raises(Overloaded):
            await table.put("b", _order(workload, task), ENVELOPE)
    await draining
    assert json.loads(await running)["state"] == "succeeded"


async def test_what_does_not_end_in_time_is_handed_back(table: TaskTable) -> None:
    """After the grace time senders hear that another worker should do it."""
    order = _order("sleep", {"seconds": 30})
    running = asyncio.create_task(table.put("a", order, ENVELOPE))
    await asyncio.sleep(0.05)
    await table.drain(0.1)
    with pytest.raises(Overloaded):
        await running
    with pytest.raises(NotFound):
        table.status("a")


async def test_cancelled_task(table: TaskTable) -> None:
    """A cancelled task says so to its sender and to who asks later."""
    order = _order("sleep", {"seconds": 30})
    running = asyncio.create_task(table.put("a", order, ENVELOPE))
    await asyncio.sleep(0.05)
    await table.cancel("a")
    with pytest.raises(Cancelled):
        await running
    assert json.loads(table.status("a"))["state"] == "cancelled"
    await table.cancel("a")
    with pytest.raises(NotFound):
        await table.cancel("never")


async def test_a_cancelled_task_hands_in_what_it_has(
    table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who still waits for it gets that, and so does who asks later."""
    monkeypatch.setattr("collegium.workloads.slots.STOP_GRACE_S", 60.0)
    monkeypatch.setattr("collegium.membership.tasks.HAND_IN_S", 60.0)
    order = _order("gather", {"seconds": 30})
    running = asyncio.create_task(table.put("a", order, ENVELOPE))
    await until(lambda: _has_begun(table, "a"))
    await table.cancel("a")
    answer = json.loads(await running)
    assert answer["state"] == "succeeded"
    assert answer["output"]["seconds"] < 30
    assert json.loads(table.status("a")) == answer


async def _has_begun(table: TaskTable, task_id: str) -> bool:
    return task_id in table and "progress" in json.loads(table.status(task_id))


def test_a_place_that_does_not_end_a_task_is_not_waited_for() -> None:
    """A worker below that hangs holds up nobody who cancels."""

    async def main() -> None:
        table = TaskTable("w", _Deaf(), waiting_limit=0)
        order = _order("noop", {})
        running = asyncio.create_task(table.put("a", order, ENVELOPE))
        await asyncio.sleep(0.1)
        await table.cancel("a")
        with pytest.raises(Cancelled):
            await running
        assert asyncio.get_running_loop().time() < 2.0

    run_virtually(main())


class _Deaf:
    """A place whose tasks neither end nor listen."""

    slot_count = 1
    run_light = None

    def is_light(self, name: str, size: int, blobs: Sequence[str]) -> bool:
        return False

    async def run_order(self, *_: object) -> Finished:
        await asyncio.sleep(3600.0)
        raise AssertionError("it was to be stopped")

    def ask_to_end(self, task_id: str) -> bool:
        return True


@pytest.mark.parametrize("is_handed_back", [False, True])
async def test_a_task_can_be_stopped_before_its_first_step(
    table: TaskTable, is_handed_back: bool
) -> None:
    """Stopped in the moment in which it begins, it says so and holds no slot."""
    order = _order("sleep", {"seconds": 30})
    running = asyncio.create_task(table.put("a", order, ENVELOPE))
    await asyncio.sleep(0)
    if is_handed_back:
        await table.hand_back()
    else:
        await table.cancel("a")
    with pytest.raises(Overloaded if is_handed_back else Cancelled):
        await running
    assert table.running() == []
    for name in ("b", "c"):  # slot and waiting place are free
        done = await table.put(name, _order("sleep", {"seconds": 0}), ENVELOPE)
        assert b"succeeded" in done


async def test_no_time_left(table: TaskTable) -> None:
    """A task whose deadline has passed on the way is not begun."""
    for workload, task in (("sleep", {"seconds": 0}), ("noop", {})):
        with pytest.raises(DeadlineExceeded):
            await table.put("a", _order(workload, task), Envelope(1, 0.0))
    assert table._place._executor.counters.started == 0


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"input":1}', b'{"workload":7,"input":1}']
)
async def test_unreadable_order(table: TaskTable, raw: bytes) -> None:
    """What is not a task is refused as such."""
    with pytest.raises(Unreadable):
        await table.put("a", raw, ENVELOPE)


async def test_unknown_workload_and_blob(table: TaskTable) -> None:
    """What this worker does not have is not found, and elsewhere may be."""
    with pytest.raises(NotFound, match="workload"):
        await table.put("a", _order("unheard-of", {}), ENVELOPE)
    order = json.dumps(
        {"workload": "sleep", "input": {"seconds": 0}, "blobs": ["0" * 64]}
    ).encode()
    with pytest.raises(NotFound):
        await table.put("b", order, ENVELOPE)


async def test_leaving_client_does_not_stop_a_task(table: TaskTable) -> None:
    """A sender that hangs up and asks again gets the first run's result."""
    order = _order("sleep", {"seconds": 0.2})
    gone = asyncio.create_task(table.put("a", order, ENVELOPE))
    await asyncio.sleep(0.05)
    gone.cancel()
    assert json.loads(await table.put("a", order, ENVELOPE))["state"] == "succeeded"
    assert table._place._executor.counters.started == 1
