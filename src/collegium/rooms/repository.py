"""What rooms and buildings ask of other tables."""

from __future__ import annotations

from collections.abc import Iterable

from collegium.db.database import Reader
from collegium.db.records import Record
from collegium.db.work import Work

CAMPUS = "branch"
"""Type of an organisation that is a campus."""


async def is_campus(reader: Reader, university_id: str, organisation_id: str) -> bool:
    """Tell whether an organisation is a campus."""
    row = await reader.fetch_one(
        "SELECT 1 FROM organisations WHERE university_id = ? AND id = ? AND type = ?",
        (university_id, organisation_id, CAMPUS),
    )
    return row is not None


async def set_sessions(work: Work, room: Record, ids: Iterable[str]) -> None:
    """Keep which sessions the unavailability of a room names."""
    of_room = (room["university_id"], room.id)
    await work.transaction.execute(
        "DELETE FROM room_unavailability WHERE university_id = ? AND room_id = ?",
        of_room,
    )
    await work.transaction.execute_many(
        "INSERT INTO room_unavailability (university_id, room_id, session_id) "
        "VALUES (?, ?, ?)",
        [(*of_room, id_) for id_ in ids],
    )
