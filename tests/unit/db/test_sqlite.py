"""SQLite behind the Database protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest

from collegium.db.database import (
    CheckViolated,
    ReferenceViolated,
    ScriptFailed,
    UniqueViolated,
)
from collegium.db.sqlite import SqliteDatabase
from collegium.errors import DatabaseUnavailable
from fixtures.databases import opened
from fixtures.disks import Disk, new_disk

SCHEMA = """
CREATE TABLE revisions (id INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO revisions VALUES (1, 0);
CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE things (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE,
    size INTEGER CHECK (size >= 0),
    parent INTEGER REFERENCES parents (id)
) STRICT;
"""
ADD = "INSERT INTO things (name) VALUES (?)"
COUNT = "SELECT count(*) FROM things"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """Return a database that waits shortly for others."""
    async with opened(SqliteDatabase(tmp_path / "x.db", busy_s=0.2)) as database:
        await database.run_script(SCHEMA)
        yield database


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Return a disk that can be broken."""
    with new_disk() as disk:
        yield disk


@pytest.fixture
async def on_disk(tmp_path: Path, disk: Disk) -> AsyncIterator[SqliteDatabase]:
    """Return a database on that disk."""
    database = SqliteDatabase(tmp_path / "x.db", vfs=disk.name)
    async with opened(database):
        await database.run_script(SCHEMA)
        yield database


async def add(database: SqliteDatabase, name: str) -> None:
    """Add a row in a transaction of its own."""
    async with database.transaction() as transaction:
        await transaction.execute(ADD, (name,))


async def count(database: SqliteDatabase) -> int:
    """Return how many rows are committed."""
    row = await database.fetch_one(COUNT)
    assert row is not None
    return int(row[0])


async def test_reader_sees_the_last_commit(database: SqliteDatabase) -> None:
    """A read after a transaction sees what it changed; one during it does not."""
    async with database.transaction() as transaction:
        await transaction.execute(ADD, ("a",))
        assert await transaction.fetch_all("SELECT name FROM things") == [("a",)]
        assert await count(database) == 0
    assert await count(database) == 1


async def test_failed_request_leaves_the_others_of_its_group(
    database: SqliteDatabase,
) -> None:
    """Of requests that share a commit, only the one that fails is undone."""

    async def fail() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, ("lost",))
            raise RuntimeError("after its change")

    results = await asyncio.gather(
        add(database, "a"), fail(), add(database, "b"), return_exceptions=True
    )
    assert [type(result) for result in results] == [
        type(None),
        RuntimeError,
        type(None),
    ]
    names = await database.fetch_all("SELECT name FROM things ORDER BY name")
    assert names == [("a",), ("b",)]


async def test_cancelled_request_changes_nothing(database: SqliteDatabase) -> None:
    """A request cancelled inside its transaction is undone, and others go on."""
    is_inside = asyncio.Event()

    async def hang() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, ("lost",))
            is_inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await is_inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add(database, "a")
    assert await count(database) == 1


async def test_requests_share_commits(on_disk: SqliteDatabase, disk: Disk) -> None:
    """Forty requests at once take far fewer than forty waits for the disk."""
    before = disk.syncs
    await asyncio.gather(*(add(on_disk, str(number)) for number in range(40)))
    assert await count(on_disk) == 40
    assert 1 <= disk.syncs - before <= 5


async def test_acknowledged_only_once_on_disk(
    on_disk: SqliteDatabase, disk: Disk
) -> None:
    """A transaction ends after its sync has ended, and the loop turns meanwhile."""
    disk.gate.clear()
    before = disk.syncs
    task = asyncio.create_task(add(on_disk, "a"))
    for _ in range(20):
        await asyncio.sleep(0.005)
        assert await count(on_disk) == 0
    assert not task.done()
    assert disk.syncs == before
    disk.gate.set()
    await task
    assert disk.syncs > before
    assert await count(on_disk) == 1


