"""Invariants of fleet and dispatcher under faults that others leave unasserted.

The page of promises says which test holds which of them.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from collegium.errors import CollegiumError, Overloaded, StateForbids, Unavailable
from collegium.fleet.dispatch import MOST_STARTS
from collegium.fleet.policies import RoundRobin
from collegium.fleet.registry import Registry
from collegium.fleet.stats import Statistics
from collegium.protocol import Announcement
from fixtures.fake_fleet import HEARTBEAT_S, WORKLOADS, FakeWorker, Simulation, work
from fixtures.storms import inflict
from fixtures.virtual import run_virtually

SEEDS = range(20)


def said_by(worker: FakeWorker, incarnation: int | None = None) -> Announcement:
    """Return an announcement of a worker, perhaps of an earlier start of it."""
    return Announcement(
        incarnation=f"{incarnation or worker.incarnation:08d}",
        url=f"http://{worker.id}:1",
        slots=worker.slots,
        workloads=WORKLOADS,
        heartbeat_s=HEARTBEAT_S,
        counters={"tasks_completed": worker.completed},
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_statistics_converge_whatever_is_delivered(seed: int) -> None:
    """No observer ever knows more than the source, or less than before; all agree."""

    async def main() -> None:
        rng = random.Random(seed)
        workers = [FakeWorker(f"w{i}") for i in range(3)]
        reports: list[tuple[str, str, int]] = []
        unreliable = Statistics()

        async def deliver() -> None:
            seen: Counter[tuple[str, str]] = Counter()
            while True:
                await asyncio.sleep(rng.uniform(0.1, 2.0))
                for worker in workers:
                    done = worker.history.get(worker.name, 0)
                    reports.append((worker.id, worker.name, done))
                for source, name, done in rng.choices(reports, k=3):  # late and twice
                    unreliable.report(source, name, {"tasks_completed": done})
                for key, counters in unreliable.state().items():
                    known = counters.get("tasks_completed", 0)
                    (source,) = (w for w in workers if w.id == key[0])
                    assert seen[key] <= known <= source.history.get(key[1], 0)
                    seen[key] = known

        async with Simulation(workers, seed=seed, local_slots=2) as simulation:
            delivering = asyncio.create_task(deliver())
            storm = asyncio.create_task(inflict(simulation, rng, 60.0))
            answers = await asyncio.gather(
                *(
                    simulation.dispatcher.run(
                        work(rng.choice([0.1, 1.0])), is_light=False
                    )
                    for _ in range(60)
                )
            )
            await storm
            await asyncio.sleep(2 * HEARTBEAT_S)
            delivering.cancel()
            for worker in workers:
                for name, done in worker.history.items():
                    unreliable.report(worker.id, name, {"tasks_completed": done})
            truth = sum(sum(worker.history.values()) for worker in workers)
            remote = sum(answer.executed_by != "local" for answer in answers)
            assert unreliable.total()["tasks_completed"] == truth >= remote
            twice = Statistics()
            twice.merge(unreliable)
            twice.merge(simulation.statistics)
            twice.merge(unreliable)
            assert twice.state().items() >= unreliable.state().items()
            assert twice.total() == unreliable.total()

    run_virtually(main())


def test_hedging_breaks_nothing_under_faults() -> None:
    """With hedges, too, each task has one result, few starts, and leaves no trace."""

    async def main(seed: int) -> int:
        rng = random.Random(seed)
        workers = [FakeWorker(f"w{i}", slots=2) for i in range(4)]
        async with Simulation(
            workers, seed=seed, local_slots=2, may_run_twice=lambda name: True
        ) as simulation:

            async def submit() -> None:
                await asyncio.sleep(rng.uniform(0.0, 100.0))
                task = work(rng.choice([0.01, 0.05]), deadline_s=400.0)
                answer = await simulation.dispatcher.run(task, is_light=False)
                assert answer.output == task.input
                here = simulation.local.started.get(task.id, 0)
                started = simulation.engine.started.get(task.id, 0) + here
                assert 1 <= started <= MOST_STARTS

            await asyncio.gather(
                inflict(simulation, rng, 100.0), *(submit() for _ in range(400))
            )
            await asyncio.sleep(3 * HEARTBEAT_S)
            assert all(m.outstanding == 0 for m in simulation.registry.members)
            assert simulation.dispatcher.local.outstanding == 0
            assert simulation.dispatcher._budget.spent == 0
            return simulation.dispatcher.counters.hedged

    assert sum(run_virtually(main(seed)) for seed in SEEDS) > 20


@pytest.mark.parametrize("seed", SEEDS)
def test_duplicates_are_bounded_by_what_failed(seed: int) -> None:
    """Nothing starts twice but what was with a worker as that failed."""

    async def main() -> None:
        rng = random.Random(seed)
        workers = [FakeWorker(f"w{i}") for i in range(4)]
        async with Simulation(workers, seed=seed, local_slots=2) as simulation:
            tasks = [work(1.0) for _ in range(60)]
            running = [
                asyncio.create_task(simulation.dispatcher.run(task, is_light=False))
                for task in tasks
            ]
            in_flight = 0
            for worker in rng.sample(workers, 3):
                await asyncio.sleep(rng.uniform(1.0, 4.0))
                in_flight += len(worker.running)
                worker.kill()
            await asyncio.gather(*running)
            starts = sum(simulation.engine.started.values())
            starts += sum(simulation.local.started.values())
            assert starts - len(tasks) <= in_flight
            assert simulation.dispatcher.counters.retried <= in_flight

    run_virtually(main())


def test_a_restarted_coordinator_knows_everybody_after_one_heartbeat() -> None:
    """An empty registry has all workers again after what they say anyway."""

    async def main() -> None:
        workers = [FakeWorker(f"w{i}") for i in range(20)]
        async with Simulation(workers) as simulation:
            for member in list(simulation.registry.members):
                simulation.registry.remove(member)
            assert not simulation.registry.members
            # One heartbeat, and a probe of each before it gets work.
            await asyncio.sleep(HEARTBEAT_S + 0.5)
            assert all(simulation.is_up(worker.id) for worker in workers)
            answer = await simulation.dispatcher.run(work(0.1), is_light=False)
            assert answer.executed_by != "local"

    run_virtually(main())


def test_a_zombie_changes_nothing_but_its_counters() -> None:
    """What an earlier start of a worker says later is refused, and changes nothing."""

    async def main() -> None:
        worker = FakeWorker("w0")
        async with Simulation([worker]) as simulation:
            running = asyncio.create_task(
                simulation.dispatcher.run(work(3.0), is_light=False)
            )
            await asyncio.sleep(0.5)
            zombie = said_by(worker)
            worker.kill()
            worker.restart()
            simulation.announce(worker)
            await asyncio.sleep(0.5)
            member = simulation.registry.get("w0")
            before = (member.incarnation, member.seen_s, member.sequence, member.state)
            now_s = asyncio.get_running_loop().time()
            zombie.state, zombie.slots = "draining", 100
            with pytest.raises(StateForbids):
                simulation.registry.announce("w0", zombie, now_s)
            with pytest.raises(StateForbids):
                simulation.registry.leave("w0", zombie.incarnation)
            assert simulation.registry.get("w0") is member
            after = (member.incarnation, member.seen_s, member.sequence, member.state)
            assert after == before
            assert member.slots == 1
            assert (await running).output == b"3.0"
            # Also after the new start has left again.
            simulation.registry.leave("w0", None)
            with pytest.raises(StateForbids):
                simulation.registry.announce("w0", zombie, now_s)

    run_virtually(main())


def test_without_workers_short_tasks_succeed_or_are_told_to_come_back() -> None:
    """Every one of a flood ends at once or is done here; none hangs, none fails."""

    async def main() -> None:
        async with Simulation([], queue_limit=100, local_slots=2) as simulation:
            loop = asyncio.get_running_loop()

            async def submit() -> str:
                began_s = loop.time()
                try:
                    answer = await simulation.dispatcher.run(work(0.05), is_light=False)
                except Overloaded:
                    assert loop.time() - began_s < 0.01
                    return "refused"
                return answer.executed_by

            ended = Counter(await asyncio.gather(*(submit() for _ in range(1000))))
            assert set(ended) == {"local", "refused"}
            assert ended["local"] == 102
            assert simulation.dispatcher.counters.fallback == 102

    run_virtually(main())


@pytest.mark.parametrize("fault", ["slow", "frozen", "cut"])
def test_nothing_runs_on_after_its_deadline(fault: str) -> None:
    """A second after a task's deadline no worker is left with an order to run it."""

    async def main() -> None:
        workers = [FakeWorker("w0"), FakeWorker("w1")]
        async with Simulation(workers) as simulation:
            for worker in workers:
                worker.slowness = 1000.0 if fault == "slow" else 1.0
                worker.is_frozen = fault == "frozen"
            running = asyncio.gather(
                *(
                    simulation.dispatcher.run(work(0.5, deadline_s=2.0), is_light=False)
                    for _ in range(2)
                ),
                return_exceptions=True,
            )
            await asyncio.sleep(0.2)
            for worker in workers:
                worker.is_cut_off = fault == "cut"
            await asyncio.sleep(2.8)
            assert running.done()
            assert not any(worker.running for worker in workers)
            outcomes = await running
            if fault != "cut":  # these were answered before they were cut off
                assert all(isinstance(o, CollegiumError) for o in outcomes)

    run_virtually(main())


