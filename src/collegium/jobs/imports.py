"""Imports as jobs: the file is taken in wholly, or not at all, whoever is killed.

The end of the job is committed in the same transaction as what the import writes. So
after a crash the job is either done, with all its rows, or is begun again by the next
coordinator on a database that has none of them.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, BinaryIO, ClassVar

import msgspec
import uuid_utils
from pydantic import BaseModel

from collegium.blobs.repository import keep_for_job, stored
from collegium.db.database import Database, Transaction
from collegium.db.work import Clock, Work, timestamp
from collegium.errors import (
    Cancelled,
    CollegiumError,
    Malformed,
    StateForbids,
)
from collegium.interchange.bulk import Hooks, take_in
from collegium.interchange.formats import import_of
from collegium.interchange.reports import Report
from collegium.interchange.schemas import FileOptions
from collegium.jobs import repository
from collegium.jobs.journal import FinalState, Outcome
from collegium.jobs.repository import Job
from collegium.jobs.residents import Residence
from collegium.jobs.uploads import Upload, put_together

BEAT_S = 2.0
"""How often the job is held for longer, and its progress stored."""
MEDIA_TYPE = "application/json"

_log = logging.getLogger(__name__)


class ImportJob(BaseModel):
    """What an import needs to be done at any time by any coordinator.

    Parameters
    ----------
    university_id : whose it is.
    options : how the file is to be read.
    pieces : hashes of the blobs that make up the file.
    actor, request_id : who asked for it, and in which request.
    """

    university_id: str
    options: FileOptions
    pieces: list[str]
    size_bytes: int
    actor: str
    request_id: str


async def submit(
    work: Work,
    university_id: str,
    options: FileOptions,
    source: Upload | str,
) -> Job:
    """Add the job of an import, with its file.

    Parameters
    ----------
    source : what has arrived, or the hash of a blob that is stored.

    Raises
    ------
    Malformed
        When there is no such blob.
    """
    if isinstance(source, str) and not await stored(work.transaction, [source]):
        raise Malformed(
            f"There is no blob {source}: PUT /v1/blobs/{{sha256}} first.",
            pointers={"/blob": "not stored"},
        )
    job_input = ImportJob(
        university_id=university_id,
        options=options,
        pieces=[source] if isinstance(source, str) else source.pieces,
        size_bytes=0 if isinstance(source, str) else source.size_bytes,
        actor=work.actor,
        request_id=work.request_id,
    )
    job_id = str(uuid_utils.uuid7())
    job = await repository.add(
        work,
        job_id,
        Imports.name,
        job_input.model_dump_json(),
        university_id=university_id,
    )
    if isinstance(source, str):
        await keep_for_job(work.transaction, job_id, source)
    else:
        await source.keep(work, job_id)
    return job


class Imports:
    """Does the imports of this coordinator."""

    name: ClassVar[str] = "import"

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self, residence: Residence) -> None:
        """Take in one file."""
        one = _Import(self._database, self._clock, residence)
        await one.run()


class _Import:
    """One import under one owner."""

    def __init__(self, database: Database, clock: Clock, residence: Residence) -> None:
        self._database = database
        self._clock = clock
        self._journal = residence.journal
        self._is_stopped = residence.is_stopped
        self._job = ImportJob.model_validate_json(residence.claimed.input)
        self._progress: dict[str, Any] = {"phase": "reading", "lines": 0}
        self._size_bytes = self._job.size_bytes
        self._is_silent = self._is_fenced = self._is_finished = False
        loop = asyncio.get_running_loop()
        self._now_s = loop.time
        self._began_s = loop.time() - residence.claimed.elapsed_s

    async def run(self) -> None:
        """Do it, holding the job meanwhile; tell how it ended."""
        beating = asyncio.create_task(self._beat())
        try:
            outcome = await self._outcome()
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        if self._is_fenced:
            raise StateForbids("Another coordinator holds the import now.")
        if not self._is_finished:
            await self._journal.finish(outcome)
        self._journal.forget()

    async def _outcome(self) -> Outcome:
        try:
            file = await put_together(self._database, self._job.pieces)
            with file:
                report = await self._take_in(file)
        except Cancelled as error:
            return Outcome("cancelled", error.detail, self._progress)
        except CollegiumError as error:
            if self._is_finished:
                # The end went with a commit of which nobody knows: who looks at the
                # job next finds it done, or does it.
                raise StateForbids(
                    f"Whether the import is done is not known: {error.detail}"
                ) from error
            return Outcome("failed", error.detail, self._progress)
        return self._concluded(report)

    async def _take_in(self, file: BinaryIO) -> Report:
        options = self._job.options
        self._size_bytes = self._size_bytes or _size_of(file)
        self._progress["phase"] = "checking"
        return await take_in(
            self._database,
            self._job.university_id,
            import_of(options, file),
            Hooks(self._work, self._place, self._hold, self._conclude),
            self._observe,
            is_dry_run=options.dry_run,
        )

    def _work(self, transaction: Transaction) -> Work:
        job = self._job
        now = timestamp(self._clock())
        return Work(transaction, now, job.actor, job.request_id)

    async def _place(self, work: Work) -> str:
        return self._job.university_id

    def _hold(self) -> None:
        """Note that the transaction has begun.

        In SQLite nobody else can write now: neither the journal, nor anybody who would
        take the job.
        """
        self._progress["phase"] = "writing"
        self._is_silent = self._database.dialect == "sqlite"

    def _observe(self, lines: int, seen_bytes: int) -> None:
        """Tell how far it is; stop when it should not go on."""
        self._progress |= {
            "lines": lines,
            "bytes": seen_bytes,
            "size_bytes": self._size_bytes,
        }
        self._journal.tell(dict(self._progress))
        if self._is_fenced:
            raise Cancelled("Another coordinator holds the import now.")
        if self._is_stopped():
            raise Cancelled("The import was cancelled: nothing was taken in.")

    async def _conclude(self, transaction: Transaction, report: Report) -> None:
        """End the job in the very transaction of the rows."""
        if self._is_stopped():
            raise Cancelled("The import was cancelled: nothing was taken in.")
        await self._journal.finish_within(transaction, self._concluded(report))
        self._is_finished = True

    def _concluded(self, report: Report) -> Outcome:
        is_dry_run = self._job.options.dry_run
        state: FinalState = "succeeded"
        error = None
        if report.fault_count and not is_dry_run:
            state = "failed"
            error = (
                f"Nothing was taken in: {report.fault_count} things are wrong with the "
                "file; the result names them."
            )
        self._progress |= {"phase": "done", "lines": report.lines}
        data = msgspec.json.encode(report.to_json(is_dry_run=is_dry_run))
        return Outcome(state, error, self._progress, data, MEDIA_TYPE)

    async def _beat(self) -> None:
        """Hold the job, and store its progress, until it has ended."""
        with suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(BEAT_S)
                if self._is_silent:
                    return
                try:
                    await self._journal.store(
                        "{}", dict(self._progress), self._now_s() - self._began_s, ()
                    )
                except StateForbids:
                    self._is_fenced = True
                    return


def _size_of(file: BinaryIO) -> int:
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    return size
