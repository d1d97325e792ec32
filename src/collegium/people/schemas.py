"""JSON bodies of people and memberships."""

from __future__ import annotations

import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

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

Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s@<>]+@[^\s@<>]+$", max_length=254),
]


class PersonIn(Body):
    """A person as a client describes them."""

    code: Code
    name: Name
    names: Texts = Field(default_factory=dict, description="Name by language.")
    given_name: Name | None = None
    family_name: Name | None = None
    email: Email | None = Field(default=None, description="E-mail address.")
    other_codes: list[OtherCode] = Field(
        default_factory=list, max_length=50, description="Their names elsewhere."
    )


class Person(PersonIn, StoredBelow):
    """A person."""


class PersonQuery(ListQuery):
    """Which people to list, and how."""

    code: Exact = Field(default=None, description="Exactly this code.")
    q: Exact = Field(default=None, description="Code begins with this.")
    email: str | None = Field(
        default=None, max_length=254, description="This address, in capitals or not."
    )
    sort: Literal["code", "-code", "name", "-name"] = Field(
        default="code", description="Order; - for largest first."
    )


class Role(StrEnum):
    """What somebody is, in the words of OEAPI."""

    STUDENT = "student"
    LECTURER = "lecturer"
    TEACHING_ASSISTANT = "teaching_assistant"
    COORDINATOR = "coordinator"
    INVIGILATOR = "invigilator"
    ASSESSOR = "assessor"
    GUEST = "guest"


class MembershipIn(Body):
    """What a person is in an organisation, as a client describes it."""

    person_id: Reference
    organisation_id: Reference | None = Field(
        default=None, description="Where; without it, in the whole university."
    )
    role: Role
    start_date: datetime.date | None = Field(default=None, description="First day.")
    end_date: datetime.date | None = Field(default=None, description="Last day.")

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> MembershipIn:
        require_order(self, "start_date", "end_date")
        return self


class Membership(MembershipIn, StoredBelow):
    """What a person is in an organisation."""


class MembershipQuery(ListQuery):
    """Which memberships to list, and how."""

    person_id: Id | None = Field(default=None, description="Of this person.")
    organisation_id: Id | None = Field(default=None, description="In this one.")
    role: Role | None = Field(default=None, description="In this role.")
    sort: Literal["id", "-id"] = Field(default="id", description="- for newest first.")
