"""Tests of choosing an engine for a member."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, cast

import pytest

from collegium.errors import Misconfigured
from collegium.fleet.engine import Ran
from collegium.fleet.engine_http import HttpEngine
from collegium.fleet.engines import Engines, check_engine, cluster_engine
from collegium.fleet.members import Member
from collegium.fleet.tasks import Task
from collegium.settings import CoordinatorSettings


class Recorder:
    """An engine that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def start(self) -> None:
        """Note it."""
        self.asked.append("start")

    async def close(self) -> None:
        """Note it."""
        self.asked.append("close")

    async def run(self, member: Member, task: Task, **_: Any) -> Ran:
        """Note it."""
        self.asked.append(f"run {member.id}")
        return Ran(b"1", 0.0)

    async def probe(self, member: Member) -> bool:
        """Note it."""
        self.asked.append(f"probe {member.id}")
        return True

    def abandon(self, member: Member, task_id: str) -> None:
        """Note it."""
        self.asked.append(f"abandon {member.id}")


async def _no_blob(sha256: str) -> bytes:
    raise AssertionError(sha256)


@pytest.fixture
def without_dask() -> Iterator[None]:
    """Make Python behave as where the extra is not installed."""
    hidden = {n: m for n, m in sys.modules.items() if _is_dask(n)}
    for name in hidden:
        del sys.modules[name]
    sys.modules["distributed"] = None  # type: ignore[assignment]
    yield
    del sys.modules["distributed"]
    sys.modules.update(hidden)


def _is_dask(name: str) -> bool:
    top = name.partition(".")[0]
    return top == "distributed" or name.startswith("collegium.fleet.engine_dask")


async def test_each_member_has_the_engine_of_its_address() -> None:
    """A member over HTTP never gets to the cluster's engine, nor the reverse."""
    http, cluster = Recorder(), Recorder()
    engines = Engines(cast("HttpEngine", http), cluster)
    one = Member("w1", "1", "http://127.0.0.1:1")
    other = Member("dask", "1", "tcp://127.0.0.1:2")
    task = Task("echo", b"1", 1.0)
    await engines.start()
    for member in (one, other):
        await engines.run(member, task, attempt=1, deadline_s=1.0, on_progress=None)
        await engines.probe(member)
        engines.abandon(member, task.id)
    await engines.close()
    assert http.asked == ["run w1", "probe w1", "abandon w1", "close"]
    assert cluster.asked == ["start", "run dask", "probe dask", "abandon dask", "close"]


@pytest.mark.parametrize("engine", ["http", "local"])
def test_other_engines_need_no_cluster(engine: Any) -> None:
    """Without the engine dask nothing of Dask is looked for."""
    settings = CoordinatorSettings(engine=engine)
    check_engine(settings)
    assert cluster_engine(settings, _no_blob, print) is None


@pytest.mark.parametrize("address", [None, "127.0.0.1:8786", "http://127.0.0.1:8786"])
def test_dask_needs_an_address(address: str | None) -> None:
    """The error names the option and the form of the address."""
    settings = CoordinatorSettings(engine="dask", dask_scheduler=address)
    with pytest.raises(Misconfigured, match=r"--dask-scheduler .* tcp://HOST:PORT"):
        check_engine(settings)


@pytest.mark.usefixtures("without_dask")
def test_dask_needs_its_extra() -> None:
    """Where the package is missing the error names the extra to install."""
    settings = CoordinatorSettings(engine="dask", dask_scheduler="tcp://127.0.0.1:1")
    with pytest.raises(Misconfigured, match=r"collegium\[dask\]"):
        check_engine(settings)