async def test_refused_only_for_what_is_committed(
    on_disk: SqliteDatabase, disk: Disk
) -> None:
    """Who is refused because of another of the group is told when all can see why."""
    disk.gate.clear()
    adding = asyncio.create_task(add(on_disk, "a"))
    refused = asyncio.create_task(add(on_disk, "a"))
    for _ in range(20):
        await asyncio.sleep(0.005)
        assert await count(on_disk) == 0
        assert not refused.done(), "refused for what nobody can read yet"
    disk.gate.set()
    with pytest.raises(UniqueViolated):
        await refused
    assert await count(on_disk) == 1
    await adding


async def test_nobody_is_refused_for_what_never_was(
    on_disk: SqliteDatabase, disk: Disk
) -> None:
    """When the commit fails, a refusal because of it is no refusal but a failure."""
    disk.is_broken = True
    results = await asyncio.gather(
        add(on_disk, "a"), add(on_disk, "a"), return_exceptions=True
    )
    disk.is_broken = False
    assert [type(result) for result in results] == [DatabaseUnavailable] * 2


async def test_refused_at_once_when_nothing_is_under_way(
    on_disk: SqliteDatabase, disk: Disk
) -> None:
    """A refusal for what has been committed before does not wait for the disk."""
    await add(on_disk, "a")
    before = disk.syncs
    with pytest.raises(UniqueViolated):
        await add(on_disk, "a")
    assert disk.syncs == before


async def test_broken_disk_acknowledges_nothing(
    on_disk: SqliteDatabase, disk: Disk
) -> None:
    """When the sync fails all requests of the group fail; later ones succeed."""
    await add(on_disk, "before")
    disk.is_broken = True
    results = await asyncio.gather(
        *(add(on_disk, str(number)) for number in range(5)), return_exceptions=True
    )
    assert {type(result) for result in results} == {DatabaseUnavailable}
    assert await count(on_disk) == 1
    disk.is_broken = False
    await add(on_disk, "after")
    names = await on_disk.fetch_all("SELECT name FROM things ORDER BY id")
    assert names == [("before",), ("after",)]
    assert await on_disk.fetch_all("PRAGMA integrity_check") == [("ok",)]


async def test_full_disk_acknowledges_nothing(
    on_disk: SqliteDatabase, disk: Disk
) -> None:
    """When nothing can be written requests fail, and succeed once there is room."""
    disk.is_full = True
    with pytest.raises(DatabaseUnavailable):
        await add(on_disk, "lost")
    disk.is_full = False
    await add(on_disk, "kept")
    assert await on_disk.fetch_all("SELECT name FROM things") == [("kept",)]


async def test_big_change_on_a_full_disk_fails_its_whole_group(
    on_disk: SqliteDatabase, disk: Disk
) -> None:
    """When SQLite gives up the common transaction, no member is acknowledged."""
    small = asyncio.create_task(add(on_disk, "small"))

    async def spill() -> None:
        async with on_disk.transaction() as transaction:
            disk.is_full = True
            # More than the page cache holds, so that it is written before the end.
            for number in range(200):
                await transaction.execute(ADD, (f"{number}" + "x" * 1_000_000,))

    results = await asyncio.gather(small, spill(), return_exceptions=True)
    assert {type(result) for result in results} == {DatabaseUnavailable}
    disk.is_full = False
    await add(on_disk, "kept")
    assert await on_disk.fetch_all("SELECT name FROM things") == [("kept",)]


async def test_other_writer_is_waited_for(tmp_path: Path) -> None:
    """A writer of another connection delays ours without stopping the loop."""
    async with opened(SqliteDatabase(tmp_path / "x.db", busy_s=60)) as database:
        await database.run_script(SCHEMA)
        other = apsw.Connection(str(tmp_path / "x.db"))
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(add(database, "a"))
        for _ in range(5):
            await asyncio.sleep(0.005)
            assert await count(database) == 0
        other.execute("COMMIT")
        await task
        assert await count(database) == 1
        other.close()


