"""``buildings``, ``rooms``, ``travel-times`` of ``/v1/universities/{university}``."""

from __future__ import annotations

from collegium.catalogue.resources import resource_router
from collegium.rest.access import Area
from collegium.rooms.schemas import (
    Building,
    BuildingQuery,
    Room,
    RoomQuery,
    TravelTime,
    TravelTimeQuery,
)
from collegium.rooms.service import BUILDINGS, ROOMS, TRAVEL_TIMES

buildings_router = resource_router(
    BUILDINGS, shows=Building, query=BuildingQuery, tag="rooms", area=Area.CATALOGUE
)
rooms_router = resource_router(
    ROOMS, shows=Room, query=RoomQuery, tag="rooms", area=Area.CATALOGUE
)
travel_times_router = resource_router(
    TRAVEL_TIMES,
    shows=TravelTime,
    query=TravelTimeQuery,
    tag="rooms",
    area=Area.CATALOGUE,
)
