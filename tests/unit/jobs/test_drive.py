from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from collegium.blobs.shelf import Shelf
from collegium.errors import (
    Malformed,
    StateForbids,
    TaskFailed,
    WorkerUnreachable,
)
from collegium.fleet.tasks import ProgressSink, Task, TaskAnswer
from collegium.jobs.drive import Drive, Means
from collegium.workloads.base import Claim, Piece, Settled, TaskContext, Workload


class _Guess(BaseModel):
    number: int


class _Guessed(BaseModel):
    value: int


class _GuessPlan(BaseModel):
    pieces: int
    handed_out: int = 0
    in_flight: set[int] = set()
    lost: int = 0
    best: int | None = None
    blob: str | None = None
    refused: int = 0


class _Check:
    """Confirms every value below 100."""

    name: ClassVar[str] = "check"
    is_light: ClassVar[bool] = False
    Input: ClassVar[type[BaseModel]] = _Guessed
    Output: ClassVar[type[BaseModel]] = _Guessed

    def blobs(self, task: _Guessed) -> Sequence[str]:
        return ()

    def run(self, task: _Guessed, context: TaskContext) -> _Guessed:
        return task


class _Guessing:
    """A job of so many pieces; the smallest confirmed value is the result."""

    name: ClassVar[str] = "guess"
    is_light: ClassVar[bool] = False
    Input: ClassVar[type[BaseModel]] = _Guess
    Output: ClassVar[type[BaseModel]] = _Guessed
    JobInput: ClassVar[type[BaseModel]] = _Guess
    Plan: ClassVar[type[BaseModel]] = _GuessPlan
    checker: ClassVar[Workload] = _Check()

    def blobs(self, task: _Guess) -> Sequence[str]:
        return ()

    def run(self, task: _Guess, context: TaskContext) -> _Guessed:
        raise NotImplementedError

    def needs(self, job: _Guess) -> Sequence[str]:
        return ()

    def begin(self, job: _Guess) -> _GuessPlan:
        return _GuessPlan(pieces=job.number)

    def resume(self, plan: _GuessPlan, blobs: frozenset[str]) -> None:
        plan.in_flight.clear()

    def split(
        self, plan: _GuessPlan, *, free_slots: int, elapsed_s: float
    ) -> list[Piece]:
        pieces = []
        while len(pieces) < free_slots and not self._all_out(plan):
            plan.in_flight.add(plan.handed_out)
            pieces.append(Piece(plan.handed_out, _Guess(number=plan.handed_out), 1.0))
            plan.handed_out += 1
        return pieces

    def _all_out(self, plan: _GuessPlan) -> bool:
        return plan.handed_out - plan.lost >= plan.pieces

    def is_over(self, plan: _GuessPlan, *, elapsed_s: float) -> bool:
        return self._all_out(plan)

    def merge(
        self,
        plan: _GuessPlan,
        number: int,
        output: _Guessed,
        put_blob: Callable[[bytes], str],
    ) -> Claim | None:
        if output.value < 0:
            raise Malformed("A value is not negative.")
        plan.in_flight.remove(number)
        plan.blob = put_blob(str(output.value).encode())
        return Claim(number, (output.value,), output)

    def settle(
        self, plan: _GuessPlan, claim: Claim, verdict: _Guessed | None
    ) -> Settled:
        if verdict is None:
            plan.refused += 1
            return "refused"
        if plan.best is not None and verdict.value >= plan.best:
            return "no better"
        plan.best = verdict.value
        return "better"

    def lost(self, plan: _GuessPlan, number: int, *, failed: bool) -> None:
        plan.in_flight.remove(number)
        plan.lost += 1

    def keeps(self, plan: _GuessPlan) -> Sequence[str]:
        return ()

    def uses(self, plan: _GuessPlan) -> Sequence[str]:
        return (plan.blob,) if plan.blob else ()

    def progress(self, plan: _GuessPlan) -> dict[str, Any]:
        return {"best": plan.best, "in_flight": len(plan.in_flight)}

    def conclude(self, plan: _GuessPlan) -> BaseModel | None:
        return None if plan.best is None else _Guessed(value=plan.best)

    def result(self, plan: _GuessPlan, verdict: Any) -> tuple[bytes, str] | None:
        return verdict and (str(verdict.value).encode(), "text/plain")


