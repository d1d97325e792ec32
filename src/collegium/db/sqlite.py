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
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import apsw

from collegium.db.audit import write_events
from collegium.db.database import Dialect, Params, ReferenceViolated, Row, ScriptFailed
from collegium.db.sqlite_statements import (
    SqliteReader,
    SqliteTransaction,
    TimeLimit,
    rows_of,
    run,
    translated,
)
from collegium.errors import DatabaseUnavailable

BUSY_S = 5.0
"""How long a writer waits for writers of other processes."""
SCAN_LIMIT_S = 2.0
_SCANNERS = 2
"""Questions that threads look into at once; the next is at hand when one ends."""
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
        self._threads = ThreadPoolExecutor(
            1 + _SCANNERS, thread_name_prefix="collegium-db"
        )
        self._lock = asyncio.Lock()
        self._snapshot_lock = asyncio.Lock()
        self._scanners: asyncio.Queue[apsw.Connection] = asyncio.Queue()
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
        scanners = [self._connect(is_reader=True) for _ in range(_SCANNERS)]
        for scanner in scanners:
            self._scanners.put_nowait(scanner)
        self._readers = [*scanners, self._snapshot_reader, self._reader]

    async def close(self) -> None:
        """Wait for running commits, then close the connections."""
        while self._commits:
            await asyncio.gather(*self._commits)
        async with self._lock:
            for _ in self._readers[:_SCANNERS]:  # until nobody asks through them
                await self._scanners.get()
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
        rows = rows_of(self._reader, sql, params)
        return rows[0] if rows else None

    async def fetch_all(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows."""
        return rows_of(self._reader, sql, params)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[SqliteReader]:
        """Return a context whose reads all see the same state."""
        async with self._snapshot_lock:
            run(self._snapshot_reader, "BEGIN")
            try:
                yield SqliteReader(self._snapshot_reader)
            finally:
                run(self._snapshot_reader, "COMMIT")

    async def scan(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """Return all rows of a question, asked in a thread and for a bounded time."""
        scanner = await self._scanners.get()
        loop = asyncio.get_running_loop()
        limit = TimeLimit(scanner, self._scan_limit_s)

        def give_back() -> None:
            limit.lift()
            self._scanners.put_nowait(scanner)

        asked = self._threads.submit(rows_of, scanner, sql, params)
        # Also when whoever asked has gone: the thread has it until the question ends.
        asked.add_done_callback(lambda _: loop.call_soon_threadsafe(give_back))
        try:
            return await asyncio.wrap_future(asked)
        except asyncio.CancelledError:
            if not asked.done():
                limit.stop()
            raise

    async def data_version(self) -> int:
        """Return a number that differs once anything has been committed since."""
        return int(rows_of(self._reader, "PRAGMA data_version", ())[0][0])

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """Return a context whose changes are on disk when it is left.

        An error waits for the disk too when others of the group have changed something:
        that may be its reason, and nobody may be told of it before it is committed.
        """
        refusal: Exception | None = None
        async with self._lock:
            group = self._group or await self._begin()
            run(self._writer, "SAVEPOINT request")
            try:
                transaction = SqliteTransaction(self._writer)
                yield transaction
                if transaction.events:
                    await write_events(transaction, transaction.events)
                run(self._writer, "RELEASE request")
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
                run(self._writer, "BEGIN IMMEDIATE")
            except DatabaseUnavailable:
                # Another process writes: wait for it, but not on the loop.
                self._writer.set_busy_timeout(int(self._busy_s * 1000))
                await self._in_thread(run, self._writer, "BEGIN IMMEDIATE")
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
                    await self._in_thread(run, self._writer, "COMMIT")
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
            run(self._writer, "ROLLBACK TO request")
            run(self._writer, "RELEASE request")
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
        run(writer, "PRAGMA foreign_keys = OFF")
        writer.set_busy_timeout(int(self._busy_s * 1000))
        try:
            run(writer, "BEGIN IMMEDIATE")
            try:
                try:
                    run(writer, script)
                except apsw.SQLError as error:
                    raise ScriptFailed(f"{error}.") from error
                if rows_of(writer, "PRAGMA foreign_key_check", ()):
                    raise ReferenceViolated("The change leaves dangling references.")
                run(writer, "COMMIT")
            except BaseException:
                if writer.in_transaction:
                    run(writer, "ROLLBACK")
                raise
        finally:
            writer.set_busy_timeout(0)
            run(writer, "PRAGMA foreign_keys = ON")

    async def describe(self) -> dict[str, Any]:
        """Return the versions and modes in force."""
        journal = rows_of(self._reader, "PRAGMA journal_mode", ())[0][0]
        tables = rows_of(self._reader, "SELECT count(*) FROM sqlite_schema", ())[0][0]
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
            # A plan for the statement, not a new one for each of its values.
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
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
            raise translated(error) from error
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
