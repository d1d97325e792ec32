"""Two coordinators want one job at the same moment, on PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest

from collegium.db.migrate import migrate
from collegium.db.postgresql import PostgresqlDatabase
from collegium.db.work import Work
from collegium.jobs import repository
from fixtures.postgresql import Postgresql
from fixtures.waiting import until

NOW = "2026-01-01T00:00:00Z"
JOB = "01900000-0000-7000-8000-000000000001"


@pytest.mark.parametrize("lease_s", [60.0, -1.0], ids=["renewed", "ended anyhow"])
async def test_a_claim_sees_what_its_owner_stores_meanwhile(
    postgresql: Postgresql, lease_s: float
) -> None:
    """Renewed just in time the job stays; if not, its latest plan is adopted."""
    name = await asyncio.to_thread(postgresql.create)
    database = PostgresqlDatabase(postgresql.url(name))
    await database.open()
    try:
        await migrate(database)
        async with database.transaction() as transaction:
            await repository.add(Work(transaction, NOW), JOB, "sleep", "{}")
        owned = await repository.claim(database, "owner", NOW, lease_s=-1.0)
        assert owned is not None
        async with database.transaction() as transaction:
            await repository.save(
                transaction,
                "postgresql",
                owned,
                plan='"the latest"',
                progress="{}",
                elapsed_s=1.0,
                now=NOW,
                lease_s=lease_s,
            )
            claiming = asyncio.create_task(repository.claim(database, "other", NOW))
            await until(lambda: _is_waiting(database), 30.0)
        claimed = await claiming
        if lease_s > 0:
            assert claimed is None
        else:
            assert claimed is not None
            assert (claimed.plan, claimed.epoch) == ('"the latest"', owned.epoch + 1)
    finally:
        await database.close()


async def _is_waiting(database: PostgresqlDatabase) -> bool:
    row = await database.fetch_one(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )
    return row is not None and row[0] > 0
