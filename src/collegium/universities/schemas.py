"""JSON bodies of universities."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from collegium.catalogue.schemas import (
    Body,
    Code,
    Exact,
    ListQuery,
    Name,
    OtherCode,
    Stored,
    Texts,
    TimeZone,
)

Website = Annotated[
    str, StringConstraints(max_length=500, pattern=r"^https?://[^\s/?#]+\S*$")
]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$", max_length=2)]


class UniversityIn(Body):
    """A university as a client describes it."""

    code: Code
    name: Name
    names: Texts = Field(default_factory=dict, description="Name by language.")
    country: Country | None = Field(default=None, description="ISO 3166-1 alpha-2.")
    time_zone: TimeZone | None = Field(default=None, description="IANA name.")
    website: Website | None = Field(
        default=None, description="Address of the public site."
    )
    other_codes: list[OtherCode] = Field(
        default_factory=list, max_length=50, description="Its names elsewhere."
    )


class University(UniversityIn, Stored):
    """A university."""


class UniversityQuery(ListQuery):
    """Which universities to list, and how."""

    code: Exact = Field(default=None, description="Exactly this code.")
    q: Exact = Field(default=None, description="Code begins with this.")
    sort: Literal["code", "-code", "name", "-name", "created_at", "-created_at"] = (
        Field(default="code", description="Order; - for largest first.")
    )
