"""A fleet under a seeded plan of faults: nothing is lost, nothing counts twice.

``COLLEGIUM_FAULTS`` says how many faults each plan has, ``COLLEGIUM_FAULTS_SEED`` which
plan it is.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from fixtures.faults.books import Books
from fixtures.faults.harms import Harms
from fixtures.faults.load import Load
from fixtures.faults.plan import make_plan
from fixtures.faults.site import Site, Store
from fixtures.faults.stores import PostgresqlStore, SqliteStore
from fixtures.faults.verdict import figures, judge
from fixtures.postgresql import Postgresql

COUNT = int(os.environ.get("COLLEGIUM_FAULTS", "5"))
SEED = int(os.environ.get("COLLEGIUM_FAULTS_SEED", "1"))

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300 + 10 * COUNT),
    pytest.mark.usefixtures("compiled_solver"),
    # A listening proxy that closes while somebody connects loses that connection:
    # asyncio of Python 3.11 has made its transport, and then finds no server for it.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
    ),
]


@pytest.fixture
def store_of_two(postgresql: Postgresql) -> PostgresqlStore:
    """Return a new database on the tests' own server."""
    return PostgresqlStore(postgresql)


async def _endure(
    folder: Path, store: Store, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Let a plan happen to a site under load; whatever is wrong fails the test."""
    coordinators = 2 if store.can_freeze else 1
    began_s = time.monotonic()
    async with Site(folder, store, coordinators=coordinators, workers=3) as site:
        harms, load, books = Harms(site), Load(site, seed), Books(site)
        plan = make_plan(seed, COUNT, harms.targets())
        is_over = asyncio.Event()
        watching = asyncio.create_task(books.watch())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run(is_over))
                try:
                    await harms.follow(plan)
                finally:
                    is_over.set()
        finally:
            watching.cancel()
        wrong = await judge(site, load, books)
        said = figures(site, harms, load, books)
        said |= {"seed": seed, "seconds": round(time.monotonic() - began_s, 1)}
        with capsys.disabled():
            print(f"\n{store.url.partition(':')[0]}: {json.dumps(said, indent=2)}")  # noqa: T201 - the figures are what people run this for
        assert not wrong, "\n".join(wrong)
        assert harms.done.total() == COUNT


async def test_one_coordinator_on_sqlite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file as the database, locked by others now and then."""
    store = SqliteStore(tmp_path / "collegium.db")
    await _endure(tmp_path, store, SEED, capsys)


async def test_two_coordinators_on_postgresql(
    store_of_two: PostgresqlStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server as the database, shut down and stopped now and then."""
    await _endure(tmp_path, store_of_two, SEED + 1, capsys)
