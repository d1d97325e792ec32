"""Tests of what a Dask cluster is taken for, with a double in place of its client."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError as FutureCancelled
from types import SimpleNamespace
from typing import Any

import pytest

from collegium import __version__
from collegium.errors import NotFound, TaskFailed, TaskLost, WorkerUnreachable
from collegium.fleet.engine import NotStarted, Ran
from collegium.fleet.members import Member
from collegium.fleet.tasks import Task
from collegium.protocol import Announcement

distributed = pytest.importorskip("distributed", reason="needs collegium[dask]")

from collegium.fleet.dask_parcel import Offer  # noqa: E402 - needs the extra
from collegium.fleet.engine_dask import MEMBER_ID, DaskEngine  # noqa: E402

GOOD = Offer(__version__, frozenset({"echo", "sleep"}))
MEMBER = Member(MEMBER_ID, "1", "tcp://127.0.0.1:1")


class Cluster:
    """Stands for Dask's client: workers with threads, and what each of them says."""

    def __init__(self, workers: dict[str, tuple[int, Any]]) -> None:
        self.status = "running"
        self.workers = workers
        self.asked: list[str] = []
        self.sent: list[Any] = []
        self.outcome: Any = (b"1", 0.5)
        self.scheduler = SimpleNamespace(identity=self._identity)

    async def _identity(self) -> dict[str, Any]:
        threads = {name: {"nthreads": n} for name, (n, _) in self.workers.items()}
        return {"workers": threads, "total_threads": len(threads)}

    async def run(self, _: Any, *, workers: list[str], on_error: str) -> dict[str, Any]:
        """Answer as the workers do."""
        self.asked += workers
        assert on_error == "return"
        return {name: self.workers[name][1] for name in workers}

    async def scatter(self, data: list[bytes], *, hash: bool) -> list[Any]:  # noqa: A002
        """Take payloads in."""
        assert hash is False
        self.sent += data
        return [SimpleNamespace(status="finished")]

    async def submit(self, *_: Any, **__: Any) -> Any:
        """Give the outcome."""
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    async def close(self, timeout: float) -> None:
        """Close."""
        self.status = "closed"


class Told:
    """Takes announcements."""

    def __init__(self) -> None:
        self.said: list[Announcement] = []

    def __call__(self, member_id: str, said: Announcement) -> None:
        """Note one."""
        assert member_id == MEMBER_ID
        self.said.append(said)


async def _blob(sha256: str) -> bytes:
    if sha256 == "missing":
        raise NotFound("There is no such blob.")
    return sha256.encode()


def _engine(cluster: Cluster) -> tuple[DaskEngine, Told]:
    told = Told()
    engine = DaskEngine("tcp://127.0.0.1:1", _blob, told, heartbeat_s=5.0)
    engine._client = cluster  # the double of what it would connect to
    return engine, told


async def _visit_twice(engine: DaskEngine) -> None:
    """Look once to ask, and once more when the answers are there."""
    await engine._visit()
    await asyncio.gather(*engine._asking.values())
    await engine._visit()


async def _run(engine: DaskEngine, *blobs: str) -> Ran:
    task = Task("echo", b"1", 5.0, blobs=blobs)
    return await engine.run(MEMBER, task, attempt=1, deadline_s=5.0, on_progress=None)


async def test_a_cluster_has_the_slots_of_all_its_threads() -> None:
    """Slots are summed; offered is what every Dask worker can run."""
    other = Offer(__version__, frozenset({"echo"}))
    cluster = Cluster({"a": (2, GOOD), "b": (3, other)})
    engine, told = _engine(cluster)
    await _visit_twice(engine)
    (said,) = told.said
    assert (said.slots, said.workloads) == (5, ["echo"])
    assert said.url == "tcp://127.0.0.1:1"


async def test_each_worker_is_asked_once() -> None:
    """A later look asks only newcomers, and forgets who is gone."""
    cluster = Cluster({"a": (1, GOOD)})
    engine, told = _engine(cluster)
    await _visit_twice(engine)
    cluster.workers = {"b": (1, GOOD)}
    await _visit_twice(engine)
    assert cluster.asked == ["a", "b"]
    assert [said.slots for said in told.said] == [1, 1]
    assert told.said[0].sequence < told.said[1].sequence


@pytest.mark.parametrize(
    "answer", [ModuleNotFoundError("collegium"), Offer("0.0.0", frozenset({"echo"}))]
)
async def test_a_worker_without_this_version_stops_the_use(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A task could land there, so nothing is announced, and the log says why."""
    engine, told = _engine(Cluster({"a": (1, GOOD), "b": (1, answer)}))
    await _visit_twice(engine)
    assert told.said == []
    assert "the cluster is not used" in caplog.text


async def test_a_payload_is_sent_once() -> None:
    """Tasks that read the same payload share its place in the cluster."""
    cluster = Cluster({})
    engine, _ = _engine(cluster)
    for _ in range(3):
        assert await _run(engine, "one", "two") == Ran(b"1", 0.5)
    assert cluster.sent == [b"one", b"two"]


async def test_after_a_loss_payloads_are_sent_again() -> None:
    """What Dask has cancelled may have been the payload's place."""
    cluster = Cluster({})
    engine, _ = _engine(cluster)
    await _run(engine, "one")
    cluster.outcome = FutureCancelled()
    with pytest.raises(WorkerUnreachable):
        await _run(engine, "one")
    cluster.outcome = (b"1", 0.5)
    await _run(engine, "one")
    assert cluster.sent == [b"one", b"one"]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (FutureCancelled(), WorkerUnreachable),
        (OSError("gone"), WorkerUnreachable),
        (TaskFailed("no"), TaskFailed),
        (TaskLost("died"), TaskLost),
        (NotFound("no workload"), NotStarted),
    ],
)
async def test_every_failure_is_one_that_the_dispatcher_knows(
    raised: Exception, expected: type[Exception]
) -> None:
    """What is lost may run elsewhere; what has failed has failed."""
    cluster = Cluster({})
    cluster.outcome = raised
    engine, _ = _engine(cluster)
    with pytest.raises(expected):
        await _run(engine)
    counts = engine.counters.to_dict()
    assert counts["tasks_started"] == 1
    assert counts["tasks_completed"] == 0


async def test_a_missing_payload_starts_nothing() -> None:
    """Another place may have the payload: no attempt counts."""
    engine, _ = _engine(Cluster({}))
    with pytest.raises(NotStarted):
        await _run(engine, "missing")


async def test_without_a_scheduler_nothing_is_started() -> None:
    """While the client is not connected, tasks go elsewhere at once."""
    cluster = Cluster({"a": (1, GOOD)})
    engine, _ = _engine(cluster)
    assert await engine.probe(MEMBER)
    cluster.status = "connecting"
    assert not await engine.probe(MEMBER)
    with pytest.raises(NotStarted):
        await _run(engine)


async def test_a_cluster_without_workers_is_not_alive() -> None:
    """A scheduler that answers but has nobody to work gets no task."""
    engine, _ = _engine(Cluster({}))
    assert not await engine.probe(MEMBER)