def test_retries_stay_within_their_budget_under_overload() -> None:
    """With ten times the load and workers that die all the time, attempts are few."""

    async def main() -> None:
        rng = random.Random(4)
        workers = [FakeWorker(f"w{i}", slots=4) for i in range(4)]
        async with Simulation(workers, queue_limit=300, local_slots=2) as simulation:
            worst = 0.0

            async def harm() -> None:
                while True:
                    await asyncio.sleep(1.0)
                    worker = rng.choice(workers)
                    worker.kill()
                    worker.restart()
                    simulation.announce(worker)

            async def watch() -> None:
                nonlocal worst
                while True:
                    await asyncio.sleep(0.05)
                    dispatcher = simulation.dispatcher
                    worst = max(worst, len(dispatcher.queue))

            tasks = [asyncio.create_task(harm()), asyncio.create_task(watch())]
            outcomes: list[object] = []
            for _ in range(40):
                outcomes += await asyncio.gather(
                    *(
                        simulation.dispatcher.run(work(0.1), is_light=False)
                        for _ in range(400)
                    ),
                    return_exceptions=True,
                )
            for task in tasks:
                task.cancel()
            counters = simulation.dispatcher.counters
            done = counters.succeeded
            started = sum(simulation.engine.started.values())
            started += sum(simulation.local.started.values())
            assert started <= 1.2 * done + 3
            assert worst <= 300 + 4 * 4 + 2
            assert done + counters.rejected + counters.failed == 40 * 400
            assert counters.failed == 0

    run_virtually(main())


