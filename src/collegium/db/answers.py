"""What was answered to requests that may be repeated (Idempotency-Key)."""

from __future__ import annotations

import datetime

from collegium.db.database import Row
from collegium.db.work import Work, timestamp

KEPT = datetime.timedelta(hours=24)
"""How long a repeated request gets the answer of the first."""


async def recall(work: Work, scope: str, key: str) -> Row | None:
    """Return the fingerprint and the answer of an earlier request, if there was one.

    Parameters
    ----------
    work : of the transaction in which the effect is to happen.
    scope : who sent it and where to.
    key : the client's own.
    """
    return await work.transaction.fetch_one(
        "SELECT fingerprint, answer FROM answers "
        "WHERE scope = ? AND key = ? AND expires_at > ?",
        (scope, key, work.now),
    )


async def remember(
    work: Work, scope: str, key: str, *, fingerprint: str, answer: str
) -> None:
    """Keep an answer, together with the effect that it reports."""
    expires_at = timestamp(datetime.datetime.fromisoformat(work.now) + KEPT)
    await work.transaction.execute(
        "INSERT INTO answers (scope, key, fingerprint, answer, expires_at) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (scope, key) DO UPDATE SET "
        "fingerprint = excluded.fingerprint, answer = excluded.answer, "
        "expires_at = excluded.expires_at",
        (scope, key, fingerprint, answer, expires_at),
    )


async def forget_expired(work: Work, *, limit: int) -> int:
    """Delete answers that nobody may ask for any more; return their number.

    Parameters
    ----------
    work : of a transaction of its own.
    limit : most rows to delete.
    """
    return await work.transaction.execute(
        "DELETE FROM answers WHERE (scope, key) IN ("
        "SELECT scope, key FROM answers WHERE expires_at <= ? "
        "ORDER BY expires_at, scope, key LIMIT ?)",
        (work.now, limit),
    )
