from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from collegium.errors import NotFound, TaskFailed
from collegium.fleet.tasks import Task
from collegium.jobs.local import LocalHands
from collegium.workloads.simple import Sleep


async def _fetch(sha256: str) -> bytes:
    raise NotFound(f"There is no blob {sha256}.")


def _task(seconds: float) -> Task:
    body = json.dumps({"seconds": seconds}).encode()
    return Task(workload="sleep", input=body, deadline_s=60)


async def test_tasks_that_wait_for_the_children_to_start_hold_their_slots(
    tmp_path: Path,
) -> None:
    """A slot that is promised is not free, although nothing runs in it yet."""
    async with LocalHands(2, {"sleep": Sleep()}, tmp_path, _fetch) as hands:
        assert hands.free_slots() == 2
        running = [asyncio.create_task(hands.run(_task(0.05))) for _ in range(2)]
        await asyncio.sleep(0)
        assert hands.free_slots() == 0
        answers = await asyncio.gather(*running)
        assert hands.free_slots() == 2
    assert {answer.executed_by for answer in answers} == {"local"}


async def test_changes_are_told(tmp_path: Path) -> None:
    """Whoever waits learns that a slot has become busy or free."""
    async with LocalHands(1, {"sleep": Sleep()}, tmp_path, _fetch) as hands:
        waiting = asyncio.create_task(hands.wait_changed(hands.version))
        await hands.run(_task(0.01))
        assert await asyncio.wait_for(waiting, 5) > 0


async def test_a_failed_task_frees_its_slot(tmp_path: Path) -> None:
    """Errors leave no slot behind that is counted as busy for ever."""
    async with LocalHands(1, {"sleep": Sleep()}, tmp_path, _fetch) as hands:
        with pytest.raises(TaskFailed):
            await hands.run(_task(-1))
        assert hands.free_slots() == 1
