"""JSON bodies of jobs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from collegium.catalogue.schemas import PageLinks
from collegium.rest.pages import PageQuery

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobIn(BaseModel):
    """What a client wants done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workload: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        max_length=64,
        description="Kind of job.",
    )
    input: dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None = (
        Field(default_factory=dict, description="As the workload describes it.")
    )


class ResultLink(BaseModel):
    """Where the result of a job is."""

    href: str = Field(description="Address of the blob.")
    media_type: str = Field(description="What it is.")


class JobOut(BaseModel):
    """A job."""

    id: str = Field(description="UUID; later jobs sort behind earlier ones.")
    workload: str = Field(description="Kind of job.")
    state: State = Field(description="How far it is.")
    is_cancel_requested: bool = Field(description="Whether somebody asked to end it.")
    input: Any = Field(description="As it was posted.")
    progress: dict[str, Any] = Field(description="As the workload tells it.")
    error: str | None = Field(description="Why it failed.")
    result: ResultLink | None = Field(description="What it made.")
    created_at: str = Field(description="RFC 3339, UTC.")
    started_at: str | None = Field(description="RFC 3339, UTC.")
    finished_at: str | None = Field(description="RFC 3339, UTC.")
    updated_at: str = Field(description="RFC 3339, UTC.")


class JobPage(PageLinks):
    """A page of jobs, the latest first."""

    items: list[JobOut]


class JobQuery(PageQuery):
    """Which jobs to list."""

    sort: Literal["-created_at"] = Field(
        default="-created_at", description="The latest first."
    )
    state: State | None = Field(default=None, description="Only jobs of this state.")
