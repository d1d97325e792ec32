"""Questions to SQLite that a thread asks, some of which have no end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from collegium.db.sqlite import SqliteDatabase
from collegium.db.sqlite_statements import rows_of
from collegium.errors import DeadlineExceeded
from fixtures.databases import opened

ENDLESS = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT count(*) FROM n"
)


async def test_scan_is_bounded_and_out_of_the_way(tmp_path: Path) -> None:
    """A scan without end is stopped at its limit; reads go on while it runs."""
    database = SqliteDatabase(tmp_path / "x.db", scan_limit_s=0.3)
    async with opened(database):
        await database.run_script("CREATE TABLE things (id INTEGER PRIMARY KEY) STRICT")
        task = asyncio.create_task(database.scan(ENDLESS))
        for _ in range(10):
            await asyncio.sleep(0.01)
            assert await database.fetch_one("SELECT count(*) FROM things") == (0,)
        with pytest.raises(DeadlineExceeded):
            await task
        assert await database.scan("SELECT 1") == [(1,)]


async def test_a_scan_that_begins_late_is_bounded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that has not begun when the time is up is stopped once it has."""

    def late(*question: Any) -> Any:
        time.sleep(0.4)
        return rows_of(*question)

    database = SqliteDatabase(tmp_path / "x.db", scan_limit_s=0.1)
    async with opened(database):
        monkeypatch.setattr("collegium.db.sqlite.rows_of", late)
        with pytest.raises(DeadlineExceeded):
            await asyncio.wait_for(database.scan(ENDLESS), 60)
        given_up = asyncio.create_task(database.scan(ENDLESS))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait([given_up])
        # All connections come back, so that the database closes.


async def test_scans_whose_askers_have_gone_end(tmp_path: Path) -> None:
    """As many as there are connections are given up, long before their limit."""
    async with opened(SqliteDatabase(tmp_path / "x.db", scan_limit_s=600)) as database:
        tasks = [asyncio.create_task(database.scan(ENDLESS)) for _ in range(3)]
        await asyncio.wait(tasks, timeout=0.2)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert await asyncio.wait_for(database.scan("SELECT 1"), 30) == [(1,)]
