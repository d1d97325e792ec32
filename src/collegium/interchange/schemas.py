"""JSON bodies of imports and snapshots."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from collegium.catalogue.schemas import Body

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", max_length=64)]


class ImportIn(Body):
    """A file to be taken into an empty session."""

    format: Literal["itc2019"] = Field(
        default="itc2019", description="ITC-2019 XML, plain or gzip."
    )
    blob: Sha256 = Field(description="The file: the sha256 under /v1/blobs.")
    prefix: Annotated[
        str, StringConstraints(pattern=r"^(?:[A-Za-z0-9][A-Za-z0-9._-]*)?$")
    ] = Field(
        default="",
        max_length=16,
        description="Before each code of rooms, courses and people that come from the "
        "file; without it equal codes mean the same room, course or person.",
    )
    is_dry_run: bool = Field(
        default=False, description="Only tell what would be done, and what stops it."
    )


class ImportFault(BaseModel):
    """Why something cannot be taken in."""

    where: str = Field(description="Kind and id of a part of the file.")
    detail: str = Field(description="What is wrong with it.")


class ImportResult(BaseModel):
    """What an import has done, or would do."""

    is_dry_run: bool
    added: dict[str, int] = Field(description="How many of each kind are new.")
    met: dict[str, int] = Field(description="How many of each kind were there already.")
    faults: list[ImportFault] = Field(description="What stops it; of a dry run only.")


class SnapshotResult(BaseModel):
    """A session as a problem, stored for good."""

    problem: str = Field(description="sha256 of the blob; input of a timetable job.")
    classes: int
    rooms: int
    students: int
    unplaceable: list[str] = Field(
        description="Classes without a time, or without a room though they need one."
    )
