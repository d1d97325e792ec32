"""JSON bodies of universities."""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from collegium.catalogue.schemas import (
    Body,
    Code,
    Name,
    OtherCode,
    PageLinks,
    Stored,
    Texts,
)
from collegium.rest.pages import PageQuery


def _known_time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not the name of a time zone, as in Europe/Vienna") from None
    return name


TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_time_zone)]
Website = Annotated[
    str, StringConstraints(max_length=500, pattern=r"^https?://[^\s/?#]+\S*$")
]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


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


class UniversityQuery(PageQuery):
    """Which universities to list, and how."""

    code: str | None = Field(default=None, description="Exactly this code.")
    q: str | None = Field(default=None, description="Code begins with this.")
    sort: Literal["code", "-code", "name", "-name", "created_at", "-created_at"] = (
        Field(default="code", description="Order; - for largest first.")
    )


class UniversityPage(PageLinks):
    """A page of universities."""

    items: list[University]
