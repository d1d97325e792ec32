"""JSON bodies of audit events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from collegium.catalogue.schemas import Id, PageLinks
from collegium.rest.pages import PageQuery

Action = Literal["create", "change", "delete", "import"]
Moment = Annotated[
    str,
    StringConstraints(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$", max_length=27
    ),
]


class AuditEvent(BaseModel):
    """One change."""

    seq: int = Field(
        description="Its number in the university; without gaps, in the order in which "
        "changes were committed."
    )
    at: str = Field(description="Time of the request, RFC 3339 in UTC.")
    actor: str = Field(description="Id of a key, or token, worker or local.")
    action: Action
    entity: str = Field(description="What was changed, in the plural: courses, ...")
    entity_id: str = Field(description="Id of it.")
    before: dict[str, Any] | None = Field(description="As it was, None when new.")
    after: dict[str, Any] | None = Field(
        description="As it was then, None when deleted; of an import the numbers of "
        "rows."
    )
    request_id: str = Field(description="Names the request in the server's log.")


class AuditPage(PageLinks):
    """A page of audit events, the latest first."""

    items: list[AuditEvent]


class AuditQuery(PageQuery):
    """Which events to list."""

    sort: Literal["-seq"] = Field(default="-seq", description="The latest first.")
    entity: (
        Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$", max_length=64)]
        | None
    ) = None
    entity_id: Id | None = None
    actor: Id | None = None
    action: Action | None = None
    since: Moment | None = Field(default=None, description="At this time or later.")
    until: Moment | None = Field(default=None, description="Before this time.")
