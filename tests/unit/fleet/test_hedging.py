"""A second worker for what is late, in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import Cancelled, DeadlineExceeded, TaskFailed
from collegium.fleet.dispatch import MOST_STARTS
from collegium.fleet.hedging import (
    FEWEST_SEEN,
    LATE,
    LONGEST_HEDGED_S,
    MOST_SEEN,
    AnswerTimes,
)
from fixtures.fake_fleet import FakeWorker, Simulation, work
from fixtures.virtual import run_virtually


def fleet_of(*workers: FakeWorker, is_idempotent: bool = True) -> Simulation:
    """Return a fleet that hedges, if its workload may run twice."""
    return Simulation(list(workers), may_run_twice=lambda name: is_idempotent)


async def learn(simulation: Simulation, seconds: float = 0.05) -> None:
    """Run as many tasks as it takes to know when one is late."""
    for _ in range(FEWEST_SEEN):
        await simulation.dispatcher.run(work(seconds), is_light=False)


def slow(simulation: Simulation, worker: FakeWorker) -> None:
    """Make a worker slow, and have it be the next in turn."""
    worker.slowness = 1000.0
    simulation.registry._policy._last = -1  # type: ignore[attr-defined]


def test_a_late_task_is_won_by_another_worker() -> None:
    """One hedge, at the other worker, whose answer is taken; the loser is stopped."""

    async def main() -> None:
        first, second = FakeWorker("w0"), FakeWorker("w1")
        async with fleet_of(first, second) as simulation:
            await learn(simulation)
            slow(simulation, first)
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            task = work(0.05)
            answer = await simulation.dispatcher.run(task, is_light=False)
            assert (answer.executed_by, answer.attempts) == ("w1", 2)
            assert loop.time() - began_s < 0.2
            counters = simulation.dispatcher.counters
            assert counters.hedged == counters.hedges_won == 1
            assert counters.hedges_stopped == 1
            assert counters.retried == counters.failed == 0
            assert simulation.engine.abandoned == [task.id]
            assert not first.running
            assert all(m.outstanding == 0 for m in simulation.registry.members)

    run_virtually(main())


@pytest.mark.parametrize("way", ["off", "not idempotent", "unknown", "long", "alone"])
def test_what_is_not_hedged(way: str) -> None:
    """Not without asking, not what may not run twice, not what is long or new."""

    async def main() -> None:
        first, second = FakeWorker("w0"), FakeWorker("w1")
        workers = [first] if way == "alone" else [first, second]
        simulation = fleet_of(*workers, is_idempotent=way != "not idempotent")
        if way == "off":
            simulation = Simulation(workers)
        async with simulation:
            if way != "unknown":
                await learn(simulation, 2.0 if way == "long" else 0.05)
            slow(simulation, first)
            answer = await simulation.dispatcher.run(work(0.05), is_light=False)
            assert (answer.executed_by, answer.attempts) == ("w0", 1)
            assert simulation.dispatcher.counters.hedged == 0

    run_virtually(main())


def test_the_first_may_win_after_all() -> None:
    """A hedge whose first attempt answers sooner is stopped, and was for nothing."""

    async def main() -> None:
        first, second = FakeWorker("w0"), FakeWorker("w1")
        async with fleet_of(first, second) as simulation:
            await learn(simulation)
            slow(simulation, first)
            first.slowness, second.slowness = 5.0, 1000.0
            answer = await simulation.dispatcher.run(work(0.05), is_light=False)
            assert (answer.executed_by, answer.attempts) == ("w0", 1)
            counters = simulation.dispatcher.counters
            assert (counters.hedged, counters.hedges_won) == (1, 0)
            assert counters.hedges_stopped == 1
            assert not second.running

    run_virtually(main())


def test_hedges_are_paid_from_the_retry_budget() -> None:
    """With every worker slow at once, only a share of all tasks is hedged."""

    async def main() -> None:
        workers = [FakeWorker(f"w{i}", slots=20) for i in range(4)]
        async with fleet_of(*workers) as simulation:
            await learn(simulation)
            for worker in workers:
                worker.slowness = 1000.0
            running = [
                asyncio.create_task(
                    simulation.dispatcher.run(work(0.05), is_light=False)
                )
                for _ in range(40)
            ]
            await asyncio.sleep(5.0)
            assert simulation.dispatcher.counters.hedged == 3 + 0.2 * 40
            await asyncio.gather(*running)
            assert simulation.dispatcher._budget.spent == 0

    run_virtually(main())


@pytest.mark.parametrize("dying", ["first", "second", "both"])
def test_death_of_a_racer(dying: str) -> None:
    """The other one's answer is taken; with both dead, the task goes on here."""

    async def main() -> None:
        first, second = FakeWorker("w0"), FakeWorker("w1")
        async with fleet_of(first, second) as simulation:
            await learn(simulation)
            slow(simulation, first)
            first.slowness = second.slowness = 100.0
            task = work(0.05)
            running = asyncio.create_task(
                simulation.dispatcher.run(task, is_light=False)
            )
            await asyncio.sleep(1.0)
            assert simulation.dispatcher.counters.hedged == 1
            victims = {"first": [first], "second": [second], "both": [first, second]}
            for victim in victims[dying]:
                victim.kill()
            answer = await running
            expected = {"first": "w1", "second": "w0", "both": "local"}
            assert answer.executed_by == expected[dying]
            assert answer.attempts <= MOST_STARTS
            assert all(not simulation.is_up(victim.id) for victim in victims[dying])
            assert simulation.dispatcher.local.outstanding == 0

    run_virtually(main())


