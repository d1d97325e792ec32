"""Statements on one SQLite connection, and what the driver's errors mean."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import apsw

from collegium.db.audit import AuditEvent
from collegium.db.database import (
    CheckViolated,
    Params,
    ReferenceViolated,
    Row,
    UniqueViolated,
)
from collegium.errors import CollegiumError, DatabaseUnavailable, DeadlineExceeded

_INTERRUPT_INTERVAL_S = 0.05


class SqliteReader:
    """Reads through one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def fetch_one(self, sql: str, params: Params = ()) -> Row | None:
        """Return the first row, or None."""
        rows = rows_of(self._connection, sql, params)
        return rows[0] if rows else None

    async def fetch_all(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows."""
        return rows_of(self._connection, sql, params)


class SqliteTransaction(SqliteReader):
    """One request's reads and changes."""

    share_lock = ""  # nobody else writes meanwhile

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self.events: list[AuditEvent] = []

    async def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement; return the number of rows it changed."""
        run(self._connection, sql, params)
        return self._connection.changes()

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run a statement once for each row of parameters."""
        try:
            self._connection.executemany(sql, rows)
        except apsw.Error as error:
            raise translated(error) from error

    async def next_revision(self) -> int:
        """Return a number greater than any returned before."""
        rows = rows_of(
            self._connection,
            "UPDATE revisions SET value = value + 1 WHERE id = 1 RETURNING value",
            (),
        )
        return int(rows[0][0])

    async def lock(self, name: str) -> None:
        """Do nothing: transactions happen one after the other anyway."""

    async def try_lock(self, name: str) -> bool:
        """Do nothing, as ``lock``."""
        return True


def rows_of(connection: apsw.Connection, sql: str, params: Params) -> Sequence[Row]:
    """Return all rows; reading to the end also ends the read transaction."""
    try:
        return connection.execute(sql, params).fetchall()
    except apsw.Error as error:
        raise translated(error) from error


def run(connection: apsw.Connection, sql: str, params: Params = ()) -> None:
    """Run a statement to its end."""
    try:
        connection.execute(sql, params).fetchall()
    except apsw.Error as error:
        raise translated(error) from error


def translated(error: apsw.Error) -> CollegiumError:
    """Return what an error of the driver means to the rest of the program."""
    if isinstance(error, apsw.ConstraintError):
        return _constraint(error)
    if isinstance(error, apsw.InterruptError):
        return DeadlineExceeded("The search took too long: ask for something rarer.")
    if isinstance(error, apsw.SQLError):
        # Our own statement is wrong: a fault of the program, not of the database.
        raise error
    return DatabaseUnavailable(f"The database does not answer: {error}.")


def _constraint(error: apsw.ConstraintError) -> CollegiumError:
    code = getattr(error, "extendedresult", 0)
    if code in (
        apsw.SQLITE_CONSTRAINT_UNIQUE,
        apsw.SQLITE_CONSTRAINT_PRIMARYKEY,
        apsw.SQLITE_CONSTRAINT_ROWID,
    ):
        return UniqueViolated(str(error))
    if code in (apsw.SQLITE_CONSTRAINT_FOREIGNKEY, apsw.SQLITE_CONSTRAINT_TRIGGER):
        return ReferenceViolated(str(error))
    return CheckViolated(str(error))


class TimeLimit:
    """Ends what a thread asks through a connection: at its limit, or sooner.

    Parameters
    ----------
    connection : whose question it is.
    limit_s : from now on.
    """

    def __init__(self, connection: apsw.Connection, limit_s: float) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(limit_s, self.stop)

    def stop(self) -> None:
        """End it now, also when the thread has not begun yet."""
        self._timer.cancel()
        self._connection.interrupt()
        # What has not begun does not notice: until it is lifted, once more.
        self._timer = self._loop.call_later(_INTERRUPT_INTERVAL_S, self.stop)

    def lift(self) -> None:
        """Let whatever comes next take its time."""
        self._timer.cancel()
