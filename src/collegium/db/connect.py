"""Make a database of its address."""

from __future__ import annotations

from pathlib import Path

from collegium.db.database import Database
from collegium.db.postgresql import PostgresqlDatabase
from collegium.db.sqlite import SCAN_LIMIT_S, SqliteDatabase
from collegium.errors import Misconfigured

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgres://")


def database_at(url: str, *, scan_limit_s: float = SCAN_LIMIT_S) -> Database:
    """Return the database of an address, not yet opened.

    Parameters
    ----------
    url : ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://...``.
    scan_limit_s : longest time that an unbounded question may take.

    Raises
    ------
    Misconfigured
        When no database is meant by it.
    """
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqliteDatabase(Path(url[len(_SQLITE) :]), scan_limit_s=scan_limit_s)
    if url.startswith(_POSTGRESQL):
        return PostgresqlDatabase(url, scan_limit_s=scan_limit_s)
    raise Misconfigured(
        f"{url.split('@')[-1]!r} is not the address of a database: "
        "sqlite:///file.db or postgresql://host/name."
    )
