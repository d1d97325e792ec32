"""Files that are no database, that are being made, or that others hold."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from pathlib import Path

import apsw
import pytest

from collegium.db.sqlite import SqliteDatabase
from collegium.errors import DatabaseUnavailable
from fixtures.writers import open_and_write


async def test_not_a_database(tmp_path: Path) -> None:
    """A file that is something else is refused with one clear error."""
    path = tmp_path / "x.db"
    path.write_bytes(b"certainly not a database, but long enough to be one" * 99)
    with pytest.raises(DatabaseUnavailable):
        await SqliteDatabase(path).open()


async def test_a_database_being_made_is_waited_for(tmp_path: Path) -> None:
    """One who writes before there is a log is no reason to give up, but to wait."""
    path = tmp_path / "x.db"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE t (x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)")
    database = SqliteDatabase(path)
    opening = asyncio.create_task(database.open())
    done, _ = await asyncio.wait([opening], timeout=0.3)
    assert not done
    other.execute("COMMIT")
    other.close()
    await opening
    assert (await database.describe())["journal_mode"] == "wal"
    await database.close()


async def test_a_database_that_stays_locked_is_an_error(tmp_path: Path) -> None:
    """The wait for the log has an end."""
    path = tmp_path / "x.db"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE t (x); BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked"):
        await SqliteDatabase(path, busy_s=0.1).open()
    other.close()


@pytest.mark.processes
def test_processes_may_begin_and_write_at_once(tmp_path: Path) -> None:
    """Two processes make one new database together and both write all they want."""
    path = tmp_path / "x.db"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=open_and_write, args=(path, n)) for n in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (40,)
    connection.close()
