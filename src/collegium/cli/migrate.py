"""``collegium migrate``: bring a database to the schema that this program needs."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from collegium.cli.options import settings_from
from collegium.db import migrate as schema
from collegium.db.connect import database_at
from collegium.settings import CoordinatorSettings

Url = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="sqlite:///file.db or postgresql://...  [default: COLLEGIUM_DATABASE, "
        "or sqlite:///collegium.db]",
    ),
]


def migrate(database: Url = None) -> None:
    """Bring a database to the schema that this program needs.

    Makes it when it is not there. A coordinator does the same when it starts; this
    command is for doing it before. Several may run at once. Exit code 2 when the
    database was made by a later version of the program, 3 when it does not answer.
    """
    settings = settings_from(CoordinatorSettings, {"database": database})
    before, after = asyncio.run(_migrate(settings.database))
    if before == after:
        print(f"The schema is at version {after} already.")
    else:
        print(f"The schema was at version {before or 'none'} and is at {after} now.")


async def _migrate(url: str) -> tuple[str | None, str]:
    database = database_at(url)
    await database.open()
    try:
        before = await schema.schema_version(database)
        return before, await schema.migrate(database)
    finally:
        await database.close()
