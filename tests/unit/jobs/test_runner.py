from __future__ import annotations

import asyncio
import datetime
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from collegium.blobs import repository as blobs
from collegium.blobs.shelf import Shelf
from collegium.db.connect import database_at
from collegium.db.database import Database, SerializationFailed
from collegium.db.migrate import migrate
from collegium.db.work import Work
from collegium.errors import StateForbids, Unavailable
from collegium.jobs import repository, service
from collegium.jobs.drive import TICK_S
from collegium.jobs.feed import Feed
from collegium.jobs.means import Means
from collegium.jobs.repository import Finish, Job
from collegium.jobs.runner import LOOK_S, Runner
from collegium.jobs.schemas import JobIn
from collegium.settings import CoordinatorSettings
from fixtures.guessing import Behaviour, FakeChecks, FakeHands, Guessing
from fixtures.waiting import until

NOW = "2000-01-01T00:00:00.000000Z"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Give an empty database with the newest schema."""
    database = database_at(f"sqlite:///{tmp_path / 'jobs.db'}")
    await database.open()
    await migrate(database)
    yield database
    await database.close()


@dataclass
class _Node:
    runner: Runner
    hands: FakeHands
    task: asyncio.Task[None]

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def _node(database: Database, behaviour: Behaviour, *, slots: int = 1) -> _Node:
    hands = FakeHands(behaviour, slots)
    means = Means(hands, FakeChecks(), Shelf(), time.monotonic, late_grace_s=0.1)
    runner = Runner(
        database,
        {"guess": Guessing()},
        means,
        Feed(),
        owner="me",
        clock=lambda: datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC),
    )
    return _Node(runner, hands, asyncio.create_task(runner.run()))


async def _submit(database: Database, runner: Runner, pieces: int) -> str:
    async with database.transaction() as transaction:
        body = JobIn(workload="guess", input={"number": pieces})
        job = await service.submit(Work(transaction, NOW), runner.workloads, body)
    runner.wake()
    return job.id


async def _ended(database: Database, job_id: str) -> Job:
    async def final() -> Job | None:
        job = await service.find_job(database, job_id)
        return job if job.is_final else None

    return await until(final)


async def _at_work(node: _Node) -> None:
    async def has_task() -> bool:
        return bool(node.hands.tasks)

    await until(has_task)


async def _at_rest(node: _Node) -> None:
    async def is_idle() -> bool:
        return node.hands.running == 0

    await until(is_idle)


async def _answer(number: int) -> int:
    return 50 - number


async def _forever(number: int) -> int:
    await asyncio.Event().wait()
    return 0


async def test_a_job_ends_with_its_result_stored_and_nothing_else(
    database: Database,
) -> None:
    """The result is a blob of the job; what it kept on the way is gone."""
    node = _node(database, _answer)
    job = await _ended(database, await _submit(database, node.runner, 5))
    await node.end()
    assert (job.state, job.result_media_type) == ("succeeded", "text/plain")
    assert job.result_sha256 is not None
    found = await blobs.find(database, job.result_sha256)
    assert found is not None
    assert found.data == b"46"
    assert await database.fetch_one("SELECT count(*) FROM blobs") == (1,)
    assert job.finished_at == job.started_at == NOW


async def test_an_interrupted_job_goes_on_from_what_was_stored(
    database: Database,
) -> None:
    """A second coordinator does only what the first had left, with its best."""
    reached = asyncio.Event()

    async def first(number: int) -> int:
        if number < 3:
            return 10
        reached.set()
        return await _forever(number)

    one = _node(database, first)
    job_id = await _submit(database, one.runner, 5)
    await reached.wait()
    await one.end()
    interrupted = await service.find_job(database, job_id)
    assert interrupted.state == "running"
    two = _node(database, _answer)
    job = await _ended(database, job_id)
    await two.end()
    assert job.state == "succeeded"
    numbers = [json.loads(task.input)["number"] for task in two.hands.tasks]
    assert numbers[0] > 0, "pieces that came back are not done again"
    assert json.loads(job.progress)["best"] == min(10, *(50 - n for n in numbers))


async def test_a_job_whose_owner_is_silent_is_adopted_and_the_owner_fenced_off(
    database: Database,
) -> None:
    """After the lease another coordinator takes over; the first one writes no more."""
    one = _node(database, _forever)
    job_id = await _submit(database, one.runner, 2)
    await _at_work(one)

    async def adopted() -> repository.Claimed | None:
        async with database.transaction() as transaction:
            await transaction.execute("UPDATE jobs SET lease_until_s = 0")
        # On a slow disk the owner may be in time to renew it after all.
        return await repository.claim(database, "other", NOW)

    claimed = await until(adopted)
    assert claimed.epoch >= 2
    await _at_rest(one)
    await one.end()
    owner = await database.fetch_one("SELECT owner, epoch, state FROM jobs")
    assert owner == ("other", claimed.epoch, "running")
    assert (await service.find_job(database, job_id)).state == "running"


def test_with_default_settings_a_job_is_adopted_within_fifteen_seconds() -> None:
    """The lease that the dead owner renewed last, and the longest wait for a look."""
    slack_s = 2.0  # to claim the job and to read where it stands
    lease_s = CoordinatorSettings().job_lease_s
    assert lease_s == repository.LEASE_S
    assert lease_s + LOOK_S + slack_s <= 15.0
    # An owner that lives renews its lease several times before it ends.
    assert lease_s > 3 * TICK_S


async def test_no_write_of_an_earlier_epoch_changes_anything(
    database: Database,
) -> None:
    """Saving and finishing are refused to who has lost the job."""
    node = _node(database, _answer)
    await node.end()
    await _submit(database, node.runner, 2)
    old = await repository.claim(database, "old", NOW, lease_s=-1)
    new = await repository.claim(database, "new", NOW)
    assert old is not None
    assert new is not None
    with pytest.raises(StateForbids):
        async with database.transaction() as transaction:
            await repository.save(
                transaction,
                "sqlite",
                old,
                plan="{}",
                progress="{}",
                elapsed_s=1,
                now=NOW,
            )
    end = Finish("failed", "late", "{}", None, None)
    with pytest.raises(StateForbids):
        async with database.transaction() as transaction:
            await repository.finish(transaction, old, end, NOW)
    assert await database.fetch_one("SELECT state, error FROM jobs") == (
        "running",
        None,
    )


async def test_a_job_that_is_held_is_not_claimed_twice(database: Database) -> None:
    """Of two claims of one job only the first succeeds while its lease lasts."""
    node = _node(database, _answer)
    await node.end()
    await _submit(database, node.runner, 2)
    assert await repository.claim(database, "one", NOW) is not None
    assert await repository.claim(database, "two", NOW) is None


async def test_cancelling_anywhere_ends_a_running_job(database: Database) -> None:
    """The owner reads of it at its next store, whoever took the request."""
    node = _node(database, _forever)
    job_id = await _submit(database, node.runner, 2)
    await _at_work(node)
    async with database.transaction() as transaction:
        asked = await service.cancel(Work(transaction, NOW), job_id)
    assert asked.state == "running"
    job = await _ended(database, job_id)
    await node.end()
    assert job.state == "cancelled"
    assert node.hands.running == 0


async def test_a_queued_job_is_cancelled_at_once(database: Database) -> None:
    """Nobody needs to start a job to end it."""
    node = _node(database, _answer)
    await node.end()
    job_id = await _submit(database, node.runner, 2)
    async with database.transaction() as transaction:
        job = await service.cancel(Work(transaction, NOW), job_id)
    assert job.state == "cancelled"
    assert await repository.claim(database, "me", NOW) is None


async def test_slots_are_shared_between_jobs(database: Database) -> None:
    """Two jobs on four slots get two each while both run."""
    release = asyncio.Event()

    async def wait(number: int) -> int:
        await release.wait()
        return number

    node = _node(database, wait, slots=4)
    first = await _submit(database, node.runner, 40)
    second = await _submit(database, node.runner, 40)
    release.set()
    for job_id in (first, second):
        assert (await _ended(database, job_id)).state == "succeeded"
    shares = {task.share for task in node.hands.tasks}
    await node.end()
    assert shares == {first, second}
    assert node.hands.most <= 6, "four, and two from before the second job came"


async def test_a_job_that_breaks_fails_for_its_client_to_see(
    database: Database,
) -> None:
    """An error in the workload ends the job and leaves the runner running."""

    async def broken(number: int) -> int:
        raise ZeroDivisionError

    node = _node(database, broken)
    job = await _ended(database, await _submit(database, node.runner, 2))
    assert job.state == "failed"
    assert job.error
    assert not node.task.done()
    await node.end()


@pytest.mark.parametrize("step", ["claim", "save", "finish"])
async def test_what_others_hinder_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A lock that is not to be had now ends neither the runner nor a job."""
    real = getattr(repository, step)
    hindrances = [SerializationFailed(), Unavailable("Others hold what this needs.")]

    async def hindered(*args: Any, **options: Any) -> Any:
        if hindrances:
            raise hindrances.pop()
        return await real(*args, **options)

    monkeypatch.setattr(repository, step, hindered)
    node = _node(database, _answer)
    job = await _ended(database, await _submit(database, node.runner, 3))
    await node.end()
    assert (job.state, hindrances) == ("succeeded", [])
