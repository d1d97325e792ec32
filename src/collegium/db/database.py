"""What the rest of the program may ask of a database, whichever it is.

SQL is written by hand, with ``?`` for each parameter, in the language that SQLite and
PostgreSQL share. Every statement that could run long is bounded by its author: by a
key, or by a limit over an index. What cannot be bounded so goes through ``scan``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from collegium.db.audit import AuditEvent
from collegium.errors import (
    AlreadyExists,
    Invalid,
    Misconfigured,
    StillReferenced,
    Unavailable,
)

Row = Sequence[Any]
Params = Sequence[Any]
Dialect = Literal["sqlite", "postgresql"]


class UniqueViolated(AlreadyExists):
    """A value that must be unique is taken."""


class ReferenceViolated(StillReferenced):
    """A row refers to another that is not there, or would not be there."""


class CheckViolated(Invalid):
    """A value breaks a rule that the database holds."""


class SerializationFailed(Unavailable):
    """Another transaction was in the way; the same again may succeed."""


class ScriptFailed(Misconfigured):
    """Statements that change the schema do not fit the schema."""


class Reader(Protocol):
    """Answers questions from committed state."""

    async def fetch_one(self, sql: str, params: Params = ()) -> Row | None:
        """Return the first row, or None."""

    async def fetch_all(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows; the statement bounds their number."""


class Transaction(Reader, Protocol):
    """Reads and changes that happen together or not at all."""

    share_lock: str
    """Ends a SELECT by key whose row must stay as it is until the transaction ends."""
    events: list[AuditEvent]
    """What is to be recorded of its changes; written as the last thing it does."""

    async def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement; return the number of rows it changed.

        Raises
        ------
        UniqueViolated, ReferenceViolated, CheckViolated
            When the database refuses the change; the transaction may go on only when
            the error is passed on to its end.
        """

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run a statement once for each row of parameters."""

    async def next_revision(self) -> int:
        """Return a number that was never returned before, greater than the last."""

    async def lock(self, name: str) -> None:
        """Let transactions that lock the same name happen one after the other."""

    async def try_lock(self, name: str) -> bool:
        """Lock a name until the end; False when another transaction has it now."""


class Database(Reader, Protocol):
    """One database, from opening to closing.

    A read outside a transaction sees everything that was committed before it began.
    """

    dialect: Dialect

    async def open(self) -> None:
        """Connect.

        Raises
        ------
        DatabaseUnavailable
            When there is no connection to be had.
        """

    async def close(self) -> None:
        """Let everything running finish, then disconnect."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Return a context whose changes are on disk when it is left.

        Left by an exception, the changes never happened. Await nothing slow inside
        (no network, no computation): other writers may wait for its end. Transactions
        do not nest.

        Raises
        ------
        DatabaseUnavailable
            On leaving, when the commit failed or nobody knows; or on entering.
        """

    def snapshot(self) -> AbstractAsyncContextManager[Reader]:
        """Return a context whose reads all see the same committed state."""

    async def scan(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows of a question whose cost no index bounds.

        It keeps nobody else waiting.

        Raises
        ------
        DeadlineExceeded
            When the answer takes longer than the database's ``scan_limit_s``.
        """

    async def data_version(self) -> int:
        """Return a number that differs once anything has been committed since."""

    async def run_script(self, script: str) -> None:
        """Run statements that change the schema, all or none.

        Raises
        ------
        ScriptFailed
            When they do not fit the schema; it stays as it is.
        """

    async def describe(self) -> dict[str, Any]:
        """Return what an operator wants to know; proves that the database answers.

        Raises
        ------
        DatabaseUnavailable
            When it does not answer.
        """
