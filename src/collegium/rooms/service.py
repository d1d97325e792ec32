"""What may be done with buildings, rooms and travel times."""

from __future__ import annotations

from typing import Any

import msgspec

from collegium.catalogue.nouns import UNIVERSITY, Noun, referred
from collegium.catalogue.weekly import grid_of
from collegium.db.addresses import Keys, Reference
from collegium.db.records import Record, Records
from collegium.db.tables import buildings, rooms, travel_times
from collegium.db.work import Work
from collegium.errors import Malformed
from collegium.rooms import repository
from collegium.rooms.schemas import BuildingIn, RoomIn, TravelTimeIn

_SESSION = Reference("session_id", "sessions", "session")
_ENDS = (
    Reference("from_building_id", "buildings", "building"),
    Reference("to_building_id", "buildings", "building"),
    Reference("from_room_id", "rooms", "room"),
    Reference("to_room_id", "rooms", "room"),
)


class Buildings(Noun[BuildingIn]):
    """Buildings, each on a campus."""

    async def values(
        self, work: Work, ids: Keys, body: BuildingIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get.

        Raises
        ------
        Malformed
            When the campus is another kind of organisation.
        """
        values = await super().values(work, ids, body, before)
        campus = values["campus_id"]
        if campus is not None and not await repository.is_campus(
            work.transaction, ids[0], campus
        ):
            raise Malformed(
                "A campus is an organisation of type branch.",
                pointers={"/campus_id": "not a branch"},
            )
        return {**values, "campus_type": repository.CAMPUS}


class Rooms(Noun[RoomIn]):
    """Rooms, which cannot be used at some times of some sessions."""

    async def values(
        self, work: Work, ids: Keys, body: RoomIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get, with sessions by id.

        Raises
        ------
        Malformed
            When a time does not fit its session.
        """
        values = await super().values(work, ids, body, before)
        for number, time in enumerate(values["unavailability"]):
            if time["session_id"] is not None:
                await _place(work, ids[0], time, f"/unavailability/{number}")
        return values

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Keep which sessions the room's times name."""
        text = after["unavailability"]
        if before is not None and before["unavailability"] == text:
            return
        named = {time["session_id"] for time in msgspec.json.decode(text)}
        await repository.set_sessions(work, after, sorted(named - {None}))


async def _place(
    work: Work, university_id: str, time: dict[str, Any], pointer: str
) -> None:
    """Put a time in its session: by id, and only if it fits.

    Raises
    ------
    Malformed
        When there is no such session, or it has no such time.
    """
    owners = {"university_id": university_id}
    time["session_id"] = await referred(
        work, owners, _SESSION, time["session_id"], f"{pointer}/session_id"
    )
    grid = await grid_of(work.transaction, (university_id, time["session_id"]))
    assert grid is not None
    found = grid.misfits(**{k: v for k, v in time.items() if k != "session_id"})
    if found:
        raise Malformed(
            "The time does not fit its academic session.",
            pointers={f"{pointer}/{member}": text for member, text in found.items()},
        )


class TravelTimes(Noun[TravelTimeIn]):
    """Travel times, one for each pair of places."""

    async def values(
        self, work: Work, ids: Keys, body: TravelTimeIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get: both ends in order.

        Raises
        ------
        Malformed
            When both ends are the same place.
        """
        values = await super().values(work, ids, body, before)
        kind = "building" if values["from_building_id"] is not None else "room"
        start, end = f"from_{kind}_id", f"to_{kind}_id"
        if values[start] == values[end]:
            raise Malformed(
                "From a place to itself it takes no time.",
                pointers={f"/{end}": "the same place"},
            )
        values[start], values[end] = sorted((values[start], values[end]))
        return values


BUILDINGS = Buildings(
    Records(buildings, noun="building", parents=(UNIVERSITY,)),
    BuildingIn,
    references=(Reference("campus_id", "organisations", "organisation"),),
)
ROOMS = Rooms(
    Records(rooms, noun="room", parents=(UNIVERSITY,)),
    RoomIn,
    references=(Reference("building_id", "buildings", "building"),),
)
TRAVEL_TIMES = TravelTimes(
    Records(travel_times, noun="travel time", parents=(UNIVERSITY,)),
    TravelTimeIn,
    references=_ENDS,
)
