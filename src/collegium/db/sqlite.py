"""SQLite behind the ``Database`` protocol: reads on the loop, commits in groups.

A read by key takes a few microseconds, less than handing it to a thread; so readers run
on the event loop. A commit waits for the disk; so it runs in a thread, for all the
transactions that came while the one before was waiting. Each of these is a savepoint in
one SQLite transaction: one may fail without the others, and none is acknowledged before
the common commit is on disk.

The driver is ``apsw`` because it brings its own SQLite: versions before 3.51.3 can
corrupt a WAL database when two connections write and checkpoint at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import apsw

from collegium.db.audit import AuditEvent, write_events
from collegium.db.database import (
    CheckViolated,
    Dialect,
    Params,
    ReferenceViolated,
    Row,
    ScriptFailed,
    UniqueViolated,
)
from collegium.errors import CollegiumError, DatabaseUnavailable, DeadlineExceeded

BUSY_S = 5.0
"""How long a writer waits for writers of other processes."""
SCAN_LIMIT_S = 2.0
_FIXED_VERSION = (3, 51, 3)

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class SqliteDatabase:
    """One SQLite file.

    Parameters
    ----------
    path : the file; made when it is not there.
    vfs : name of a registered VFS, to observe or disturb what reaches the disk.
    busy_s : how long to wait for writers of other processes.
    scan_limit_s : longest time that a ``scan`` may take.
    """

    dialect: Dialect = "sqlite"

    def __init__(
        self,
        path: Path,
        *,
        vfs: str | None = None,
        busy_s: float = BUSY_S,
        scan_limit_s: float = SCAN_LIMIT_S,
    ) -> None:
        self._path = path
        self._vfs = vfs
        self._busy_s = busy_s
        self._scan_limit_s = scan_limit_s
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="collegium-db")
        self._lock = asyncio.Lock()
        self._snapshot_lock = asyncio.Lock()
        self._scan_lock = asyncio.Lock()
        self._group: _Group | None = None
        self._commits: set[asyncio.Task[None]] = set()
        self._readers: list[apsw.Connection] = []
        self._open_writer: apsw.Connection | None = None

    async def open(self) -> None:
        """Open the file and its connections."""
        if tuple(map(int, apsw.sqlite_lib_version().split("."))) < _FIXED_VERSION:
            raise DatabaseUnavailable("This SQLite can corrupt WAL databases.")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._open_writer = await self._in_thread(self._connect)
        self._reader = self._connect(is_reader=True)
        self._snapshot_reader = self._connect(is_reader=True)
        self._scanner = self._connect(is_reader=True)
        self._readers = [self._scanner, self._snapshot_reader, self._reader]

    async def close(self) -> None:
        """Wait for running commits, then close the connections."""
        while self._commits:
            await asyncio.gather(*self._commits)
        async with self._lock, self._scan_lock:
            for reader in self._readers:
                reader.close()
            self._readers.clear()
            if self._open_writer is not None:
                # Closing the last connection moves the log into the file.
                await self._in_thread(self._open_writer.close)
                self._open_writer = None
        self._threads.shutdown()

    async def fetch_one(self, sql: str, params: Params = ()) -> Row | None:
        """Return the first row, or None."""
        rows = _rows(self._reader, sql, params)
        return rows[0] if rows else None

    async def fetch_all(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows."""
        return _rows(self._reader, sql, params)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[_SqliteReader]:
        """Return a context whose reads all see the same state."""
        async with self._snapshot_lock:
            _run(self._snapshot_reader, "BEGIN")
            try:
                yield _SqliteReader(self._snapshot_reader)
            finally:
                _run(self._snapshot_reader, "COMMIT")

    async def scan(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows of a question, asked in a thread and for a bounded time."""
        async with self._scan_lock:
            timer = asyncio.get_running_loop().call_later(
                self._scan_limit_s, self._scanner.interrupt
            )
            try:
                return await self._in_thread(_rows, self._scanner, sql, params)
            finally:
                timer.cancel()

    async def data_version(self) -> int:
        """Return a number that differs once anything has been committed since."""
        return int(_rows(self._reader, "PRAGMA data_version", ())[0][0])

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """Return a context whose changes are on disk when it is left.

        An error waits for the disk too when others of the group have changed something:
        that may be its reason, and nobody may be told of it before it is committed.
        """
        refusal: Exception | None = None
        async with self._lock:
            group = self._group or await self._begin()
            _run(self._writer, "SAVEPOINT request")
            try:
                transaction = SqliteTransaction(self._writer)
                yield transaction
                if transaction.events:
                    await write_events(transaction, transaction.events)
                _run(self._writer, "RELEASE request")
                group.size += 1
            except BaseException as error:
                self._undo()
                if group.size == 0 or not isinstance(error, Exception):
                    raise
                refusal = error
        await group.ended.wait()
        if not group.is_committed:
            raise DatabaseUnavailable("The change could not be written to disk.")
        if refusal is not None:
            raise refusal

    async def _begin(self) -> _Group:
        """Begin the transaction that this and the following requests share."""
        if self._open_writer is None:
            self._open_writer = await self._in_thread(self._connect)
        try:
            try:
                _run(self._writer, "BEGIN IMMEDIATE")
            except DatabaseUnavailable:
                # Another process writes: wait for it, but not on the loop.
                self._writer.set_busy_timeout(int(self._busy_s * 1000))
                await self._in_thread(_run, self._writer, "BEGIN IMMEDIATE")
        finally:
            self._writer.set_busy_timeout(0)
        self._group = group = _Group()
        task = asyncio.create_task(self._commit(group))
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)
        return group

    async def _commit(self, group: _Group) -> None:
        """Commit once all the requests that wait for the lock now have been served.

        The lock is fair: whoever asked for it before is in the group.
        """
        async with self._lock:
            try:
                if self._group is group:
                    self._group = None
                    await self._in_thread(_run, self._writer, "COMMIT")
                    group.is_committed = True
            except DatabaseUnavailable as error:
                _log.error("commit of %d requests failed: %s", group.size, error)
                # Its cache may be wrong: the next transaction opens another one.
                self._writer.close(True)
                self._open_writer = None
            finally:
                group.ended.set()

    def _undo(self) -> None:
        """Undo one request."""
        if self._writer.in_transaction:
            _run(self._writer, "ROLLBACK TO request")
            _run(self._writer, "RELEASE request")
        else:
            # SQLite had to undo all requests of the group, which fails with this.
            self._group = None

    @property
    def _writer(self) -> apsw.Connection:
        if self._open_writer is None:
            raise DatabaseUnavailable
        return self._open_writer

    async def run_script(self, script: str) -> None:
        """Run statements that change the schema, all or none.

        Foreign keys are checked at the end instead of at each statement, because
        changing a table in SQLite may mean to build it anew.

        Raises
        ------
        ScriptFailed
            When a statement does not fit the schema.
        ReferenceViolated
            When rows would be left that refer to nothing.
        """
        async with self._lock:
            await self._in_thread(self._run_script, script)

    def _run_script(self, script: str) -> None:
        writer = self._writer
        _run(writer, "PRAGMA foreign_keys = OFF")
        writer.set_busy_timeout(int(self._busy_s * 1000))
        try:
            _run(writer, "BEGIN IMMEDIATE")
            try:
                try:
                    _run(writer, script)
                except apsw.SQLError as error:
                    raise ScriptFailed(f"{error}.") from error
                if _rows(writer, "PRAGMA foreign_key_check", ()):
                    raise ReferenceViolated("The change leaves dangling references.")
                _run(writer, "COMMIT")
            except BaseException:
                if writer.in_transaction:
                    _run(writer, "ROLLBACK")
                raise
        finally:
            writer.set_busy_timeout(0)
            _run(writer, "PRAGMA foreign_keys = ON")

    async def describe(self) -> dict[str, Any]:
        """Return the versions and modes in force."""
        journal = _rows(self._reader, "PRAGMA journal_mode", ())[0][0]
        tables = _rows(self._reader, "SELECT count(*) FROM sqlite_schema", ())[0][0]
        return {
            "dialect": self.dialect,
            "sqlite_version": apsw.sqlite_lib_version(),
            "journal_mode": journal,
            "tables_and_indexes": tables,
        }

    def _connect(self, *, is_reader: bool = False) -> apsw.Connection:
        try:
            connection = apsw.Connection(
                str(self._path), vfs=self._vfs, statementcachesize=400
            )
            connection.set_busy_timeout(int(self._busy_s * 1000))
            self._use_wal(connection)
            for pragma in (
                "synchronous = FULL",
                "foreign_keys = ON",
                "trusted_schema = OFF",
                # Pages are read where the system keeps them: each commit empties the
                # cache of every other connection.
                f"mmap_size = {2**31}",
                "cache_size = -65536",
                "journal_size_limit = 67108864",
                f"query_only = {int(is_reader)}",
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except apsw.Error as error:
            raise _translated(error) from error
        connection.set_busy_timeout(100 if is_reader else 0)
        return connection

    def _use_wal(self, connection: apsw.Connection) -> None:
        """Turn on the write-ahead log; wait for whoever makes the same database new.

        SQLite refuses the change at once while another connection writes without the
        log, whatever the busy timeout; beginning a transaction of one's own waits.
        """
        ends_s = time.monotonic() + self._busy_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
                return
            except apsw.BusyError:
                if time.monotonic() >= ends_s:
                    raise
                connection.execute("BEGIN EXCLUSIVE; COMMIT")

    async def _in_thread(self, function: Callable[..., _T], *args: Any) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *args)


class _Group:
    """Requests that share one commit."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.is_committed = False
        self.size = 0


class _SqliteReader:
    """Reads through one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def fetch_one(self, sql: str, params: Params = ()) -> Row | None:
        """Return the first row, or None."""
        rows = _rows(self._connection, sql, params)
        return rows[0] if rows else None

    async def fetch_all(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows."""
        return _rows(self._connection, sql, params)


class SqliteTransaction(_SqliteReader):
    """One request's reads and changes."""

    share_lock = ""  # nobody else writes meanwhile

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self.events: list[AuditEvent] = []

    async def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement; return the number of rows it changed."""
        _run(self._connection, sql, params)
        return self._connection.changes()

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run a statement once for each row of parameters."""
        try:
            self._connection.executemany(sql, rows)
        except apsw.Error as error:
            raise _translated(error) from error

    async def next_revision(self) -> int:
        """Return a number greater than any returned before."""
        rows = _rows(
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


def _rows(connection: apsw.Connection, sql: str, params: Params) -> Sequence[Row]:
    """Return all rows; reading to the end also ends the read transaction."""
    try:
        return connection.execute(sql, params).fetchall()
    except apsw.Error as error:
        raise _translated(error) from error


def _run(connection: apsw.Connection, sql: str, params: Params = ()) -> None:
    try:
        connection.execute(sql, params).fetchall()
    except apsw.Error as error:
        raise _translated(error) from error


def _translated(error: apsw.Error) -> CollegiumError:
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
