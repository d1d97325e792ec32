from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from collegium.blobs.shelf import Shelf
from collegium.errors import StateForbids, TaskFailed, WorkerUnreachable
from collegium.jobs.drive import Drive
from collegium.jobs.means import Means
from fixtures.guessing import (
    Behaviour,
    FakeChecks,
    FakeHands,
    Guessing,
    GuessPlan,
    MemoryJournal,
)
from fixtures.virtual import run_virtually


class _Setting:
    """A drive with all its doubles."""

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        pieces: int,
        slots: int = 1,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hands = FakeHands(behaviour, slots)
        self.checks = FakeChecks()
        self.journal = MemoryJournal()
        self.shelf = Shelf()
        self.plan = GuessPlan(pieces=pieces)
        means = Means(self.hands, self.checks, self.shelf, now_s, late_grace_s=0.1)
        self.drive = Drive("j", Guessing(), self.plan, means, self.journal)


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


async def test_an_idle_slot_is_used_while_a_task_runs_at_a_place_not_counted() -> None:
    """A worker joins: its slot replaces the local one, where a task still runs."""
    both = asyncio.Event()

    async def answer(number: int) -> int:
        if number == 1:
            both.set()
        await asyncio.wait_for(both.wait(), 5)
        return number

    setting = _Setting(answer, pieces=2)
    setting.hands.elsewhere = 1
    outcome = await setting.drive.run()
    assert outcome.state == "succeeded"
    assert setting.hands.most == 2


async def test_slots_are_not_overfilled_while_results_are_on_their_way() -> None:
    """A slot that is free for a moment belongs to the task that has just ended."""

    async def answer(number: int) -> int:
        setting.hands.version += 1
        await asyncio.sleep(0.03)
        return 99

    setting = _Setting(answer, pieces=60, slots=3)
    await setting.drive.run()
    assert setting.hands.most == 3


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


async def test_a_stopped_job_counts_what_its_tasks_hand_in() -> None:
    """Asked to end, tasks give what they have; the best of it is the result."""
    reached = asyncio.Event()

    async def answer(number: int) -> int:
        if number < 2:
            return 9
        if number == 4:
            reached.set()
        await setting.hands.asked_to_end.wait()
        await asyncio.sleep(0.2)
        return 10 - number

    setting = _Setting(answer, pieces=9, slots=3)
    running = asyncio.create_task(setting.drive.run())
    await reached.wait()
    setting.drive.stop()
    outcome = await running
    assert (outcome.state, outcome.result) == ("cancelled", b"6")
    assert setting.hands.asked == [task.id for task in setting.hands.tasks[2:]]
    assert setting.plan.lost == 0
    assert setting.journal.plans[-1].best == 6


async def test_what_is_handed_in_is_judged_as_well() -> None:
    """A stopped job does not believe what it would not have believed before."""
    reached = asyncio.Event()

    async def answer(number: int) -> int:
        if number == 0:
            return 9
        reached.set()
        await setting.hands.asked_to_end.wait()
        return 500

    setting = _Setting(answer, pieces=9)
    running = asyncio.create_task(setting.drive.run())
    await reached.wait()
    setting.drive.stop()
    outcome = await running
    assert (outcome.state, outcome.result) == ("cancelled", b"9")
    assert setting.hands.doubted == ["w1"]


def test_a_task_that_hangs_does_not_hold_a_stopped_job() -> None:
    """After a second it is done without; what the others have handed in counts."""

    async def main() -> None:
        reached = asyncio.Event()

        async def answer(number: int) -> int:
            if number == 0:
                return 9
            if number == 2:
                reached.set()
                await asyncio.Event().wait()
            await setting.hands.asked_to_end.wait()
            return 5

        loop = asyncio.get_running_loop()
        setting = _Setting(answer, pieces=9, slots=2, now_s=loop.time)
        running = asyncio.create_task(setting.drive.run())
        await reached.wait()
        stopped_s = loop.time()
        setting.drive.stop()
        outcome = await running
        assert (outcome.state, outcome.result) == ("cancelled", b"5")
        assert loop.time() - stopped_s < 1.1
        assert setting.hands.running == 0
        assert setting.plan.lost == 1

    run_virtually(main())


async def test_stop_waits_a_moment_for_the_first_result() -> None:
    """Somebody who stops a young job still gets what its tasks are about to say."""
    reached = asyncio.Event()

    async def answer(number: int) -> int:
        reached.set()
        await asyncio.sleep(0.1)
        return 8

    setting = _Setting(answer, pieces=9)
    running = asyncio.create_task(setting.drive.run())
    await reached.wait()
    setting.drive.stop()
    outcome = await asyncio.wait_for(running, 5)
    assert (outcome.state, outcome.result) == ("cancelled", b"8")
    assert len(setting.hands.tasks) == 1, "nothing more is handed out"


def test_stop_does_not_wait_for_ever() -> None:
    """A job whose tasks hang ends without a result."""

    async def main() -> None:
        reached = asyncio.Event()

        async def answer(number: int) -> int:
            reached.set()
            await asyncio.Event().wait()
            return 8

        loop = asyncio.get_running_loop()
        setting = _Setting(answer, pieces=9, now_s=loop.time)
        running = asyncio.create_task(setting.drive.run())
        await reached.wait()
        setting.drive.stop()
        outcome = await asyncio.wait_for(running, 1.1)
        assert (outcome.state, outcome.result) == ("cancelled", None)

    run_virtually(main())


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
