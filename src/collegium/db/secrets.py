"""Random values that all coordinators of one database share."""

from __future__ import annotations

import secrets

from collegium.db.database import Database

_SIZE_BYTES = 32


async def shared_secret(database: Database, name: str) -> bytes:
    """Return the secret of that name; the first to ask makes it."""
    sql = "SELECT value FROM secrets WHERE name = ?"
    row = await database.fetch_one(sql, (name,))
    if row is None:
        async with database.transaction() as transaction:
            await transaction.execute(
                "INSERT INTO secrets (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO NOTHING",
                (name, secrets.token_hex(_SIZE_BYTES)),
            )
            row = await transaction.fetch_one(sql, (name,))
    assert row is not None
    return bytes.fromhex(row[0])
