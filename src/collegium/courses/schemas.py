"""JSON bodies of courses."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

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
    require_order,
)

DEEPEST_RULE = 8

Short = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class CourseRule(Body):
    """Passed when the student has passed a course."""

    kind: Literal["course"]
    course: Reference = Field(description="The course.")
    min_grade: Short | None = Field(default=None, description="Least grade in it.")


class PermissionRule(Body):
    """Passed when somebody has given permission."""

    kind: Literal["permission"]
    of: Short = Field(description="Whose permission it is.")


class AllRule(Body):
    """Passed when every part is."""

    kind: Literal["all"]
    rules: list[Rule] = Field(min_length=1, max_length=50)


class AnyRule(Body):
    """Passed when one part is."""

    kind: Literal["any"]
    rules: list[Rule] = Field(min_length=1, max_length=50)


class AtLeastRule(Body):
    """Passed when so many parts are."""

    kind: Literal["at_least"]
    count: int = Field(ge=1, le=50)
    rules: list[Rule] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _needs_enough_parts(self) -> AtLeastRule:
        if self.count > len(self.rules):
            raise ValueError("count is larger than the number of rules")
        return self


Rule = Annotated[
    CourseRule | PermissionRule | AllRule | AnyRule | AtLeastRule,
    Field(discriminator="kind"),
]


def depth(rule: Rule) -> int:
    """Return how many levels a rule has."""
    return 1 + max((depth(part) for part in getattr(rule, "rules", ())), default=0)


class CourseIn(Body):
    """A course as a client describes it."""

    code: Code
    name: Name
    titles: Texts = Field(default_factory=dict, description="Name by language.")
    organisation_id: Reference | None = Field(
        default=None, description="Organisation that offers it."
    )
    subject_code: Short | None = Field(default=None, description="As in CS.")
    number: Short | None = Field(default=None, description="As in 101.")
    descriptions: Texts = Field(
        default_factory=dict, description="Description by language."
    )
    credits: float | None = Field(default=None, ge=0, le=1000)
    level: Short | None = Field(default=None, description="As in bachelor.")
    prerequisites: Rule | None = Field(
        default=None, description="What a student must have before."
    )
    effective_from: datetime.date | None = Field(
        default=None, description="First day on which the course is offered."
    )
    effective_to: datetime.date | None = Field(
        default=None, description="Last day on which the course is offered."
    )
    other_codes: list[OtherCode] = Field(
        default_factory=list, max_length=50, description="Its names elsewhere."
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> CourseIn:
        require_order(self, "effective_from", "effective_to")
        if self.prerequisites is not None and depth(self.prerequisites) > DEEPEST_RULE:
            raise ValueError(f"prerequisites are nested deeper than {DEEPEST_RULE}")
        return self


class Course(CourseIn, StoredBelow):
    """A course."""


class SearchQuery(BaseModel):
    """Which courses to find."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field(
        min_length=1,
        max_length=200,
        description="Words that all must occur; the last may be the beginning of one.",
    )
    limit: int = Field(default=20, ge=1, le=50, description="Number of courses.")


class FoundCourses(BaseModel):
    """The courses that match best."""

    items: list[Course]
    is_complete: bool = Field(
        description="False when so many match that not all of them were compared."
    )


class CourseQuery(ListQuery):
    """Which courses to list, and how."""

    code: Exact = Field(default=None, description="Exactly this code.")
    subject_code: Exact = Field(default=None, description="Exactly this subject.")
    level: Exact = Field(default=None, description="Exactly this level.")
    organisation_id: Id | None = Field(default=None, description="Of this one.")
    q: Exact = Field(default=None, description="Code begins with this.")
    sort: Literal["code", "-code", "name", "-name", "created_at", "-created_at"] = (
        Field(default="code", description="Order; - for largest first.")
    )
