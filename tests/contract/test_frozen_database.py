"""A database server that hears everything and answers nothing any more."""

from __future__ import annotations

import asyncio
import time

import pytest

from collegium.db.postgresql import PostgresqlDatabase
from collegium.errors import DatabaseUnavailable
from fixtures.faults.proxy import FaultProxy, Treatment
from fixtures.postgresql import Postgresql

ANSWER_S = 2.0
LATE_S = 8.0
"""What the end of a wait may take beyond its time on a busy machine."""


async def test_nobody_waits_for_ever(postgresql: Postgresql) -> None:
    """Reads and transactions under way end as unavailable; healed, all goes on."""
    name = await asyncio.to_thread(postgresql.create)
    proxy = FaultProxy("127.0.0.1", postgresql.port)
    await proxy.start()
    url = f"postgresql://collegium@127.0.0.1:{proxy.port}/{name}"
    database = PostgresqlDatabase(url, answer_s=ANSWER_S)
    await database.open()
    try:
        async with database.transaction() as transaction:
            await transaction.execute("CREATE TABLE kept (number integer)")
        stalled = Treatment(is_stalled=True)
        began_s = time.monotonic()

        async def write_two() -> None:
            async with database.transaction() as transaction:
                await transaction.execute("INSERT INTO kept VALUES (1)")
                proxy.treat(to_server=stalled, to_client=stalled)
                await transaction.execute("INSERT INTO kept VALUES (2)")

        with pytest.raises(DatabaseUnavailable):
            await write_two()
        with pytest.raises(DatabaseUnavailable):
            await database.fetch_one("SELECT 1")
        assert time.monotonic() - began_s < 4 * ANSWER_S + LATE_S
        proxy.treat()
        proxy.cut()
        await _answers_again(database)
        assert await database.fetch_all("SELECT number FROM kept") == []
    finally:
        await asyncio.wait_for(database.close(), LATE_S)
        await proxy.stop()


async def _answers_again(database: PostgresqlDatabase) -> None:
    async with asyncio.timeout(LATE_S):
        while True:
            try:
                await database.fetch_one("SELECT 1")
            except DatabaseUnavailable:
                await asyncio.sleep(0.05)  # connections that were cut go one by one
            else:
                return
