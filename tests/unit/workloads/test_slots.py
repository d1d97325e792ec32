from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

from collegium.errors import Cancelled, DeadlineExceeded, TaskFailed, TaskLost
from collegium.workloads.frames import Run
from collegium.workloads.registry import import_paths
from collegium.workloads.simple import Echo, Noop, Sleep
from collegium.workloads.slots import Slots
from fixtures.cluster import TESTS
from fixtures.trial_workloads import Die, Gather, Hold
from fixtures.waiting import until

CATALOGUE = (Noop(), Echo(), Sleep(), Hold(), Die(), Gather())
PATHS = import_paths({w.name: w for w in CATALOGUE})


@pytest.fixture
async def slots(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Slots]:
    """Give two slots."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    slots = Slots(2, PATHS, tasks_per_child=50)
    await slots.start()
    yield slots
    await slots.stop()


def _order(
    name: str, workload: str, task: bytes = b"{}", deadline_s: float = 30.0
) -> Run:
    return Run(name, workload, task, {}, deadline_s)


async def _hold_pid(slots: Slots, order: Run) -> tuple[int, asyncio.Task[Any]]:
    """Begin a task that holds its process; return the process and the call."""
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        slots.run(order, lambda progress: told.set_result(progress["pid"]))
    )
    return await asyncio.wait_for(told, 10.0), running


async def test_same_output_as_in_place(slots: Slots) -> None:
    """A slot gives back what the workload gives, byte for byte."""
    task = '{"b":[1,2.5,"ä",null],"a":{"c":true}}'.encode()
    assert (await slots.run(_order("t", "echo", task))).output == task


async def test_more_tasks_than_slots(slots: Slots) -> None:
    """Tasks beyond the slots wait for one; children are replaced on the way."""
    pids = {pid for pid, _ in [await _hold_pid(slots, _order("h", "hold"))]}
    outcomes = await asyncio.gather(
        *(slots.run(_order(f"t{i}", "noop")) for i in range(300))
    )
    assert [outcome.output for outcome in outcomes] == [b"{}"] * 300
    pid, running = await _hold_pid(slots, _order("h2", "hold"))
    await running
    assert pid not in pids  # fifty tasks a child
    assert (slots.free, slots.busy, slots.waiting) == (2, 0, 0)


async def test_dead_child_fails_only_its_task(slots: Slots) -> None:
    """A child that dies takes its own task along and nothing else."""
    other = asyncio.create_task(slots.run(_order("o", "sleep", b'{"seconds":0.5}')))
    with pytest.raises(TaskLost):
        await slots.run(_order("d", "die"))
    pid, running = await _hold_pid(slots, _order("h", "hold", b'{"seconds":20}'))
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(TaskLost):
        await running
    assert (await other).output == b'{"seconds":0.5}'
    done = await asyncio.gather(
        *(slots.run(_order(f"t{i}", "sleep", b'{"seconds":0.01}')) for i in range(4))
    )
    assert len(done) == 4


async def test_cancelling_a_task_that_looks(slots: Slots) -> None:
    """A task that asks whether to stop ends at once, and its process lives on."""
    running = asyncio.create_task(slots.run(_order("s", "sleep", b'{"seconds":30}')))
    await asyncio.sleep(0.1)
    assert slots.cancel("s")
    with pytest.raises(Cancelled):
        await asyncio.wait_for(running, 5.0)
    assert not slots.cancel("s")


async def test_a_task_asked_to_end_hands_in_what_it_has(
    slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it returns on being asked is its result, and its process lives on."""
    monkeypatch.setattr("collegium.workloads.slots.STOP_GRACE_S", 60.0)
    begun = asyncio.Event()
    order = _order("g", "gather", b'{"seconds":60}')
    running = asyncio.create_task(slots.run(order, lambda _: begun.set()))
    await begun.wait()
    assert slots.cancel("g")
    finished = await running
    assert 0 <= json.loads(finished.output)["seconds"] < 60
    assert slots.free == 2


