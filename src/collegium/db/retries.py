"""Do a whole unit of work again when another transaction was in its way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from collegium.db.database import Database, SerializationFailed, Transaction

TRIES = 4
"""After so many failures in a row the caller is told to come back later."""
FIRST_PAUSE_S = 0.01

_T = TypeVar("_T")


async def in_transaction(
    database: Database, act: Callable[[Transaction], Awaitable[_T]]
) -> _T:
    """Act in a transaction of its own; return what it returned, once committed.

    Parameters
    ----------
    database : where the transaction is.
    act : has no effect but through the transaction, as it may be called again.

    Raises
    ------
    SerializationFailed
        When others were in the way each time.
    """
    for earlier in range(TRIES - 1):
        try:
            async with database.transaction() as transaction:
                return await act(transaction)
        except SerializationFailed:
            # Who met once would meet again if both waited as long.
            await asyncio.sleep(FIRST_PAUSE_S * 2**earlier * (0.5 + random.random()))
    async with database.transaction() as transaction:
        return await act(transaction)
