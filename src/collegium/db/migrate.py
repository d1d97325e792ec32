"""Bring a database's schema to the version that this program needs.

Alembic writes each migration as SQL; this module runs it through our own drivers in
one transaction, so that the program has one way to reach its database.
"""

from __future__ import annotations

import io
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from collegium.db.database import Database, Dialect, ScriptFailed
from collegium.errors import Misconfigured

_HERE = Path(__file__).parent / "migrations"


async def migrate(database: Database, target: str = "head") -> str:
    """Bring the schema up to ``target``; return the version it has then.

    Several processes may do it at once: the later ones find nothing left to do.

    Raises
    ------
    Misconfigured
        When the schema is of a later version of this program.
    """
    while True:
        current = await schema_version(database)
        script = migration_script(database.dialect, current, target)
        if not script:
            return current or ""
        try:
            await database.run_script(script)
        except ScriptFailed:
            # Somebody else was faster, or the script is wrong: the version tells.
            if await schema_version(database) == current:
                raise


async def downgrade(database: Database, target: str) -> None:
    """Bring the schema down to an earlier version, or to ``base``."""
    current = await schema_version(database)
    script = migration_script(database.dialect, current, target, is_down=True)
    if script:
        await database.run_script(script)


async def schema_version(database: Database) -> str | None:
    """Return the version that the schema has, None when it is empty."""
    catalog = {
        "sqlite": "SELECT name FROM sqlite_schema WHERE name = 'alembic_version'",
        "postgresql": "SELECT to_regclass('alembic_version')::text",
    }[database.dialect]
    found = await database.fetch_one(catalog)
    if found is None or found[0] is None:
        return None
    row = await database.fetch_one("SELECT version_num FROM alembic_version")
    return None if row is None else str(row[0])


def migration_script(
    dialect: Dialect, current: str | None, target: str, *, is_down: bool = False
) -> str:
    """Return the SQL that leads from one version to another; empty when none is needed.

    Raises
    ------
    Misconfigured
        When this program does not know the current version.
    """
    output = io.StringIO()
    config = Config(output_buffer=output, attributes={"dialect": dialect})
    config.set_main_option("script_location", str(_HERE))
    scripts = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise Misconfigured(
            f"The database has schema version {current}, which this program does not "
            "know: start the program that made it, or a later one."
        )
    if target in (current, None) or (
        target == "head" and current in scripts.get_heads()
    ):
        return ""
    steps = scripts._downgrade_revs if is_down else scripts._upgrade_revs  # noqa: SLF001 - as alembic.command does

    with EnvironmentContext(
        config,
        scripts,
        fn=lambda revision, _: steps(target, revision),
        as_sql=True,
        starting_rev=current,
        destination_rev=target,
    ):
        scripts.run_env()
    if is_down and target == "base":
        # Written out, the way up from nothing begins by making this table.
        output.write("DROP TABLE alembic_version;")
    return output.getvalue()
