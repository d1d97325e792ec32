"""PostgreSQL behind the ``Database`` protocol, for several coordinators at once.

Statements go through ``asyncpg`` with their plans kept per connection; a read by key is
one round trip. Behind a pool that gives each transaction another connection, as
PgBouncer does, nothing is kept (``?pooling=transaction``). Transactions run at READ
COMMITTED: what must hold between concurrent ones is held by constraints, by conditional
updates, and by the lock on a collection's revision that every change of it takes.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from collegium.db.audit import AuditEvent, write_events
from collegium.db.database import (
    CheckViolated,
    Dialect,
    Params,
    ReferenceViolated,
    Row,
    ScriptFailed,
    SerializationFailed,
    UniqueViolated,
)
from collegium.errors import (
    CollegiumError,
    DatabaseUnavailable,
    DeadlineExceeded,
    Misconfigured,
    Unavailable,
)

ACQUIRE_S = 5.0
"""How long a request waits for a connection."""
LOCK_S = 5.0
"""How long a statement waits for the locks of other transactions."""
ANSWER_S = 10.0
"""How long the server may take for one statement: one that is frozen, or behind a
connection that is cut without a word, would be waited for for ever."""
LONG_ANSWER_S = 3600.0
"""The same for what is allowed to take its time: scripts, and many rows at once."""
_LOCK_TIMEOUT = f"{int(LOCK_S * 1000)}"
_OLDEST_VERSION = 15
_POOLING = "pooling"
_SCRIPT_LOCK = 0x636F6C6C
"""Scripts that change the schema run one after the other."""


class PostgresqlDatabase:
    """One PostgreSQL database.

    Parameters
    ----------
    url : ``postgresql://user:password@host:port/name``; with ``?pooling=transaction``
        there may be another connection behind it for each transaction.
    connections : most connections at once.
    scan_limit_s : longest time that a ``scan`` may take.
    answer_s : longest time that any other statement may take.
    """

    dialect: Dialect = "postgresql"

    def __init__(
        self,
        url: str,
        *,
        connections: int = 16,
        scan_limit_s: float = 2.0,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._url, self._is_pooled = _without_pooling(url)
        self._connections = connections
        self._scan_limit_s = scan_limit_s
        self._answer_s = answer_s
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Connect."""
        settings = {"application_name": "collegium"}
        if not self._is_pooled:
            settings |= {"lock_timeout": _LOCK_TIMEOUT, "jit": "off"}
        with _translating():
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=self._connections,
                timeout=ACQUIRE_S,
                command_timeout=self._answer_s,
                connection_class=_Connection,
                statement_cache_size=0 if self._is_pooled else 400,
                server_settings=settings,
            )
        version = await self.fetch_one("SHOW server_version_num")
        if version is None or int(version[0]) < _OLDEST_VERSION * 10_000:
            await self.close()
            raise DatabaseUnavailable(f"PostgreSQL {_OLDEST_VERSION} or later, please.")

    async def close(self) -> None:
        """Let everything running finish, then disconnect."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def fetch_one(self, sql: str, params: Params = ()) -> Row | None:
        """Return the first row, or None."""
        async with self._connection() as connection:
            row: Row | None = await connection.fetchrow(numbered(sql), *params)
            return row

    async def fetch_all(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows."""
        async with self._connection() as connection:
            rows: Sequence[Row] = await connection.fetch(numbered(sql), *params)
            return rows

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresqlTransaction]:
        """Return a context whose changes are on disk when it is left."""
        async with self._connection() as connection, connection.transaction():
            if self._is_pooled:
                await connection.execute(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT}")
            transaction = PostgresqlTransaction(connection)
            yield transaction
            if transaction.events:
                await write_events(transaction, transaction.events)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[_PostgresqlReader]:
        """Return a context whose reads all see the same state."""
        async with (
            self._connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield _PostgresqlReader(connection)

    async def scan(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows of a question, asked for a bounded time."""
        limit_ms = int(self._scan_limit_s * 1000)
        async with (
            self._connection() as connection,
            connection.transaction(readonly=True),
        ):
            await connection.execute(f"SET LOCAL statement_timeout = {limit_ms}")
            rows: Sequence[Row] = await connection.fetch(numbered(sql), *params)
            return rows

    async def data_version(self) -> int:
        """Return a number that differs once anything has been committed since."""
        row = await self.fetch_one(
            "SELECT hashtextextended(pg_current_snapshot()::text, 0)"
        )
        assert row is not None
        return int(row[0])

    async def run_script(self, script: str) -> None:
        """Run statements that change the schema, all or none.

        Raises
        ------
        ScriptFailed
            When a statement does not fit the schema.
        """
        async with self._connection() as connection, connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_SCRIPT_LOCK})")
            try:
                await connection.execute(script, timeout=LONG_ANSWER_S)
            except (
                asyncpg.SyntaxOrAccessError,
                asyncpg.UniqueViolationError,
            ) as error:
                raise ScriptFailed(f"{error}.") from error

    async def describe(self) -> dict[str, Any]:
        """Return the version and the settings that durability rests on."""
        row = await self.fetch_one(
            "SELECT current_setting('server_version'), current_setting('fsync'), "
            "current_setting('synchronous_commit')"
        )
        assert row is not None
        return {
            "dialect": self.dialect,
            "server_version": row[0],
            "fsync": row[1],
            "synchronous_commit": row[2],
        }

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        if self._pool is None:
            raise DatabaseUnavailable
        with _translating():
            connection = await self._pool.acquire(timeout=ACQUIRE_S)
            try:
                yield connection
            finally:
                # Of one that is cut off nothing more is waited for than of others.
                await self._pool.release(connection, timeout=self._answer_s)


def _without_pooling(url: str) -> tuple[str, bool]:
    """Return an address as PostgreSQL knows it, and whether a pool is behind it.

    Raises
    ------
    Misconfigured
        When it names a kind of pool that we could not work with.
    """
    parts = urlsplit(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    wanted = {value for name, value in options if name == _POOLING}
    if wanted - {"transaction", "session"}:
        raise Misconfigured("pooling is transaction, or session as without it.")
    query = urlencode([(n, value) for n, value in options if n != _POOLING])
    return urlunsplit(parts._replace(query=query)), "transaction" in wanted


class _Connection(asyncpg.Connection):
    def get_reset_query(self) -> str:
        """Return nothing: we leave no state behind, and resetting costs a trip."""
        return ""


class _PostgresqlReader:
    """Reads through one connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch_one(self, sql: str, params: Params = ()) -> Row | None:
        """Return the first row, or None."""
        with _translating():
            row: Row | None = await self._connection.fetchrow(numbered(sql), *params)
            return row

    async def fetch_all(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows."""
        with _translating():
            rows: Sequence[Row] = await self._connection.fetch(numbered(sql), *params)
            return rows


class PostgresqlTransaction(_PostgresqlReader):
    """One request's reads and changes."""

    share_lock = " FOR SHARE"

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.events: list[AuditEvent] = []

    async def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement; return the number of rows it changed."""
        with _translating():
            status: str = await self._connection.execute(numbered(sql), *params)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run a statement once for each row of parameters."""
        with _translating():
            await self._connection.executemany(
                numbered(sql), rows, timeout=LONG_ANSWER_S
            )

    async def next_revision(self) -> int:
        """Return a number greater than any returned before."""
        row = await self.fetch_one("SELECT nextval('revision_sequence')")
        assert row is not None
        return int(row[0])

    async def lock(self, name: str) -> None:
        """Wait for transactions that have locked the same name."""
        await self.fetch_one(
            "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", (name,)
        )

    async def try_lock(self, name: str) -> bool:
        """Lock a name if no other transaction has; tell whether it was possible."""
        row = await self.fetch_one(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))", (name,)
        )
        return row is not None and bool(row[0])


@functools.lru_cache(maxsize=4096)
def numbered(sql: str) -> str:
    """Return a statement with ``$1``, ``$2`` ... for each ``?`` in it."""
    head, *tail = sql.split("?")
    return head + "".join(f"${n}{part}" for n, part in enumerate(tail, start=1))


@contextmanager
def _translating() -> Iterator[None]:
    """Raise what an error of the driver means to the rest of the program."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise _translated(error) from error
    except (asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise DatabaseUnavailable(f"The database does not answer: {error}.") from error


def _translated(error: asyncpg.PostgresError) -> CollegiumError:
    if isinstance(error, asyncpg.UniqueViolationError):
        return UniqueViolated(str(error))
    if isinstance(
        error, asyncpg.ForeignKeyViolationError | asyncpg.RestrictViolationError
    ):
        return ReferenceViolated(str(error))
    if isinstance(error, asyncpg.IntegrityConstraintViolationError | asyncpg.DataError):
        return CheckViolated(str(error))
    if isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError):
        return SerializationFailed()
    if isinstance(error, asyncpg.LockNotAvailableError):
        # Whoever waited that long does not wait again.
        return Unavailable("Others hold what this needs: try again later.")
    if isinstance(error, asyncpg.QueryCanceledError):
        return DeadlineExceeded("The search took too long: ask for something rarer.")
    if isinstance(error, asyncpg.SyntaxOrAccessError):
        # Our own statement is wrong: a fault of the program, not of the database.
        raise error
    return DatabaseUnavailable(f"The database does not answer: {error}.")
