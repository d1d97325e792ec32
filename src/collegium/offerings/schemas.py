"""JSON bodies of offerings and classes."""

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
)
from collegium.catalogue.weekly import WeeklyPattern

MOST_STUDENTS = 2**31 - 1
"""Stands for "no limit" in some ITC-2019 files."""
MOST_PENALTY = 2**31 - 1

PartCode = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=16, pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._+]*)$"
    ),
    Field(description="Short name, unique in what it is part of."),
]
Limit = Annotated[
    int | None,
    Field(ge=0, le=MOST_STUDENTS, description="Most students; null for any number."),
]
Penalty = Annotated[
    int, Field(ge=0, le=MOST_PENALTY, description="Cost of choosing it, unweighted.")
]
ExternalId = Annotated[
    str | None,
    Field(max_length=1000, description="Its id in the file that it came from."),
]


class PartKind(StrEnum):
    """How a subpart is taught, in the words of OEAPI and UniTime."""

    LECTURE = "lecture"
    RECITATION = "recitation"
    TUTORIAL = "tutorial"
    SEMINAR = "seminar"
    LABORATORY = "laboratory"
    PRACTICAL = "practical"
    PROJECT = "project"
    WORKSHOP = "workshop"
    EXCURSION = "excursion"
    INDEPENDENT = "independent"
    OTHER = "other"


class RoomOption(Body):
    """A room that a class may be given."""

    room_id: Reference
    penalty: Penalty = 0


class TimeOption(WeeklyPattern):
    """A time that a class may be given."""

    penalty: Penalty = 0


class ClassDetails(Body):
    """What a class is, wherever it is."""

    limit: Limit = None
    needs_room: bool = Field(default=True, description="False: it gets a time only.")
    room_options: list[RoomOption] = Field(default_factory=list, max_length=2000)
    time_options: list[TimeOption] = Field(default_factory=list, max_length=5000)
    is_cancelled: bool = False
    external_id: ExternalId = None

    @model_validator(mode="after")
    def _has_sound_options(self) -> ClassDetails:
        if self.room_options and not self.needs_room:
            raise ValueError("a class that needs no room has no room_options")
        times = {(t.days, t.start, t.weeks) for t in self.time_options}
        if len(times) != len(self.time_options):
            raise ValueError("time_options name the same days, start and weeks twice")
        return self


class ClassPart(ClassDetails):
    """A class as part of an offering."""

    suffix: PartCode
    parent: PartCode | None = Field(
        default=None,
        description="Suffix of the class of the parent subpart that its students "
        "attend too.",
    )


class SubpartPart(Body):
    """A subpart: a student of the configuration attends one class of it."""

    code: PartCode
    kind: PartKind = PartKind.LECTURE
    parent: PartCode | None = Field(
        default=None,
        description="Subpart of the same configuration whose classes are the parents "
        "of these.",
    )
    external_id: ExternalId = None
    classes: list[ClassPart] = Field(default_factory=list, max_length=2000)


class ConfigurationPart(Body):
    """A configuration: one way of taking the offering."""

    code: PartCode
    name: Name | None = None
    limit: Limit = None
    external_id: ExternalId = None
    subparts: list[SubpartPart] = Field(default_factory=list, max_length=100)


class CoursePart(Body):
    """A course under which the offering can be taken."""

    course_id: Reference
    is_controlling: bool | None = Field(
        default=None,
        description="True for exactly one course; when there is one, that is it.",
    )
    reserved_seats: Limit = None


class OfferingIn(Body):
    """An offering with all its parts, as a registrar writes it."""

    code: Code
    name: Name | None = None
    courses: list[CoursePart] = Field(min_length=1, max_length=50)
    configurations: list[ConfigurationPart] = Field(default_factory=list, max_length=50)
    other_codes: list[OtherCode] = Field(
        default_factory=list, max_length=50, description="Its names elsewhere."
    )
    external_id: ExternalId = None


class Offering(OfferingIn, StoredBelow):
    """An offering with all its parts; how many are enrolled is said by its classes."""

    session_id: str = Field(description="Id of the academic session.")


class OfferingQuery(ListQuery):
    """Which offerings to list, and how."""

    code: Exact = Field(default=None, description="Exactly this code.")
    q: Exact = Field(default=None, description="Code begins with this.")
    sort: Literal["code", "-code"] = Field(
        default="code", description="Order; - for largest first."
    )


class ClassIn(ClassDetails):
    """A class as a client describes it on its own."""

    offering_id: Reference
    configuration: PartCode = Field(description="Code of the configuration it is in.")
    subpart: PartCode = Field(description="Code of the subpart it is one of.")
    suffix: PartCode
    parent_class_id: Reference | None = Field(
        default=None, description="Class that its students attend too."
    )


class Class(ClassIn, StoredBelow):
    """A class."""

    session_id: str = Field(description="Id of the academic session.")
    configuration_id: str = Field(description="Id of the configuration.")
    subpart_id: str = Field(description="Id of the subpart.")
    code: str = Field(description="Made of the codes above; usable in addresses.")
    enrolled: int = Field(description="Students who have a place.")


class ClassQuery(ListQuery):
    """Which classes to list, and how."""

    code: Exact = Field(default=None, description="Exactly this code.")
    q: Exact = Field(default=None, description="Code begins with this.")
    offering_id: Id | None = Field(default=None, description="Of this offering.")
    subpart_id: Id | None = Field(default=None, description="Of this subpart.")
    sort: Literal["code", "-code"] = Field(
        default="code", description="Order; - for largest first."
    )
