"""JSON bodies of organisations."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

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
    TimeZone,
)


class OrganisationType(StrEnum):
    """What an organisation is, in the words of OEAPI; a branch is a campus."""

    INSTITUTE = "institute"
    DEPARTMENT = "department"
    FACULTY = "faculty"
    BRANCH = "branch"
    ACADEMY = "academy"
    SCHOOL = "school"


class OrganisationIn(Body):
    """An organisation as a client describes it."""

    code: Code
    name: Name
    names: Texts = Field(default_factory=dict, description="Name by language.")
    type: OrganisationType = Field(
        default=OrganisationType.DEPARTMENT, description="A branch is a campus."
    )
    parent_id: Reference | None = Field(
        default=None, description="Organisation that it is part of."
    )
    time_zone: TimeZone | None = Field(
        default=None,
        description="IANA name; without one, that of the organisation above counts.",
    )
    other_codes: list[OtherCode] = Field(
        default_factory=list, max_length=50, description="Its names elsewhere."
    )


class Organisation(OrganisationIn, StoredBelow):
    """An organisation."""


class OrganisationQuery(ListQuery):
    """Which organisations to list, and how."""

    code: Exact = Field(default=None, description="Exactly this code.")
    q: Exact = Field(default=None, description="Code begins with this.")
    type: OrganisationType | None = Field(default=None, description="Of this type.")
    parent_id: Id | None = Field(default=None, description="Directly part of this one.")
    sort: Literal["code", "-code", "name", "-name", "created_at", "-created_at"] = (
        Field(default="code", description="Order; - for largest first.")
    )
