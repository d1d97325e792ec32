"""``collegium backup``: copy a database while coordinators use it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collegium.cli.migrate import Url
from collegium.cli.options import settings_from
from collegium.db.backup import copy_database
from collegium.errors import Misconfigured
from collegium.settings import CoordinatorSettings

_SQLITE = "sqlite:///"


def backup(
    out: Annotated[Path, typer.Option(help="File to make; it must not be there yet.")],
    database: Url = None,
) -> None:
    """Copy an SQLite database while coordinators use it.

    The copy has everything that was committed when the copying began, and is a database
    that a coordinator can be started on. PostgreSQL brings its own program for this,
    pg_dump. Exit code 2 when there is no such database or the file is there already,
    3 when it cannot be copied.
    """
    url = settings_from(CoordinatorSettings, {"database": database}).database
    if not url.startswith(_SQLITE):
        raise Misconfigured("A PostgreSQL database is copied by its own pg_dump.")
    source = Path(url.removeprefix(_SQLITE))
    if not source.is_file():
        raise Misconfigured(f"{source}: there is no such database")
    copy_database(source, out)
    print(f"{out} has {out.stat().st_size} bytes.")
