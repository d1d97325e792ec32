"""JSON bodies of buildings, rooms and travel times."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from collegium.catalogue.schemas import (
    Body,
    Code,
    Exact,
    Id,
    ListQuery,
    Name,
    OtherCode,
    Reference,
    StoredBelow,
    Texts,
)
from collegium.catalogue.weekly import (
    MOST_SLOTS,
    Days,
    LengthSlots,
    StartSlot,
    Weeks,
)

MOST_SEATS = 1_000_000

Feature = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]+(?:[_-][a-z0-9]+)*$", max_length=64),
]


class BuildingIn(Body):
    """A building as a client describes it."""

    code: Code
    name: Name
    names: Texts = Field(default_factory=dict, description="Name by language.")
    campus_id: Reference | None = Field(
        default=None, description="Campus: an organisation of type branch."
    )
    latitude: float | None = Field(default=None, ge=-90, le=90, description="WGS 84.")
    longitude: float | None = Field(
        default=None, ge=-180, le=180, description="WGS 84."
    )
    other_codes: list[OtherCode] = Field(
        default_factory=list, max_length=50, description="Its names elsewhere."
    )

    @model_validator(mode="after")
    def _is_somewhere(self) -> BuildingIn:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together")
        return self


class Building(BuildingIn, StoredBelow):
    """A building."""


class BuildingQuery(ListQuery):
    """Which buildings to list, and how."""

    code: Exact = Field(default=None, description="Exactly this code.")
    q: Exact = Field(default=None, description="Code begins with this.")
    campus_id: Id | None = Field(default=None, description="On this campus.")
    sort: Literal["code", "-code", "name", "-name", "created_at", "-created_at"] = (
        Field(default="code", description="Order; - for largest first.")
    )


class RoomType(StrEnum):
    """What a room is for, in the words of OEAPI."""

    GENERAL_PURPOSE = "general_purpose"
    LECTURE_ROOM = "lecture_room"
    COMPUTER_ROOM = "computer_room"
    LABORATORY = "laboratory"
    OFFICE = "office"
    WORKSPACE = "workspace"
    EXAM_LOCATION = "exam_location"
    STUDY_ROOM = "study_room"
    EXAMINATION_ROOM = "examination_room"
    CONFERENCE_ROOM = "conference_room"


class Unavailability(Body):
    """When a room cannot be used."""

    days: Days
    start: StartSlot
    length: LengthSlots
    weeks: Weeks | None = Field(default=None, description="Without it, every week.")
    session_id: Reference | None = Field(
        default=None,
        description="Session whose weeks these are; without it, every session.",
    )

    @model_validator(mode="after")
    def _weeks_are_of_a_session(self) -> Unavailability:
        if self.weeks is not None and self.session_id is None:
            raise ValueError("weeks need the session_id that they are counted in")
        return self


class RoomIn(Body):
    """A room as a client describes it."""

    code: Code
    name: Name | None = None
    building_id: Reference | None = Field(default=None, description="Where it is.")
    number: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = (
        Field(default=None, description="Number in the building, unique there.")
    )
    room_type: RoomType = Field(default=RoomType.GENERAL_PURPOSE)
    capacity: int = Field(ge=0, le=MOST_SEATS, description="Seats.")
    exam_capacity: int | None = Field(
        default=None, ge=0, le=MOST_SEATS, description="Seats in an exam."
    )
    features: list[Feature] = Field(
        default_factory=list,
        max_length=100,
        description="What it has, as in projector.",
    )
    unavailability: list[Unavailability] = Field(
        default_factory=list, max_length=500, description="When it cannot be used."
    )
    other_codes: list[OtherCode] = Field(
        default_factory=list, max_length=50, description="Its names elsewhere."
    )

    @model_validator(mode="after")
    def _names_features_once(self) -> RoomIn:
        if len(set(self.features)) != len(self.features):
            raise ValueError("a feature is named twice")
        return self


class Room(RoomIn, StoredBelow):
    """A room."""


class RoomQuery(ListQuery):
    """Which rooms to list, and how."""

    code: Exact = Field(default=None, description="Exactly this code.")
    q: Exact = Field(default=None, description="Code begins with this.")
    building_id: Id | None = Field(default=None, description="In this building.")
    room_type: RoomType | None = Field(default=None, description="Of this type.")
    sort: Literal[
        "code", "-code", "capacity", "-capacity", "created_at", "-created_at"
    ] = Field(default="code", description="Order; - for largest first.")


class TravelTimeIn(Body):
    """How long it takes between two buildings, or two rooms, either way."""

    from_building_id: Reference | None = None
    to_building_id: Reference | None = None
    from_room_id: Reference | None = Field(
        default=None, description="Between rooms; counts before that of the buildings."
    )
    to_room_id: Reference | None = None
    slots: int = Field(
        ge=0, le=MOST_SLOTS, description="Slots of an academic session that it takes."
    )

    @model_validator(mode="after")
    def _is_a_pair(self) -> TravelTimeIn:
        ends = (
            self.from_building_id is not None,
            self.to_building_id is not None,
            self.from_room_id is not None,
            self.to_room_id is not None,
        )
        if ends not in ((True, True, False, False), (False, False, True, True)):
            raise ValueError("name either two buildings or two rooms")
        return self


class TravelTime(TravelTimeIn, StoredBelow):
    """How long it takes between two places, either way; the lesser id comes first."""


class TravelTimeQuery(ListQuery):
    """Which travel times to list, and how."""

    from_building_id: Id | None = Field(default=None, description="With this building.")
    to_building_id: Id | None = Field(default=None, description="With this building.")
    from_room_id: Id | None = Field(default=None, description="With this room.")
    to_room_id: Id | None = Field(default=None, description="With this room.")
    sort: Literal["id", "-id"] = Field(default="id", description="- for newest first.")