def test_a_lie_does_not_win() -> None:
    """A hedge that answers garbage is set aside, and the first one is waited for."""

    async def main() -> None:
        first, second = FakeWorker("w0"), FakeWorker("w1")
        async with fleet_of(first, second) as simulation:
            await learn(simulation)
            slow(simulation, first)
            first.slowness, second.lies = 50.0, True
            answer = await simulation.dispatcher.run(work(0.05), is_light=False)
            assert answer.executed_by == "w0"
            assert simulation.dispatcher.counters.wrong_answers == 1
            assert simulation.dispatcher.counters.hedges_won == 0
            assert not simulation.is_up("w1")

    run_virtually(main())


@pytest.mark.parametrize("way", ["cancel", "hang up", "deadline"])
def test_both_end_when_nobody_waits(way: str) -> None:
    """Cancelling, hanging up and the deadline stop both attempts."""

    async def main() -> None:
        first, second = FakeWorker("w0"), FakeWorker("w1")
        async with fleet_of(first, second) as simulation:
            await learn(simulation)
            slow(simulation, first)
            second.slowness = 1000.0
            task = work(0.05, deadline_s=3.0 if way == "deadline" else 600.0)
            running = asyncio.create_task(
                simulation.dispatcher.run(task, is_light=False)
            )
            await asyncio.sleep(1.0)
            assert simulation.dispatcher.counters.hedged == 1
            if way == "cancel":
                simulation.dispatcher.cancel(task.id)
            elif way == "hang up":
                running.cancel()
            expected = {"cancel": Cancelled, "hang up": asyncio.CancelledError}
            with pytest.raises(expected.get(way, DeadlineExceeded)):
                await running
            assert not first.running
            assert not second.running
            assert all(m.outstanding == 0 for m in simulation.registry.members)

    run_virtually(main())


def test_the_poisonous_is_given_up_as_ever() -> None:
    """A hedge counts as a start: three and no more."""

    async def main() -> None:
        workers = [FakeWorker(f"w{i}", slowness=20.0) for i in range(3)]
        async with fleet_of(*workers) as simulation:
            for _ in range(FEWEST_SEEN):
                simulation.dispatcher._make.__self__._times.note("work", 0.05)  # type: ignore[attr-defined]
            task = work(0.05)
            simulation.local.kills.add(task.id)
            running = asyncio.create_task(
                simulation.dispatcher.run(task, is_light=False)
            )
            await asyncio.sleep(0.5)
            for worker in workers:
                if task.id in worker.running:
                    worker.kill()
            with pytest.raises(TaskFailed, match="3 attempts"):
                await running
            started = simulation.engine.started[task.id]
            assert started + simulation.local.started[task.id] == MOST_STARTS

    run_virtually(main())


@given(st.lists(st.floats(1e-4, 0.9), min_size=FEWEST_SEEN, max_size=200))
def test_late_is_what_few_exceed(times: list[float]) -> None:
    """At most one in twenty answers takes longer than what counts as late."""
    known = AnswerTimes()
    for seconds in times:
        known.note("work", seconds)
    late_s = known.late_s("work")
    if late_s is not None:
        assert sum(t > late_s for t in times) <= (1.0 - LATE) * len(times) + 1e-9
        assert late_s <= LONGEST_HEDGED_S
    assert known.late_s("other") is None


def test_the_past_fades() -> None:
    """When a kind has become slower, so has what counts as late."""
    known = AnswerTimes()
    for _ in range(10 * MOST_SEEN):
        known.note("work", 0.01)
    for _ in range(MOST_SEEN):
        known.note("work", 0.2)
    late_s = known.late_s("work")
    assert late_s is not None
    assert late_s >= 0.2
