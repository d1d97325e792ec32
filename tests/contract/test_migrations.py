"""The way down and up again, on both databases, with rows in the tables."""

from __future__ import annotations

from collegium.db.database import Database
from collegium.db.migrate import downgrade, migrate, schema_version
from fixtures.access import new_key
from fixtures.asgi import AsgiClient
from fixtures.world import HOME


async def test_keys_and_events_go_and_come_back(
    world: AsgiClient, world_database: Database
) -> None:
    """Before them there were courses, which stay; they themselves come back empty."""
    version = await schema_version(world_database)
    await new_key(world_database, "registrar")
    shown = await world.get(f"{HOME}/courses/COURSE")
    for target in ("0007", "0006"):
        await downgrade(world_database, target)
        assert await schema_version(world_database) == target
    assert await migrate(world_database) == version
    assert (await world.get(f"{HOME}/courses/COURSE")).body == shown.body
    for table in ("api_keys", "audit_events", "audit_counters"):
        rows = await world_database.fetch_all(f"SELECT * FROM {table}")
        assert list(rows) == []
    made = await world.post(f"{HOME}/people", {"code": "NEW", "name": "New"})
    assert made.status == 201
    events = (await world.get(f"{HOME}/audit-events")).json()["items"]
    assert [event["seq"] for event in events] == [1]