async def test_other_writer_that_stays_is_reported(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    """A writer that does not end makes ours unavailable for the time being."""
    other = apsw.Connection(str(tmp_path / "x.db"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable):
        await add(database, "a")
    other.execute("COMMIT")
    await add(database, "b")
    assert await count(database) == 1
    other.close()


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("INSERT INTO things (id) VALUES (1)", UniqueViolated),
        ("INSERT INTO things (name) VALUES ('a')", UniqueViolated),
        ("INSERT INTO things (parent) VALUES (7)", ReferenceViolated),
        ("INSERT INTO things (size) VALUES (-1)", CheckViolated),
        ("INSERT INTO things (size) VALUES ('text')", CheckViolated),
    ],
)
async def test_refused_changes(
    database: SqliteDatabase, sql: str, error: type[Exception]
) -> None:
    """Each kind of constraint has an error of its own."""
    await add(database, "a")
    with pytest.raises(error):
        async with database.transaction() as transaction:
            await transaction.execute(sql)
    assert await count(database) == 1


async def test_wrong_statement_is_our_fault(database: SqliteDatabase) -> None:
    """A statement that does not parse is not blamed on the database."""
    with pytest.raises(apsw.SQLError):
        await database.fetch_all("SELEKT 1")


async def test_snapshot_stays_as_it_was(database: SqliteDatabase) -> None:
    """All reads of a snapshot see one state, whatever is committed meanwhile."""
    await add(database, "a")
    async with database.snapshot() as reader:
        assert (await reader.fetch_one(COUNT)) == (1,)
        await add(database, "b")
        assert (await reader.fetch_one(COUNT)) == (1,)
        assert await count(database) == 2
    async with database.snapshot() as reader:
        assert (await reader.fetch_one(COUNT)) == (2,)


async def test_data_version_tells_of_commits(database: SqliteDatabase) -> None:
    """The number stays while nothing is committed, and differs afterwards."""
    before = await database.data_version()
    assert await database.data_version() == before
    await add(database, "a")
    assert await database.data_version() != before


async def test_revisions_grow_and_are_not_used_twice(database: SqliteDatabase) -> None:
    """Each revision that was committed is greater than all before."""
    found = []
    for _ in range(3):
        async with database.transaction() as transaction:
            found += [await transaction.next_revision() for _ in range(2)]
    assert found == sorted(set(found))


async def test_script_is_all_or_nothing(database: SqliteDatabase) -> None:
    """A script with a wrong statement leaves no trace, and foreign keys stay on."""
    with pytest.raises(ScriptFailed):
        await database.run_script("CREATE TABLE extra (id INTEGER); CREATE NONSENSE;")
    found = await database.fetch_all("SELECT 1 FROM sqlite_schema WHERE name = 'extra'")
    assert found == []
    with pytest.raises(ReferenceViolated):
        await database.run_script("INSERT INTO things (parent) VALUES (9)")
    with pytest.raises(ReferenceViolated):
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO things (parent) VALUES (9)")


async def test_settings_that_durability_rests_on(database: SqliteDatabase) -> None:
    """WAL, full synchronisation, foreign keys, no SQLite with the WAL bug."""
    facts = await database.describe()
    assert facts["journal_mode"] == "wal"
    assert tuple(map(int, facts["sqlite_version"].split("."))) >= (3, 51, 3)
    async with database.transaction() as transaction:
        assert await transaction.fetch_one("PRAGMA synchronous") == (2,)
        assert await transaction.fetch_one("PRAGMA foreign_keys") == (1,)


async def test_readers_cannot_write(database: SqliteDatabase) -> None:
    """Outside a transaction nothing can be changed."""
    with pytest.raises(DatabaseUnavailable):
        await database.fetch_all("DELETE FROM things")
