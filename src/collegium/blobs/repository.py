"""SQL of blobs: which are there, and who needs those that nobody uploaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collegium.db.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes with the media type that they were stored under."""

    media_type: str
    data: bytes


async def find(reader: Reader, sha256: str) -> Blob | None:
    """Return a blob, or None when it is not stored."""
    row = await reader.fetch_one(
        "SELECT media_type, data FROM blobs WHERE sha256 = ?", (sha256,)
    )
    return None if row is None else Blob(row[0], bytes(row[1]))


async def describe(reader: Reader, sha256: str) -> tuple[str, int] | None:
    """Return media type and size of a blob without reading it."""
    row = await reader.fetch_one(
        "SELECT media_type, size_bytes FROM blobs WHERE sha256 = ?", (sha256,)
    )
    return None if row is None else (row[0], row[1])


async def stored(reader: Reader, hashes: Iterable[str]) -> frozenset[str]:
    """Return those of the given hashes whose blobs are stored."""
    found = [sha256 for sha256 in hashes if await describe(reader, sha256) is not None]
    return frozenset(found)


async def add_uploaded(
    transaction: Transaction, sha256: str, blob: Blob, now: str
) -> bool:
    """Store what a client has sent, for good; tell whether it is new to clients."""
    known = await transaction.fetch_one(
        "SELECT is_uploaded FROM blobs WHERE sha256 = ?", (sha256,)
    )
    if known is None:
        await _insert(transaction, sha256, blob, now, is_uploaded=1)
    elif not known[0]:
        await transaction.execute(
            "UPDATE blobs SET is_uploaded = 1, media_type = ? WHERE sha256 = ?",
            (blob.media_type, sha256),
        )
    return known is None or not known[0]


async def add_for_job(
    transaction: Transaction, job_id: str, sha256: str, blob: Blob, now: str
) -> None:
    """Store what a job has made, for as long as the job keeps it."""
    if await describe(transaction, sha256) is None:
        await _insert(transaction, sha256, blob, now, is_uploaded=0)
    await keep_for_job(transaction, job_id, sha256)


async def keep_for_job(transaction: Transaction, job_id: str, sha256: str) -> None:
    """Note that a job needs a blob that is stored."""
    await transaction.execute(
        "INSERT INTO job_blobs (job_id, sha256) VALUES (?, ?) "
        "ON CONFLICT (job_id, sha256) DO NOTHING",
        (job_id, sha256),
    )


async def release(
    transaction: Transaction, job_id: str, *, keep: Sequence[str]
) -> None:
    """Delete what a job does not keep, unless others need it or a client sent it."""
    rows = await transaction.fetch_all(
        "SELECT sha256 FROM job_blobs WHERE job_id = ? LIMIT 1000", (job_id,)
    )
    for (sha256,) in rows:
        if sha256 in keep:
            continue
        await transaction.execute(
            "DELETE FROM job_blobs WHERE job_id = ? AND sha256 = ?", (job_id, sha256)
        )
        await transaction.execute(
            "DELETE FROM blobs WHERE sha256 = ? AND is_uploaded = 0 AND NOT EXISTS "
            "(SELECT 1 FROM job_blobs WHERE job_blobs.sha256 = blobs.sha256)",
            (sha256,),
        )


async def _insert(
    transaction: Transaction, sha256: str, blob: Blob, now: str, *, is_uploaded: int
) -> None:
    await transaction.execute(
        "INSERT INTO blobs (sha256, media_type, size_bytes, data, is_uploaded, "
        "created_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
        (sha256, blob.media_type, len(blob.data), blob.data, is_uploaded, now),
    )
