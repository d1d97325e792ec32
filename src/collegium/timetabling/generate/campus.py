"""Rooms on two campuses: how many seats, how far apart, and when they are closed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from collegium.timetabling.generate.names import BUILDINGS, CAMPUSES
from collegium.timetabling.generate.university import (
    SampleBuilding,
    SampleRoom,
    SampleSize,
)
from collegium.timetabling.problem import Room, Time

_ACROSS_SLOTS = (2, 1)  # between two buildings of each campus
_BETWEEN_CAMPUSES_SLOTS = 5
_LEAST_CAPACITY = 12


def campus_rooms(
    size: SampleSize, limits: Sequence[int], chance: Random
) -> tuple[tuple[Room, ...], tuple[SampleRoom, ...]]:
    """Return rooms that seat such classes, and what they are called.

    Parameters
    ----------
    limits : of all classes that need a room.
    """
    capacities = _capacities(size.n_rooms, limits)
    chance.shuffle(capacities)
    homes = [_building_of(index, size.n_rooms) for index in range(size.n_rooms)]
    rooms = tuple(
        Room(
            id=str(index + 1),
            capacity=capacity,
            travel=_travel(index, homes),
            unavailable=_closed(size, chance),
        )
        for index, capacity in enumerate(capacities)
    )
    return rooms, tuple(_named(rooms, homes))


def sample_buildings() -> tuple[SampleBuilding, ...]:
    """Return all buildings."""
    return tuple(
        SampleBuilding(code, name, CAMPUSES[campus]) for code, name, campus in BUILDINGS
    )


def campus_of(room: int, n_rooms: int) -> int:
    """Return the index of the campus that a room is on."""
    return BUILDINGS[_building_of(room, n_rooms)][2]


def _capacities(n_rooms: int, limits: Sequence[int]) -> list[int]:
    """Return seats: the largest class fits, and smaller ones find what they need."""
    wanted = sorted(limits, reverse=True) or [_LEAST_CAPACITY]
    return [
        max(_LEAST_CAPACITY, -(-wanted[room * len(wanted) // n_rooms] // 5) * 5)
        for room in range(n_rooms)
    ]


def _building_of(room: int, n_rooms: int) -> int:
    return room * len(BUILDINGS) // n_rooms


def _travel(here: int, homes: Sequence[int]) -> dict[int, int]:
    travel = {}
    for there, home in enumerate(homes):
        if home == homes[here]:
            continue
        campus, other = BUILDINGS[homes[here]][2], BUILDINGS[home][2]
        travel[there] = (
            _ACROSS_SLOTS[campus] if campus == other else _BETWEEN_CAMPUSES_SLOTS
        )
    return travel


def _closed(size: SampleSize, chance: Random) -> tuple[Time, ...]:
    """Return when a room is closed: never, an afternoon, or mornings of a half term."""
    every_week = 2**size.n_weeks - 1
    first_half = 2 ** (size.n_weeks // 2) - 1
    kind = chance.random()
    if kind < 0.55:
        return ()
    if kind < 0.85:
        return (Time(1 << chance.randrange(5), 168, 120, every_week),)
    morning = Time(1 << chance.randrange(5), 96, 48, first_half)
    return (morning, Time(0b1100000, 0, 288, every_week))


def _named(rooms: Sequence[Room], homes: Sequence[int]) -> list[SampleRoom]:
    numbers = [0] * len(BUILDINGS)
    named = []
    for room, home in zip(rooms, homes, strict=True):
        floor, door = divmod(numbers[home], 20)
        numbers[home] += 1
        code = BUILDINGS[home][0]
        named.append(
            SampleRoom(
                room.id, code, f"{code} {floor + 1}{door + 1:02d}", room.capacity
            )
        )
    return named