@pytest.mark.parametrize("by_deadline", [True, False])
async def test_deaf_task_is_killed(slots: Slots, by_deadline: bool) -> None:
    """A task that never looks is killed; only then its slot is free again."""
    order = _order("h", "hold", b'{"seconds":60}', 3.0 if by_deadline else 60.0)
    pid, running = await _hold_pid(slots, order)
    if not by_deadline:
        slots.cancel("h")
    with pytest.raises(DeadlineExceeded if by_deadline else Cancelled):
        await asyncio.wait_for(running, 30.0)
    await until(_is_gone(pid))
    assert slots.free == 2
    assert (await slots.run(_order("n", "noop"))).output == b"{}"


async def test_abandoned_call_stops_its_task(slots: Slots) -> None:
    """Cancelling the coroutine that waits stops the task as well."""
    pid, running = await _hold_pid(slots, _order("h", "hold", b'{"seconds":60}'))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(_is_gone(pid))


async def test_waiting_task_can_be_cancelled(slots: Slots) -> None:
    """A task that has no slot yet is cancelled without ever starting."""
    busy = [
        asyncio.create_task(slots.run(_order(name, "sleep", b'{"seconds":60}')))
        for name in "ab"
    ]
    waiting = asyncio.create_task(slots.run(_order("w", "noop")))
    await asyncio.sleep(0)
    assert slots.waiting == 1
    slots.cancel("w")
    with pytest.raises(Cancelled):
        await waiting
    assert slots.waiting == 0
    for name in "ab":
        slots.cancel(name)
    await asyncio.gather(*busy, return_exceptions=True)


async def test_bad_input_fails_for_good(slots: Slots) -> None:
    """Input that its model refuses is a failure of the task, named in one line."""
    with pytest.raises(TaskFailed, match="seconds"):
        await slots.run(_order("b", "sleep", b'{"seconds":"long"}'))
    with pytest.raises(TaskFailed):
        await slots.run(_order("c", "sleep", b"{"))


async def test_children_are_replaced_when_their_server_dies(slots: Slots) -> None:
    """When the process that makes children is killed, another one takes its place."""
    server = slots._nursery._process
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)

    async def works_again() -> bool:
        try:
            return (await slots.run(_order("n", "noop"))).output == b"{}"
        except TaskLost:
            return False

    assert await until(works_again, 60.0)


async def test_a_server_that_dies_while_it_starts_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever kills it in its first seconds does not keep the slots from coming up."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    slots = Slots(1, PATHS, is_warm=False)
    starting = asyncio.create_task(slots.start())
    try:
        await until(_has_a_server)
        server = await _has_a_server()
        assert server is not None
        server.kill()
        await starting
        assert (await slots.run(_order("n", "noop"))).output == b"{}"
    finally:
        await slots.stop()


async def _has_a_server() -> psutil.Process | None:
    for child in psutil.Process().children():
        # A child that has just ended may still be listed.
        with suppress(psutil.NoSuchProcess):
            if "forkserver" in " ".join(child.cmdline()):
                return child
    return None


async def test_memory_limit_ends_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task above the memory limit is ended, and the slot goes on."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    interval = "collegium.workloads.slots.MEMORY_LOOK_INTERVAL_S"
    monkeypatch.setattr(interval, 0.01)
    slots = Slots(1, PATHS, memory_limit_bytes=1)
    await slots.start()
    try:
        with pytest.raises(TaskFailed, match="more than 1 bytes"):
            await slots.run(_order("h", "hold", b'{"seconds":30}'))
        # Nobody looks at the next tasks, however long they take on a busy machine.
        monkeypatch.setattr(interval, 3600.0)
        await asyncio.sleep(0.05)
        # Every child is above one byte, so each task gets a new one.
        for number in range(3):
            assert (await slots.run(_order(f"n{number}", "noop"))).output == b"{}"
    finally:
        await slots.stop()


def _is_gone(pid: int) -> Any:
    async def look() -> bool:
        return not psutil.pid_exists(pid)

    return look
