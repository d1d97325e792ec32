"""What coordinators delete from time to time, on either database."""

from __future__ import annotations

import asyncio
import datetime
import shutil
from pathlib import Path

import pytest

from collegium.coordinator import housekeeping
from collegium.coordinator.app import create_app
from collegium.coordinator.housekeeping import INTERVAL_S, keeping_house
from collegium.db.answers import KEPT, remember
from collegium.db.database import Database
from collegium.db.sqlite import SqliteDatabase
from collegium.db.work import Work, timestamp, utc_clock
from collegium.settings import CoordinatorSettings
from fixtures.asgi import serving
from fixtures.disks import Disk

_SOME = 7


class Pauses:
    """Pauses that end when the test says so."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self._ends: asyncio.Queue[None] = asyncio.Queue()

    async def __call__(self, seconds: float) -> None:
        """Wait for the test."""
        self.asked.put_nowait(seconds)
        await self._ends.get()

    async def end(self) -> None:
        """End a pause; return when the round after it is over."""
        self._ends.put_nowait(None)
        async with asyncio.timeout(30):
            await self.asked.get()


async def _count(database: Database) -> int:
    row = await database.fetch_one("SELECT count(*) FROM answers")
    assert row is not None
    return int(row[0])


async def _fill(database: Database) -> None:
    async with database.transaction() as transaction:
        work = Work(transaction, timestamp(utc_clock()))
        for number in range(_SOME):
            await remember(work, "a", str(number), fingerprint="f", answer="{}")


async def test_expired_answers_are_deleted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each round deletes what has expired by then, in as many batches as it takes."""
    monkeypatch.setattr(housekeeping, "BATCH", 3)
    await _fill(database)
    ahead = datetime.timedelta(0)
    pauses = Pauses()
    keeping = keeping_house(
        database, clock=lambda: utc_clock() + ahead, pause=pauses, chance=lambda: 0.25
    )
    async with keeping:
        assert await pauses.asked.get() == 0.75 * INTERVAL_S
        await pauses.end()
        assert await _count(database) == _SOME
        ahead = KEPT + datetime.timedelta(minutes=1)
        await pauses.end()
        assert await _count(database) == 0


async def test_it_outlives_a_failing_database(
    sqlite_template: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A round that fails is logged, and the next one does what it could not."""
    path = tmp_path / "catalogue.db"
    shutil.copy(sqlite_template, path)
    disk = Disk()
    database = SqliteDatabase(path, vfs=disk.name)
    await database.open()
    await _fill(database)
    later = utc_clock() + KEPT + datetime.timedelta(minutes=1)
    pauses = Pauses()
    async with keeping_house(database, clock=lambda: later, pause=pauses):
        await pauses.asked.get()
        disk.is_broken = True
        await pauses.end()
        assert "expired answers stay until the next round" in caplog.text
        assert await _count(database) == _SOME
        disk.is_broken = False
        await pauses.end()
        assert await _count(database) == 0
    await database.close()


async def test_it_ends_with_its_block(database: Database) -> None:
    """Nothing is left running when the block is left, in the middle of a pause too."""
    pauses = Pauses()
    async with keeping_house(database, pause=pauses):
        await pauses.asked.get()
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert "housekeeping" in names
    assert "housekeeping" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_a_coordinator_keeps_house(tmp_path: Path) -> None:
    """The task runs as long as a coordinator does."""
    database = f"sqlite:///{tmp_path / 'collegium.db'}"
    settings = CoordinatorSettings(database=database, data_dir=tmp_path, local_slots=1)
    async with serving(create_app(settings)):
        assert "housekeeping" in {task.get_name() for task in asyncio.all_tasks()}
    assert "housekeeping" not in {task.get_name() for task in asyncio.all_tasks()}
