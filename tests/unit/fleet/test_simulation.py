"""The invariants of dispatching, held under seeded faults in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from collegium.errors import CollegiumError, DeadlineExceeded, Overloaded, TaskFailed
from collegium.fleet.dispatch import MOST_STARTS
from collegium.fleet.policies import LeastOutstanding, TwoChoices, Weighted
from fixtures.fake_fleet import HEARTBEAT_S, FakeWorker, Simulation, work
from fixtures.storms import inflict
from fixtures.virtual import run_virtually

LEASE_S = 3 * HEARTBEAT_S
SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_under_faults(seed: int) -> None:
    """Whatever happens to workers: each task has one result, and bounded attempts."""

    async def main() -> None:
        rng = random.Random(seed)
        workers = [FakeWorker(f"w{i}", slots=rng.choice([1, 2])) for i in range(4)]
        ended: Counter[str] = Counter()
        async with Simulation(workers, seed=seed, local_slots=2) as simulation:
            loop = asyncio.get_running_loop()

            async def submit(number: int) -> None:
                await asyncio.sleep(rng.uniform(0.0, 100.0))
                task = work(rng.choice([0.01, 0.5, 2.0]), deadline_s=400.0)
                began_s = loop.time()
                answer = await simulation.dispatcher.run(task, is_light=False)
                ended[task.id] += 1
                assert answer.output == task.input
                assert answer.attempts <= MOST_STARTS
                remote = simulation.engine.started.get(task.id, 0)
                here = simulation.local.started.get(task.id, 0)
                assert answer.executed_by == "local" or remote >= 1
                assert remote + here <= MOST_STARTS
                assert loop.time() - began_s < 400.0

            await asyncio.gather(
                inflict(simulation, rng, 100.0), *(submit(i) for i in range(120))
            )
            assert set(ended.values()) == {1}
            assert len(ended) == 120
            assert not simulation.dispatcher.calls
            assert len(simulation.dispatcher.queue) == 0
            # A lease later, who lives is up, and nobody holds a slot for nothing.
            await asyncio.sleep(LEASE_S + 70.0)
            assert all(simulation.is_up(worker.id) for worker in workers)
            assert all(m.outstanding == 0 for m in simulation.registry.members)
            assert simulation.dispatcher.local.outstanding == 0

    run_virtually(main())


def test_frozen_worker_costs_at_most_a_lease_and_a_probe() -> None:
    """Tasks held by a frozen worker are done elsewhere soon after its lease ends."""

    async def main() -> None:
        workers = [FakeWorker("w0"), FakeWorker("w1")]
        async with Simulation(workers) as simulation:
            loop = asyncio.get_running_loop()
            workers[0].is_frozen = True
            began_s = loop.time()
            answers = await asyncio.gather(
                *(
                    simulation.dispatcher.run(work(0.25), is_light=False)
                    for _ in range(40)
                )
            )
            assert len(answers) == 40
            assert loop.time() - began_s < LEASE_S + 3.0 + 40 * 0.25
            assert simulation.registry.find("w0") is None

    run_virtually(main())


def test_one_way_cut_takes_a_worker_out() -> None:
    """A worker that is heard but not reached gets nothing, and is back when healed."""

    async def main() -> None:
        workers = [FakeWorker("w0"), FakeWorker("w1")]
        async with Simulation(workers) as simulation:
            workers[0].is_cut_off = True
            await asyncio.sleep(HEARTBEAT_S + 3.0)
            assert not simulation.is_up("w0")
            assert simulation.registry.find("w0") is not None
            workers[0].is_cut_off = False
            await asyncio.sleep(HEARTBEAT_S + 3.0)
            assert simulation.is_up("w0")

    run_virtually(main())


def test_silent_but_answering_worker_stays() -> None:
    """A worker whose reports are lost but that answers probes keeps its tasks."""

    async def main() -> None:
        worker = FakeWorker("w0")
        async with Simulation([worker]) as simulation:
            simulation._tasks[1].cancel()
            await asyncio.sleep(5 * LEASE_S)
            assert simulation.is_up("w0")

    run_virtually(main())


def test_round_robin_is_exact_while_workers_join_and_leave() -> None:
    """Among those that are there all the time, counts differ by at most one."""

    async def main() -> None:
        workers = [FakeWorker(f"w{i}") for i in range(5)]
        async with Simulation(workers) as simulation:
            places: Counter[str] = Counter()
            for number in range(500):
                answer = await simulation.dispatcher.run(work(0.001), is_light=False)
                places[answer.executed_by] += 1
                if number == 200:
                    simulation.registry.leave("w2", None)
                    workers[2].is_alive = False
                if number == 300:
                    workers[2].restart()
                    simulation.announce(workers[2])
                    await asyncio.sleep(0.5)
            stayed = [places[f"w{i}"] for i in (0, 1, 3, 4)]
            assert max(stayed) - min(stayed) <= 1

    run_virtually(main())


def test_poisonous_task_is_given_up() -> None:
    """A task that kills whatever runs it is failed after three starts."""

    async def main() -> None:
        workers = [FakeWorker("w0"), FakeWorker("w1")]
        async with Simulation(workers) as simulation:
            task = work(1.0)
            simulation.local.kills.add(task.id)

            async def murder() -> None:
                while True:
                    await asyncio.sleep(0.1)
                    for worker in workers:
                        if task.id in worker.running:
                            worker.kill()

            murderer = asyncio.create_task(murder())
            with pytest.raises(TaskFailed, match="3 attempts"):
                await simulation.dispatcher.run(task, is_light=False)
            murderer.cancel()

    run_virtually(main())


def test_refusals_are_no_attempts() -> None:
    """Being turned away by full workers any number of times costs no attempt."""

    async def main() -> None:
        worker = FakeWorker("w0")
        async with Simulation([worker]) as simulation:
            worker.running["somebody else's"] = 1
            running = asyncio.create_task(
                simulation.dispatcher.run(work(0.1), is_light=False)
            )
            await asyncio.sleep(4.0)
            worker.running.clear()
            answer = await running
            assert (answer.executed_by, answer.attempts) == ("w0", 1)
            assert simulation.dispatcher.counters.refused > 3

    run_virtually(main())


def test_every_call_ends_by_its_deadline() -> None:
    """With all workers frozen and the local slot taken, calls end in time."""

    async def main() -> None:
        workers = [FakeWorker("w0"), FakeWorker("w1")]
        async with Simulation(workers) as simulation:
            loop = asyncio.get_running_loop()
            for worker in workers:
                worker.is_frozen = True

            async def submit(deadline_s: float) -> None:
                began_s = loop.time()
                with pytest.raises(DeadlineExceeded):
                    await simulation.dispatcher.run(
                        work(50.0, deadline_s=deadline_s), is_light=False
                    )
                assert loop.time() - began_s <= deadline_s + 1.0

            await asyncio.gather(*(submit(1.0 + i) for i in range(30)))

    run_virtually(main())


def test_overload_is_refused_at_once_and_ends() -> None:
    """Beyond the queue's bound callers are refused; all that was accepted is done."""

    async def main() -> None:
        workers = [FakeWorker("w0"), FakeWorker("w1")]
        async with Simulation(workers, queue_limit=50) as simulation:
            outcomes = await asyncio.gather(
                *(
                    simulation.dispatcher.run(work(0.1), is_light=False)
                    for _ in range(500)
                ),
                return_exceptions=True,
            )
            refused = [o for o in outcomes if isinstance(o, Overloaded)]
            done = [o for o in outcomes if not isinstance(o, CollegiumError)]
            assert len(done) == 52
            assert len(refused) == 448
            assert simulation.dispatcher.counters.rejected == 448

    run_virtually(main())