def test_who_is_ejected_gets_probes_only() -> None:
    """From its ejection to the next probe that it answers a worker starts nothing."""

    async def main() -> None:
        workers = [FakeWorker("w0"), FakeWorker("w1")]
        async with Simulation(workers) as simulation:
            workers[0].is_cut_off = True
            await asyncio.sleep(HEARTBEAT_S + 3.0)
            before = workers[0].starts
            for _ in range(50):
                answer = await simulation.dispatcher.run(work(0.01), is_light=False)
                assert answer.executed_by == "w1"
            assert workers[0].starts == before
            workers[0].is_cut_off = False
            await asyncio.sleep(HEARTBEAT_S + 3.0)
            places = [
                (
                    await simulation.dispatcher.run(work(0.01), is_light=False)
                ).executed_by
                for _ in range(50)
            ]
            assert Counter(places) == {"w0": 25, "w1": 25}

    run_virtually(main())


def test_a_fresh_registry_fences_what_it_has_seen() -> None:
    """Starts are ordered in each registry by itself, whatever came before it."""
    registry = Registry(RoundRobin())
    worker = FakeWorker("w0", incarnation=5)
    registry.announce("w0", said_by(worker), 0.0)
    with pytest.raises(Unavailable):
        # Unless the later one is gone: only a probe can tell.
        registry.announce("w0", said_by(worker, incarnation=4), 1.0)
    member = registry.find("w0")
    assert member is not None
    assert member.incarnation == said_by(worker).incarnation


def test_tasks_that_are_all_repeated_do_not_wait_for_each_other() -> None:
    """With nothing else under way, any number of retries go on within the budget."""

    async def main() -> None:
        workers = [FakeWorker(f"w{i}", slots=4) for i in range(2)]
        async with Simulation(workers, local_slots=2) as simulation:
            loop = asyncio.get_running_loop()
            running = [
                asyncio.create_task(
                    simulation.dispatcher.run(work(1.0), is_light=False)
                )
                for _ in range(4)
            ]
            await asyncio.sleep(0.5)
            for worker in workers:
                worker.kill()
            began_s = loop.time()
            answers = await asyncio.gather(*running)
            assert {answer.executed_by for answer in answers} == {"local"}
            assert loop.time() - began_s < 10.0

    run_virtually(main())
