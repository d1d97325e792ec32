"""The journal of a job in the database, fenced by the epoch of its owner."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from collegium.blobs import repository as blobs
from collegium.blobs.repository import Blob
from collegium.blobs.shelf import Shelf
from collegium.db.database import Database, Transaction
from collegium.db.work import Clock, timestamp
from collegium.errors import Unavailable
from collegium.jobs import repository
from collegium.jobs.feed import Feed
from collegium.jobs.journal import Outcome
from collegium.jobs.repository import Claimed, Finish

RETRY_S = 1.0
_PACKED = "application/gzip"

_log = logging.getLogger(__name__)


class DurableJournal:
    """Writes what a drive says into the database.

    Parameters
    ----------
    shelf : where the blobs are that a plan has come to keep.
    on_cancel : called when somebody has asked to cancel the job, at any coordinator.
    lease_s : how long each store holds the job.
    """

    def __init__(
        self,
        database: Database,
        claimed: Claimed,
        shelf: Shelf,
        feed: Feed,
        clock: Clock,
        on_cancel: Callable[[], None],
        lease_s: float,
    ) -> None:
        self._database = database
        self._claimed = claimed
        self._shelf = shelf
        self._feed = feed
        self._clock = clock
        self._on_cancel = on_cancel
        self._lease_s = lease_s
        self._kept: frozenset[str] = frozenset()

    def tell(self, progress: dict[str, Any]) -> None:
        """Show progress to who follows the job here."""
        self._feed.tell(self._claimed.id, progress)

    async def store(
        self,
        plan: str,
        progress: dict[str, Any],
        elapsed_s: float,
        keeps: Sequence[str],
    ) -> None:
        """Make the plan durable, with the blobs that it keeps.

        A database that is down does not stop the search: what was not stored now is
        stored the next time, unless another coordinator has taken the job by then.

        Raises
        ------
        StateForbids
            When it has.
        """
        try:
            async with self._database.transaction() as transaction:
                await self._keep(transaction, keeps)
                is_cancelled = await repository.save(
                    transaction,
                    self._database.dialect,
                    self._claimed,
                    plan=plan,
                    progress=msgspec.json.encode(progress).decode(),
                    elapsed_s=elapsed_s,
                    now=self._now(),
                    lease_s=self._lease_s,
                )
        except Unavailable as error:
            _log.error("job %s cannot be stored: %s", self._claimed.id, error.detail)
            return
        self._kept = frozenset(keeps)
        self._feed.tell(self._claimed.id, progress)
        self._feed.wake(self._claimed.id)
        if is_cancelled:
            self._on_cancel()

    async def finish(self, outcome: Outcome) -> None:
        """Store how the job ended, however long it takes the database to come back.

        Raises
        ------
        StateForbids
            When another coordinator holds the job now.
        """
        while True:
            try:
                async with self._database.transaction() as transaction:
                    await self._finish(transaction, outcome)
            except Unavailable as error:
                _log.error("job %s cannot end: %s", self._claimed.id, error.detail)
                await asyncio.sleep(RETRY_S)
            else:
                self._feed.forget(self._claimed.id)
                return

    async def finish_within(self, transaction: Transaction, outcome: Outcome) -> None:
        """Store how the job ended, together with what it has done.

        Raises
        ------
        StateForbids
            When another coordinator holds the job now.
        """
        await self._finish(transaction, outcome)

    def forget(self) -> None:
        """Drop the news of a job whose end is stored, and wake those who watch it."""
        self._feed.forget(self._claimed.id)

    async def _keep(self, transaction: Transaction, keeps: Sequence[str]) -> None:
        """Store the blobs that are new to the plan, and drop those that are not in it.

        Those that the job was submitted with are stored already, and in every plan.
        """
        if self._kept == frozenset(keeps):
            return
        for sha256 in keeps:
            data = self._shelf.get(sha256)
            if data is None:
                await blobs.keep_for_job(transaction, self._claimed.id, sha256)
            else:
                await blobs.add_for_job(
                    transaction,
                    self._claimed.id,
                    sha256,
                    Blob(_PACKED, data),
                    self._now(),
                )
        await blobs.release(transaction, self._claimed.id, keep=keeps)

    async def _finish(self, transaction: Transaction, outcome: Outcome) -> None:
        sha256 = None
        if outcome.result is not None:
            sha256 = hashlib.sha256(outcome.result).hexdigest()
            blob = Blob(outcome.media_type, outcome.result)
            await blobs.add_for_job(
                transaction, self._claimed.id, sha256, blob, self._now()
            )
        end = Finish(
            state=outcome.state,
            error=outcome.error,
            progress=msgspec.json.encode(outcome.progress).decode(),
            result_sha256=sha256,
            result_media_type=None if sha256 is None else outcome.media_type,
        )
        await repository.finish(transaction, self._claimed, end, self._now())
        keep = [] if sha256 is None else [sha256]
        await blobs.release(transaction, self._claimed.id, keep=keep)

    def _now(self) -> str:
        return timestamp(self._clock())
