"""What the bodies of several nouns have in common."""

from __future__ import annotations

import zoneinfo
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from collegium.db.addresses import is_id
from collegium.rest.pages import PageQuery


def _not_an_id(code: str) -> str:
    if is_id(code):
        raise ValueError("a code must not look like an id")
    return code


def _known_time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not the name of a time zone, as in Europe/Vienna") from None
    return name


def require_order(body: BaseModel, first: str, last: str) -> None:
    """Make sure that a period does not end before it begins; an open end fits any.

    Parameters
    ----------
    first, last : members of the body with its first and its last day, or None.

    Raises
    ------
    ValueError
        When it does; a validator of the body passes it on.
    """
    begins, ends = getattr(body, first), getattr(body, last)
    if begins is not None and ends is not None and ends < begins:
        raise ValueError(f"{last} is before {first}")


Code = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9 ._~+&-]*[A-Za-z0-9._~+&-])?$",
    ),
    AfterValidator(_not_an_id),
    Field(description="Short name, unique among its kind; usable in addresses."),
]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=r"\S"),
    Field(description="Name for people."),
]
Language = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$", max_length=35),
]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_time_zone)]
"""IANA name of a time zone."""
Text = Annotated[str, StringConstraints(max_length=20_000)]
Texts = Annotated[
    dict[Language, Text],
    Field(max_length=50, json_schema_extra={"additionalProperties": False}),
]
"""Text by language (BCP 47)."""


Reference = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._~+&-]*$", max_length=64),
    Field(
        description="Id or code of something of the same university; kept as the id."
    ),
]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""An id, to ask for."""
Exact = Annotated[str, StringConstraints(max_length=64)] | None
"""A code or another short text to ask for, or none."""


class Body(BaseModel):
    """What a client sends: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OtherCode(Body):
    """A name that something has elsewhere."""

    code_type: str = Field(min_length=1, max_length=64, description="Whose code it is.")
    code: str = Field(min_length=1, max_length=256, description="The code there.")


class ListQuery(PageQuery):
    """How to walk through a collection of the catalogue, and what to show of it."""

    fields: Annotated[str, StringConstraints(pattern=r"^\w+(?:,\w+)*$")] | None = Field(
        default=None,
        max_length=500,
        description="Only these members, separated by commas, and the id.",
    )


class Stored(BaseModel):
    """What every resource shows besides its own members."""

    id: str = Field(description="UUIDv7; never changes.")
    version: int = Field(description="Grows with every change; the ETag's number.")
    created_at: str = Field(description="RFC 3339 in UTC.")
    updated_at: str = Field(description="RFC 3339 in UTC.")


class StoredBelow(Stored):
    """What every resource below a university shows besides its own members."""

    university_id: str = Field(description="Id of the university it belongs to.")


class PageLinks(BaseModel):
    """Where the pages beside this one are; the Link header says the same."""

    next: str | None = Field(description="Address of the following page.")
    prev: str | None = Field(description="Address of the page before.")