def test_shares_take_turns() -> None:
    """One task of somebody else does not wait for a thousand of another."""

    async def main() -> None:
        async with Simulation([FakeWorker("w0")]) as simulation:
            run = simulation.dispatcher.run
            order: list[str] = []

            async def submit(share: str) -> None:
                await run(work(0.1, share=share), is_light=False)
                order.append(share)

            many = [asyncio.create_task(submit("many")) for _ in range(100)]
            await asyncio.sleep(0.05)
            await submit("one")
            assert len(order) <= 4
            await asyncio.gather(*many)

    run_virtually(main())


def test_draining_loses_nothing_and_counts_no_attempt() -> None:
    """Rolling through all workers under load fails no task and retries none."""

    async def main() -> None:
        workers = [FakeWorker(f"w{i}") for i in range(3)]
        async with Simulation(workers) as simulation:

            async def roll() -> None:
                for worker in workers:
                    worker.is_draining = True
                    simulation.announce(worker)
                    await asyncio.sleep(1.0)
                    assert not worker.running
                    simulation.registry.leave(worker.id, None)
                    await asyncio.sleep(1.0)
                    worker.restart()
                    simulation.announce(worker)
                    await asyncio.sleep(1.0)

            rolling = asyncio.create_task(roll())
            answers = await asyncio.gather(
                *(
                    simulation.dispatcher.run(work(0.3), is_light=False)
                    for _ in range(60)
                )
            )
            await rolling
            assert {answer.attempts for answer in answers} == {1}

    run_virtually(main())


