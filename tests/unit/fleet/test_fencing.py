"""What comes too late changes nothing, and no loss makes an avalanche of retries."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import pytest

from collegium.errors import CollegiumError
from collegium.fleet.calls import RETRY_FLOOR, RETRY_SHARE
from collegium.fleet.dispatch import MOST_STARTS
from fixtures.fake_fleet import HEARTBEAT_S, FakeWorker, Simulation, work
from fixtures.virtual import run_virtually

LEASE_S = 3 * HEARTBEAT_S


def test_the_late_answer_of_an_old_attempt_changes_nothing() -> None:
    """A thawed worker finishes what has long been done elsewhere: nobody counts it."""

    async def main() -> None:
        workers = [FakeWorker("w0"), FakeWorker("w1")]
        async with Simulation(workers) as simulation:
            task = work(1.0)
            running = asyncio.create_task(
                simulation.dispatcher.run(task, is_light=False)
            )
            await asyncio.sleep(0.2)
            (first,) = [w for w in workers if task.id in w.running]
            first.is_frozen = True
            answer = await running
            assert answer.executed_by != first.id
            assert answer.attempts == 2
            counted = asdict(simulation.dispatcher.counters)
            first.is_frozen = False
            first.thaw.set()
            await asyncio.sleep(LEASE_S)
            assert asdict(simulation.dispatcher.counters) == counted
            assert counted["succeeded"] == 1
            assert task.id in simulation.engine.abandoned

    run_virtually(main())


@pytest.mark.parametrize("under_way", [5, 200])
def test_retries_at_once_are_a_small_share(under_way: int) -> None:
    """When all workers die under load, few retry at a time, and none too often."""

    async def main() -> None:
        workers = [FakeWorker(f"w{i}", slots=under_way) for i in range(2)]
        async with Simulation(workers, local_slots=under_way) as simulation:
            dispatcher = simulation.dispatcher
            running = [
                asyncio.create_task(dispatcher.run(work(2.0), is_light=False))
                for _ in range(under_way)
            ]
            await asyncio.sleep(0.5)
            for worker in workers:
                worker.kill()
            most = 0
            while not all(task.done() for task in running):
                await asyncio.sleep(0.05)
                most = max(most, dispatcher._budget.spent)
            outcomes = await asyncio.gather(*running, return_exceptions=True)
            assert not [o for o in outcomes if isinstance(o, CollegiumError)]
            assert 0 < most <= RETRY_FLOOR + RETRY_SHARE * under_way
            assert dispatcher.counters.attempts <= MOST_STARTS * under_way
            assert dispatcher._budget.spent == 0
            assert asyncio.get_running_loop().time() < 60.0

    run_virtually(main())
