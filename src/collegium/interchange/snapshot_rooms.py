"""The rooms of a session as a timetabling problem has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.catalogue.weekly import bits
from collegium.db.database import Row
from collegium.interchange.names import names_of
from collegium.timetabling.problem import Room, Time


@dataclass(frozen=True, slots=True)
class SnapshotRooms:
    """The rooms of a session, and their ids in the same order."""

    rooms: tuple[Room, ...]
    ids: tuple[str, ...]


def build_rooms(
    rows: Sequence[Row],
    pairs: Sequence[Row],
    session_id: str,
    n_days: int,
    n_weeks: int,
) -> SnapshotRooms:
    """Return the rooms of a session in the order of the file that it came from.

    Parameters
    ----------
    rows, pairs : rooms and travel as ``SessionRows`` has them.
    session_id : whose unavailability counts.
    """
    last = len(rows)
    rows = sorted(rows, key=lambda row: (last if row[3] is None else row[3], row[2]))
    names = names_of((row[1], row[2], row[0]) for row in rows)
    travel = _travel(pairs, rows)
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


def _travel(found: Sequence[Row], rows: Sequence[Row]) -> list[dict[int, int]]:
    """Return the travel from each room: between rooms, else between buildings."""
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
    inside: dict[str, list[int]] = {row[5]: [] for row in rows if row[5] is not None}
    for i, row in enumerate(rows):
        if row[5] is not None:
            inside[row[5]].append(i)
    for here, there, slots in pairs:
        for first in inside.get(here, ()):
            for second in inside.get(there, ()):
                travel[first][second] = travel[second][first] = slots
