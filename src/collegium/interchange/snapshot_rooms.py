"""The rooms of a session as a timetabling problem has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.catalogue.weekly import bits
from collegium.db.database import Reader, Row
from collegium.interchange.names import names_of
from collegium.timetabling.problem import Room, Time


@dataclass(frozen=True, slots=True)
class SnapshotRooms:
    """The rooms of a session, and their ids in the same order."""

    rooms: tuple[Room, ...]
    ids: tuple[str, ...]


async def read_rooms(
    reader: Reader, university_id: str, session_id: str, n_days: int, n_weeks: int
) -> SnapshotRooms:
    """Return the rooms of the file that filled the session, and all that it names."""
    rows = await reader.fetch_all(
        "SELECT r.id, s.external_id, r.code, s.position, r.capacity, r.building_id, "
        "r.unavailability FROM rooms r LEFT JOIN session_rooms s "
        "ON s.university_id = r.university_id AND s.room_id = r.id "
        "AND s.session_id = ? WHERE r.university_id = ? AND (s.room_id IS NOT NULL "
        "OR r.id IN (SELECT o.room_id FROM class_rooms o JOIN classes c "
        "ON c.university_id = o.university_id AND c.id = o.class_id "
        "WHERE c.university_id = ? AND c.session_id = ?))",
        (session_id, university_id, university_id, session_id),
    )
    last = len(rows)
    rows = sorted(rows, key=lambda row: (last if row[3] is None else row[3], row[2]))
    names = names_of((row[1], row[2], row[0]) for row in rows)
    travel = await _travel(reader, university_id, rows)
    return SnapshotRooms(
        tuple(
            Room(
                name,
                row[4],
                travel[index],
                tuple(_unavailable(row[6], session_id, n_days, n_weeks)),
            )
            for index, (row, name) in enumerate(zip(rows, names, strict=True))
        ),
        tuple(row[0] for row in rows),
    )


def _unavailable(text: str, session_id: str, n_days: int, n_weeks: int) -> list[Time]:
    """Return the times of a room that a session heeds, cut to its days and weeks."""
    times = []
    for time in msgspec.json.decode(text):
        if time["session_id"] not in (None, session_id):
            continue
        days = bits(time["days"][:n_days])
        weeks = bits(time["weeks"] or "1" * n_weeks)
        if days and weeks:
            times.append(Time(days, time["start"], time["length"], weeks))
    return times


async def _travel(
    reader: Reader, university_id: str, rows: Sequence[Row]
) -> list[dict[int, int]]:
    """Return the travel from each room: between rooms, else between buildings."""
    found = await reader.fetch_all(
        "SELECT from_room_id, to_room_id, from_building_id, to_building_id, slots "
        "FROM travel_times WHERE university_id = ?",
        (university_id,),
    )
    index = {row[0]: i for i, row in enumerate(rows)}
    travel: list[dict[int, int]] = [{} for _ in rows]
    _add_buildings(travel, rows, [row[2:] for row in found if row[2] is not None])
    for here, there, _, _, slots in found:
        if here in index and there in index:
            first, second = index[here], index[there]
            travel[first][second] = travel[second][first] = slots
    return travel


def _add_buildings(
    travel: list[dict[int, int]], rows: Sequence[Row], pairs: Sequence[Any]
) -> None:
    inside: Mapping[str, list[int]] = {}
    inside = {row[5]: [] for row in rows if row[5] is not None}
    for i, row in enumerate(rows):
        if row[5] is not None:
            inside[row[5]].append(i)
    for here, there, slots in pairs:
        for first in inside.get(here, ()):
            for second in inside.get(there, ()):
                travel[first][second] = travel[second][first] = slots
