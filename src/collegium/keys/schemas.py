"""JSON bodies of keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from collegium.catalogue.schemas import Body, Id, ListQuery, Name, Reference, Stored
from collegium.rest.access import Role

DEFAULT_DAYS = 365
LONGEST_DAYS = 1096


class UniversityKeyIn(Body):
    """A key of a university, as a client asks for it."""

    name: Name
    role: Role
    scopes: list[Annotated[str, StringConstraints(max_length=64)]] | None = Field(
        default=None,
        max_length=100,
        description="Fewer than the role has, as in courses:read; without it, all "
        "that the role has and the maker may give.",
    )
    organisation_id: Reference | None = Field(
        default=None,
        description="Of a scheduler: whose courses it plans. Id or code.",
    )
    person_id: Reference | None = Field(
        default=None, description="Of a student: whose key it is. Id or code."
    )
    lifetime_days: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_DAYS,
        description=f"Days until it ends; without it {DEFAULT_DAYS}, and no later than "
        "the maker's own key.",
    )

    @model_validator(mode="after")
    def _bound_as_its_role(self) -> UniversityKeyIn:
        wrong = []
        for role, member in (
            (Role.SCHEDULER, "organisation_id"),
            (Role.STUDENT, "person_id"),
        ):
            if (self.role is role) != (getattr(self, member) is not None):
                wrong.append(f"{member} is for the role {role}, which needs it")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class KeyIn(UniversityKeyIn):
    """A key, as an operator asks for it."""

    university_id: Reference | None = Field(
        default=None,
        description="The only university that it sees; id or code. Operators and "
        "workers have none, the others need one.",
    )

    @model_validator(mode="after")
    def _in_a_university(self) -> KeyIn:
        is_free = self.role in (Role.OPERATOR, Role.WORKER)
        if is_free != (self.university_id is None):
            raise ValueError(
                "university_id is for registrars, schedulers and students, who need it"
            )
        return self


class Key(Stored):
    """What is shown of a key: everything but its secret."""

    name: str = Field(description="For whom or what it is.")
    role: Role
    scopes: list[str] = Field(description="What it may do.")
    university_id: str | None = Field(description="The only university that it sees.")
    organisation_id: str | None = Field(description="Of a scheduler.")
    person_id: str | None = Field(description="Of a student.")
    expires_at: str = Field(description="RFC 3339 in UTC; it is worth nothing then.")
    created_by: str = Field(description="Id of the key that made it, or token, local.")


class NewKey(Key):
    """A key that was just made."""

    key: str | None = Field(
        default=None,
        description="What its holder shows, Authorization: Bearer ...; said here once, "
        "and not in the answer to a repeated request.",
    )


class KeyQuery(ListQuery):
    """Which keys to list."""

    sort: Literal["id", "-id", "name", "-name", "expires_at", "-expires_at"] = "id"
    role: Role | None = None
    person_id: Id | None = None
    organisation_id: Id | None = None