def test_a_task_asked_to_end_hands_in_what_it_has() -> None:
    """The worker is told, and its answer is the answer of the call."""

    async def main() -> None:
        worker = FakeWorker("w0", is_anytime=True)
        async with Simulation([worker]) as simulation:
            task = work(100.0)
            running = asyncio.create_task(
                simulation.dispatcher.run(task, is_light=False)
            )
            await asyncio.sleep(1.0)
            assert simulation.dispatcher.ask_to_end(task.id)
            answer = await running
            assert (answer.output, answer.executed_by) == (b"what it has", "w0")
            assert not simulation.dispatcher.ask_to_end(task.id)

    run_virtually(main())


def test_a_task_asked_to_end_goes_nowhere_else() -> None:
    """One that waits ends at once, and one whose worker dies is not begun again."""

    async def main() -> None:
        async with Simulation([FakeWorker("w0")]) as simulation:
            tasks = [work(100.0), work(100.0)]
            runs = [
                asyncio.create_task(simulation.dispatcher.run(task, is_light=False))
                for task in tasks
            ]
            await asyncio.sleep(1.0)
            for task in tasks:
                assert simulation.dispatcher.ask_to_end(task.id)
            with pytest.raises(CollegiumError, match="Cancelled"):
                await runs[1]
            assert not runs[0].done(), "its worker may still say what it has"
            simulation.workers["w0"].kill()
            with pytest.raises(CollegiumError, match="Cancelled"):
                await runs[0]
            assert simulation.engine.started == {tasks[0].id: 1}
            assert simulation.local.started == {}

    run_virtually(main())


def test_cancelled_task_is_stopped_where_it_runs() -> None:
    """Cancelling ends the call, tells the worker, and frees the slot."""

    async def main() -> None:
        async with Simulation([FakeWorker("w0")]) as simulation:
            task = work(100.0)
            running = asyncio.create_task(
                simulation.dispatcher.run(task, is_light=False)
            )
            await asyncio.sleep(1.0)
            assert simulation.dispatcher.cancel(task.id)
            with pytest.raises(CollegiumError, match="Cancelled"):
                await running
            assert simulation.engine.abandoned == [task.id]
            assert not simulation.dispatcher.cancel(task.id)
            answer = await simulation.dispatcher.run(work(0.1), is_light=False)
            assert answer.executed_by == "w0"

    run_virtually(main())


def test_weights_share_the_work() -> None:
    """Under weighted round robin a worker of weight three gets three times as much."""

    async def main() -> None:
        workers = [FakeWorker("w0", slots=9), FakeWorker("w1", slots=9)]
        async with Simulation(workers, policy=Weighted()) as simulation:
            simulation.registry.get("w0").weight = 3.0
            await asyncio.sleep(20.0)
            simulation.registry.get("w0").weight = 3.0
            places: Counter[str] = Counter()
            for _ in range(400):
                answer = await simulation.dispatcher.run(work(0.001), is_light=False)
                places[answer.executed_by] += 1
                simulation.registry.get("w0").weight = 3.0
            assert places == {"w0": 300, "w1": 100}

    run_virtually(main())


@pytest.mark.parametrize(
    "make", [LeastOutstanding, lambda: TwoChoices(random.Random(1))]
)
def test_slow_worker_gets_less(make: type[LeastOutstanding]) -> None:
    """Policies that look at load send less to a worker that is twenty times slower."""

    async def main() -> None:
        workers = [FakeWorker("w0", slots=8), FakeWorker("w1", slots=8, slowness=20.0)]
        async with Simulation(workers, policy=make()) as simulation:
            await asyncio.sleep(20.0)
            numbers = iter(range(600))
            places: Counter[str] = Counter()

            async def loop() -> None:
                for _ in numbers:
                    answer = await simulation.dispatcher.run(work(0.05), is_light=False)
                    places[answer.executed_by] += 1

            await asyncio.gather(*(loop() for _ in range(6)))
            assert places["w0"] > 2 * places["w1"]

    run_virtually(main())
