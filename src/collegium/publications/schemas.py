"""JSON bodies of publications."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from collegium.catalogue.schemas import Body, ListQuery, StoredBelow

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", max_length=64)]


class PublicationIn(Body):
    """A timetable to be published: the result of a job, or two blobs."""

    job: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="A timetable job that has succeeded."
    )
    problem: Sha256 | None = Field(
        default=None, description="ITC-2019 problem under /v1/blobs."
    )
    solution: Sha256 | None = Field(
        default=None, description="ITC-2019 solution under /v1/blobs."
    )

    @model_validator(mode="after")
    def _names_one_timetable(self) -> PublicationIn:
        given = (
            self.job is not None,
            self.problem is not None,
            self.solution is not None,
        )
        if given not in ((True, False, False), (False, True, True)):
            raise ValueError("name either a job, or a problem and a solution")
        return self


class Score(BaseModel):
    """What the timetable costs, as our own judge says."""

    total: int
    time: int
    room: int
    distribution: int
    student: int


class PublicationSummary(StoredBelow):
    """A published timetable without its placements."""

    session_id: str = Field(description="Id of the academic session.")
    number: int = Field(description="1 for the first, then without gaps.")
    problem_sha256: str
    solution_sha256: str
    job_id: str | None = Field(description="The job that made it.")
    score: Score
    n_classes: int
    published_by: str


class PlacementOut(BaseModel):
    """When and where a class meets."""

    class_id: str
    days: str = Field(description="1 for each day, Monday first.")
    start: int = Field(description="First slot, 0 at midnight.")
    length: int = Field(description="Slots.")
    weeks: str = Field(description="1 for each week.")
    room_id: str | None


class Publication(PublicationSummary):
    """A published timetable."""

    placements: list[PlacementOut] = Field(description="By id of the class.")


class PublicationPage(BaseModel):
    """A page of publications."""

    items: list[PublicationSummary]
    next: str | None = Field(description="Address of the following page.")
    prev: str | None = Field(description="Address of the page before.")


class PublicationQuery(ListQuery):
    """How to list publications."""

    sort: Literal["number", "-number"] = Field(
        default="-number", description="Order; - for largest first."
    )
