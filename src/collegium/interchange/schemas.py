"""JSON bodies of imports and snapshots."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

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


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    ONEROSTER = "oneroster"
    ITC2019 = "itc2019"


class Kind(StrEnum):
    """What the rows of a CSV file are."""

    COURSES = "courses"
    ROOMS = "rooms"
    PEOPLE = "people"
    ENROLMENTS = "enrolments"


class FileOptions(BaseModel):
    """How a file is to be read and what it is for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Format = Field(default=Format.CSV, description="How the file is written.")
    kind: Kind | None = Field(default=None, description="Of CSV: what the rows are.")
    session: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Id or code of the academic session, for enrolments and ITC-2019.",
    )
    map: str | None = Field(
        default=None,
        max_length=8000,
        description="Of CSV: JSON object of columns by header; an empty one is not "
        "read. Headers that it does not name are understood by what they say.",
    )
    encoding: Literal["utf-8", "latin-1", "windows-1252"] = Field(
        default="utf-8", description="Of CSV."
    )
    delimiter: Literal["comma", "semicolon", "tab", "bar"] | None = Field(
        default=None, description="Of CSV; without it, the header tells."
    )
    prefix: str = Field(
        default="",
        max_length=16,
        pattern=r"^(?:[A-Za-z0-9][A-Za-z0-9._-]*)?$",
        description="Of ITC-2019: before each code.",
    )
    dry_run: bool = Field(
        default=False, description="Only tell what would be done, and what stops it."
    )


class ImportQuery(FileOptions):
    """How a file is to be taken in, as a job."""

    blob: Sha256 | None = Field(
        default=None,
        description="The file: a sha256 under /v1/blobs, instead of a body.",
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
