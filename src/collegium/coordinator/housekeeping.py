"""Forget, from time to time, what nobody may ask for any more."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from collegium.db import answers
from collegium.db.database import Database
from collegium.db.work import Clock, Work, timestamp, utc_clock
from collegium.errors import CollegiumError

INTERVAL_S = 600.0
"""Mean time between two rounds; each round begins at another moment."""
BATCH = 500
"""Rows that one transaction deletes at most, as others wait for it."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def keeping_house(
    database: Database,
    *,
    clock: Clock = utc_clock,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> AsyncIterator[None]:
    """Delete expired answers as long as the block lasts.

    Parameters
    ----------
    database : open.
    clock : returns the time in UTC.
    pause : waits for so many seconds.
    chance : returns a number of [0, 1), so that coordinators do not act in step.
    """

    async def go_on() -> None:
        while True:
            await pause(INTERVAL_S * (0.5 + chance()))
            try:
                count = await forget_answers(database, clock)
            except CollegiumError as error:
                _log.warning("expired answers stay until the next round: %s", error)
            else:
                _log.debug("%d expired answers were forgotten", count)

    running = asyncio.create_task(go_on(), name="housekeeping")
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def forget_answers(database: Database, clock: Clock) -> int:
    """Delete all expired answers, a few at a time; return their number."""
    total = 0
    while True:
        async with database.transaction() as transaction:
            work = Work(transaction, timestamp(clock()))
            count = await answers.forget_expired(work, limit=BATCH)
        total += count
        if count < BATCH:
            return total