Behaviour = Callable[[int], Awaitable[int]]


class _FakeHands:
    """Slots whose answers a test decides."""

    def __init__(self, behaviour: Behaviour, slots: int = 1) -> None:
        self.behaviour = behaviour
        self.count = slots
        self.version = 0
        self.running = self.most = 0
        self.doubted: list[str] = []
        self.tasks: list[Task] = []
        self._changed = asyncio.Event()

    def slots(self) -> int:
        return self.count

    def join(self, slots: int) -> None:
        self.count += slots
        self.version += 1
        self._changed.set()

    async def wait_changed(self, version: int) -> int:
        while self.version == version:
            self._changed.clear()
            await self._changed.wait()
        return self.version

    def doubt(self, worker: str, reason: str) -> None:
        self.doubted.append(worker)

    async def run(
        self, task: Task, *, on_progress: ProgressSink | None = None
    ) -> TaskAnswer:
        self.tasks.append(task)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            number = json.loads(task.input)["number"]
            value = await self.behaviour(number)
            output = json.dumps({"value": value}).encode()
            return TaskAnswer(output, f"w{number}", 0.1)
        finally:
            self.running -= 1


class _FakeChecks:
    """Confirms values below 100 and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.errors: list[Exception] = []

    async def run(self, task: Task) -> TaskAnswer:
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop()
        value = json.loads(task.input)["value"]
        self.asked.append(value)
        if value >= 100:
            raise TaskFailed("not a value")
        return TaskAnswer(task.input, "local", 0.1)


class _MemoryJournal:
    """Remembers what was stored."""

    def __init__(self) -> None:
        self.plans: list[_GuessPlan] = []
        self.told: list[dict[str, Any]] = []
        self.is_fenced = False

    async def store(
        self,
        plan: str,
        progress: dict[str, Any],
        elapsed_s: float,
        keeps: Sequence[str],
    ) -> None:
        if self.is_fenced:
            raise StateForbids("Another coordinator owns the job.")
        self.plans.append(_GuessPlan.model_validate_json(plan))

    def tell(self, progress: dict[str, Any]) -> None:
        self.told.append(progress)


class _Setting:
    """A drive with all its doubles."""

    def __init__(self, behaviour: Behaviour, *, pieces: int, slots: int = 1) -> None:
        self.hands = _FakeHands(behaviour, slots)
        self.checks = _FakeChecks()
        self.journal = _MemoryJournal()
        self.shelf = Shelf()
        self.plan = _GuessPlan(pieces=pieces)
        means = Means(
            self.hands, self.checks, self.shelf, time.monotonic, late_grace_s=0.1
        )
        self.drive = Drive("j", _Guessing(), self.plan, means, self.journal)


async def test_every_piece_is_run_and_the_best_confirmed_value_is_the_result() -> None:
    """A job of ten pieces on three slots never runs more than three at once."""

    async def answer(number: int) -> int:
        await asyncio.sleep(0.001)
        return 50 - number

    setting = _Setting(answer, pieces=10, slots=3)
    outcome = await setting.drive.run()
    assert (outcome.state, outcome.result) == ("succeeded", b"41")
    assert len(setting.hands.tasks) == 10
    assert setting.hands.most == 3
    assert setting.plan.in_flight == set()
    assert setting.shelf.size_bytes == 0, "nothing stays in memory after the end"


async def test_every_improvement_is_stored_before_the_end() -> None:
    """What was counted is in the journal, so a crash loses no improvement."""

    async def answer(number: int) -> int:
        return 50 - number

    setting = _Setting(answer, pieces=5)
    await setting.drive.run()
    stored = [plan.best for plan in setting.journal.plans]
    assert stored[0] is None
    assert stored[-1] == 46
    assert stored[1:] == sorted(set(stored[1:]), reverse=True)


async def test_a_new_slot_is_used_while_the_others_still_run() -> None:
    """A worker that joins gets its first task at once, not at the next return."""
    both = asyncio.Event()

    async def answer(number: int) -> int:
        if number == 0:
            asyncio.get_running_loop().call_later(0.1, setting.hands.join, 1)
        else:
            both.set()
        await asyncio.wait_for(both.wait(), 5)
        return number

    setting = _Setting(answer, pieces=2)
    outcome = await setting.drive.run()
    assert outcome.state == "succeeded"
    assert setting.hands.most == 2


async def test_a_lost_task_is_given_out_again() -> None:
    """A worker that vanishes costs one attempt; the job still has all its pieces."""

    async def answer(number: int) -> int:
        if number == 1:
            raise WorkerUnreachable("gone")
        return number + 1

    setting = _Setting(answer, pieces=3)
    outcome = await setting.drive.run()
    assert outcome.state == "succeeded"
    assert setting.plan.lost == 1
    assert len(setting.hands.tasks) == 4


async def test_tasks_that_always_fail_end_the_job_with_their_reason() -> None:
    """Three failures in a row are the task's own fault, and the job says which."""

    async def answer(number: int) -> int:
        raise TaskFailed("The problem cannot be read: line 3")

    outcome = await _Setting(answer, pieces=9).drive.run()
    assert outcome.state == "failed"
    assert outcome.error == "The problem cannot be read: line 3"


