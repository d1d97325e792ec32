"""Migrations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from collegium.db.migrate import downgrade, migrate, migration_script, schema_version
from collegium.db.sqlite import SqliteDatabase
from collegium.db.tables import metadata
from collegium.errors import Misconfigured


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """Return an empty database."""
    database = SqliteDatabase(tmp_path / "x.db")
    await database.open()
    yield database
    await database.close()


async def columns_of(database: SqliteDatabase) -> dict[str, list[tuple[object, ...]]]:
    """Return name, type, nullability and key of each column of each table."""
    tables = await database.fetch_all(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
        "AND name NOT LIKE 'sqlite%' AND name <> 'alembic_version'"
    )
    return {
        name: [
            tuple(row)
            for row in await database.fetch_all(
                'SELECT name, type, "notnull", pk FROM pragma_table_info(?) '
                "ORDER BY name",
                (name,),
            )
        ]
        for (name,) in tables
    }


async def rules_of(database: SqliteDatabase) -> set[tuple[object, ...]]:
    """Return all foreign keys and all sets of unique columns."""
    found: set[tuple[object, ...]] = set()
    for table in await columns_of(database):
        for row in await database.fetch_all(
            'SELECT "table", "from", "to", on_delete FROM pragma_foreign_key_list(?)',
            (table,),
        ):
            found.add((table, *row))
        for name, unique in await database.fetch_all(
            'SELECT name, "unique" FROM pragma_index_list(?)', (table,)
        ):
            columns = await database.fetch_all(
                "SELECT name FROM pragma_index_info(?)", (name,)
            )
            found.add((table, unique, *(row[0] for row in columns)))
    return found


async def test_migrations_lead_to_the_tables(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    """Migrated from nothing, the schema is what ``db.tables`` says."""
    await migrate(database)
    described = SqliteDatabase(tmp_path / "described.db")
    await described.open()
    dialect = sqlite.dialect()
    script = ""
    for table in metadata.sorted_tables:
        script += str(sa.schema.CreateTable(table).compile(dialect=dialect)) + ";"
        for index in table.indexes:
            script += str(sa.schema.CreateIndex(index).compile(dialect=dialect)) + ";"
    await described.run_script(script)
    try:
        assert await columns_of(database) == await columns_of(described)
        assert await rules_of(database) == await rules_of(described)
    finally:
        await described.close()


async def test_every_table_is_strict(database: SqliteDatabase) -> None:
    """No column takes a value of another type."""
    await migrate(database)
    loose = await database.fetch_all(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND NOT strict "
        "AND type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'alembic_version'"
    )
    assert loose == []


async def test_down_leaves_nothing_and_up_comes_back(database: SqliteDatabase) -> None:
    """The way down to nothing and up again leads to the same schema."""
    version = await migrate(database)
    tables = await columns_of(database)
    assert tables
    await downgrade(database, "base")
    assert await columns_of(database) == {}
    assert await schema_version(database) is None
    assert await migrate(database) == version
    assert await columns_of(database) == tables


async def test_nothing_left_to_do(database: SqliteDatabase) -> None:
    """A second migration changes nothing."""
    version = await migrate(database)
    before = await database.data_version()
    assert await migrate(database) == version
    assert await database.data_version() == before


async def test_several_may_migrate_at_once(tmp_path: Path) -> None:
    """Coordinators that start together all find the schema made, by one of them."""
    databases = [SqliteDatabase(tmp_path / "x.db") for _ in range(3)]
    for database in databases:
        await database.open()
    versions = await asyncio.gather(*map(migrate, databases))
    assert len(set(versions)) == 1
    for database in databases:
        await database.close()


async def test_later_schema_is_refused(database: SqliteDatabase) -> None:
    """A database of a later program is left alone, with a reason."""
    await migrate(database)
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Misconfigured, match="9999"):
        await migrate(database)


def test_both_dialects_have_scripts() -> None:
    """Each migration can be written for either database."""
    for dialect in ("sqlite", "postgresql"):
        script = migration_script(dialect, None, "head")
        assert "CREATE TABLE universities" in script
    assert "STRICT" in migration_script("sqlite", None, "head")
