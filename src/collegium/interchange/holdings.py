"""What a university has already of that which a file brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collegium.catalogue.weekly import Grid
from collegium.db.database import Reader, Row

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class HeldRoom:
    """A room that is there already."""

    id: str
    capacity: int
    unavailability: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is there already, by code.

    Parameters
    ----------
    travel : slots between two rooms, by their ids in order.
    offered : ids of the courses that the session offers.
    """

    grid: Grid
    n_offerings: int
    rooms: Mapping[str, HeldRoom] = field(default_factory=dict)
    courses: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    travel: Mapping[tuple[str, str], int] = field(default_factory=dict)


async def read_holdings(
    reader: Reader,
    university_id: str,
    session_id: str,
    *,
    rooms: Sequence[str],
    courses: Sequence[str],
    people: Sequence[str],
) -> Holdings:
    """Return what is there under these codes."""
    session = await reader.fetch_one(
        "SELECT n_weeks, n_days, slots_per_day FROM sessions "
        "WHERE university_id = ? AND id = ?",
        (university_id, session_id),
    )
    assert session is not None
    count = await reader.fetch_one(
        "SELECT count(*) FROM instructional_offerings "
        "WHERE university_id = ? AND session_id = ?",
        (university_id, session_id),
    )
    found = await _by_code(
        reader, university_id, "rooms", rooms, ", capacity, unavailability"
    )
    held = {
        row[0]: HeldRoom(row[1], row[2], msgspec.json.decode(row[3])) for row in found
    }
    return Holdings(
        grid=Grid(*session),
        n_offerings=count[0] if count else 0,
        rooms=held,
        courses={
            r[0]: r[1]
            for r in await _by_code(reader, university_id, "courses", courses)
        },
        people={
            r[0]: r[1] for r in await _by_code(reader, university_id, "people", people)
        },
        travel=await _travel(reader, university_id) if held else {},
    )


async def _by_code(
    reader: Reader, university_id: str, table: str, codes: Sequence[str], more: str = ""
) -> list[Row]:
    found: list[Row] = []
    for first in range(0, len(codes), _AT_ONCE):
        part = codes[first : first + _AT_ONCE]
        places = ", ".join("?" for _ in part)
        found += await reader.fetch_all(
            f"SELECT code, id{more} FROM {table} WHERE university_id = ? "
            f"AND code IN ({places})",
            (university_id, *part),
        )
    return found


async def _travel(reader: Reader, university_id: str) -> dict[tuple[str, str], int]:
    rows = await reader.fetch_all(
        "SELECT from_room_id, to_room_id, slots FROM travel_times "
        "WHERE university_id = ? AND from_room_id IS NOT NULL",
        (university_id,),
    )
    return {(row[0], row[1]): row[2] for row in rows}
