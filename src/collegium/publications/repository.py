"""SQL of publications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from collegium.db.database import Reader, Row, UniqueViolated
from collegium.db.records import Record
from collegium.db.work import Work
from collegium.errors import PreconditionFailed

_PLACEMENT = ("class_id", "days", "start", "length", "weeks", "room_id")


async def hold_session(work: Work, university_id: str, session_id: str) -> None:
    """Let no other write of the session's structure happen until the end.

    Whoever changes structure holds the session's row in common with others; to change
    the row, if only to what it is, takes it alone.
    """
    await work.transaction.execute(
        "UPDATE sessions SET version = version WHERE university_id = ? AND id = ?",
        (university_id, session_id),
    )


async def current_number(
    reader: Reader, university_id: str, session_id: str
) -> int | None:
    """Return the number of the publication in force, None without one."""
    row = await reader.fetch_one(
        "SELECT number FROM current_publications "
        "WHERE university_id = ? AND session_id = ?",
        (university_id, session_id),
    )
    return None if row is None else int(row[0])


async def find_id(
    reader: Reader, university_id: str, session_id: str, number: int
) -> str | None:
    """Return the id of the publication of a number."""
    row = await reader.fetch_one(
        "SELECT id FROM publications "
        "WHERE university_id = ? AND session_id = ? AND number = ?",
        (university_id, session_id, number),
    )
    return None if row is None else str(row[0])


async def next_number(reader: Reader, university_id: str, session_id: str) -> int:
    """Return the number that follows the last."""
    row = await reader.fetch_one(
        "SELECT max(number) FROM publications "
        "WHERE university_id = ? AND session_id = ?",
        (university_id, session_id),
    )
    return 1 if row is None or row[0] is None else int(row[0]) + 1


async def put_in_force(
    work: Work, university_id: str, session_id: str, before: int | None, number: int
) -> None:
    """Make a publication the current one, if that is still the one before.

    Raises
    ------
    PreconditionFailed
        When another has been published meanwhile.
    """
    if before is None:
        try:
            await work.transaction.execute(
                "INSERT INTO current_publications (university_id, session_id, number) "
                "VALUES (?, ?, ?)",
                (university_id, session_id, number),
            )
        except UniqueViolated:
            raise PreconditionFailed from None
        return
    count = await work.transaction.execute(
        "UPDATE current_publications SET number = ? "
        "WHERE university_id = ? AND session_id = ? AND number = ?",
        (number, university_id, session_id, before),
    )
    if count != 1:
        raise PreconditionFailed


async def add_placements(
    work: Work, publication: Record, rows: Iterable[Sequence[Any]]
) -> None:
    """Add the placements of a publication, each in the order of its columns."""
    owner = (publication["university_id"], publication["session_id"], publication.id)
    await work.transaction.execute_many(
        "INSERT INTO placements (university_id, session_id, publication_id, class_id, "
        "days, start, length, weeks, room_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*owner, *row) for row in rows],
    )


async def placements_json(reader: Reader, publication: Record) -> bytes:
    """Return the placements of a publication as a JSON list."""
    rows = await reader.fetch_all(
        f"SELECT {', '.join(_PLACEMENT)} FROM placements "
        "WHERE university_id = ? AND publication_id = ? ORDER BY class_id",
        (publication["university_id"], publication.id),
    )
    return msgspec.json.encode(
        [dict(zip(_PLACEMENT, row, strict=True)) for row in rows]
    )


async def find_job(reader: Reader, job_id: str) -> Row | None:
    """Return a job's workload, state, input, hash of its result, and university."""
    return await reader.fetch_one(
        "SELECT workload, state, input, result_sha256, university_id "
        "FROM jobs WHERE id = ?",
        (job_id,),
    )


async def keep_blobs(work: Work, hashes: Sequence[str]) -> None:
    """Keep what a publication is made of, whatever becomes of its job."""
    for sha256 in hashes:
        await work.transaction.execute(
            "UPDATE blobs SET is_uploaded = 1 WHERE sha256 = ? AND is_uploaded = 0",
            (sha256,),
        )