async def test_single_failures_between_successes_do_not_end_the_job() -> None:
    """Only failures in a row count."""

    async def answer(number: int) -> int:
        if number in {1, 3, 5}:
            raise TaskFailed("unlucky")
        return number

    outcome = await _Setting(answer, pieces=4).drive.run()
    assert outcome.state == "succeeded"


async def test_a_false_claim_does_not_count_and_its_worker_is_doubted() -> None:
    """The checker decides; whoever claimed otherwise is reported to the fleet."""

    async def answer(number: int) -> int:
        return 500 if number == 0 else 7

    setting = _Setting(answer, pieces=2)
    outcome = await setting.drive.run()
    assert outcome.result == b"7"
    assert setting.hands.doubted == ["w0"]
    assert setting.plan.refused == 1


async def test_an_answer_that_makes_no_sense_is_lost_and_doubted() -> None:
    """Garbage from a worker costs its task and nothing else."""

    async def answer(number: int) -> int:
        return -1 if number == 0 else 7

    setting = _Setting(answer, pieces=1)
    outcome = await setting.drive.run()
    assert outcome.result == b"7"
    assert setting.hands.doubted == ["w0"]
    assert setting.plan.lost == 1


async def test_a_check_that_was_lost_is_made_again() -> None:
    """A dead check process is no verdict on the claim."""

    async def answer(number: int) -> int:
        return 7

    setting = _Setting(answer, pieces=1)
    setting.checks.errors.append(WorkerUnreachable("the process died"))
    outcome = await setting.drive.run()
    assert outcome.result == b"7"
    assert setting.hands.doubted == []


async def test_stop_ends_running_tasks_and_keeps_the_best() -> None:
    """Cancelling a job stops what runs; what was counted is its result."""
    reached = asyncio.Event()

    async def answer(number: int) -> int:
        if number < 2:
            return 9
        reached.set()
        await asyncio.Event().wait()
        return 0

    setting = _Setting(answer, pieces=9)
    running = asyncio.create_task(setting.drive.run())
    await reached.wait()
    setting.drive.stop()
    outcome = await asyncio.wait_for(running, 5)
    assert (outcome.state, outcome.result) == ("cancelled", b"9")
    assert setting.hands.running == 0


async def test_who_no_longer_owns_the_job_stops_at_once() -> None:
    """A fenced-off owner cancels its tasks and stores nothing more."""

    async def answer(number: int) -> int:
        if number == 0:
            setting.journal.is_fenced = True
            return 3
        await asyncio.Event().wait()
        return 0

    setting = _Setting(answer, pieces=9, slots=2)
    with pytest.raises(StateForbids):
        await asyncio.wait_for(setting.drive.run(), 5)
    assert setting.hands.running == 0
    assert all(plan.best is None for plan in setting.journal.plans)


async def test_a_hanging_task_does_not_hold_a_job_that_has_its_result() -> None:
    """After the budget the job waits a little, then ends without the straggler."""

    async def answer(number: int) -> int:
        if number == 1:
            await asyncio.Event().wait()
        return 5

    setting = _Setting(answer, pieces=2, slots=2)
    running = asyncio.create_task(setting.drive.run())
    outcome = await asyncio.wait_for(running, 30)
    assert outcome.result == b"5"
