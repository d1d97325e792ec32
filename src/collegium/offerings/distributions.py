"""Constraints over classes, and who teaches them: bodies and rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from collegium.catalogue.nouns import UNIVERSITY, Noun, referred
from collegium.catalogue.schemas import Body, Id, ListQuery, Reference, StoredBelow
from collegium.catalogue.states import Part, require_writable
from collegium.db.addresses import Keys
from collegium.db.addresses import Reference as To
from collegium.db.records import Record, Records
from collegium.db.tables import distributions, teaching_assignments
from collegium.db.work import Work
from collegium.errors import Malformed
from collegium.offerings import repository
from collegium.offerings.schemas import MOST_PENALTY
from collegium.offerings.service import LAST, SESSION
from collegium.timetabling.problem import PARAMETER_COUNT, DistributionType

MOST_PARAMETER = 1_000_000
_CLASS = To("class_id", "classes", "class", within=("university_id", "session_id"))


class DistributionIn(Body):
    """A constraint over classes as a client describes it, of a type of ITC-2019."""

    type: DistributionType = Field(description="What must hold.")
    parameters: list[Annotated[int, Field(ge=0, le=MOST_PARAMETER)]] = Field(
        default_factory=list,
        max_length=2,
        description="Slots or days, as many as the type needs.",
    )
    is_required: bool = Field(
        default=False, description="True: never broken; false: costs its penalty."
    )
    penalty: int = Field(default=0, ge=0, le=MOST_PENALTY)
    class_ids: list[Reference] = Field(
        max_length=5000,
        description="Classes by id or code; Precedence heeds the order.",
    )

    @model_validator(mode="after")
    def _has_the_parameters_of_its_type(self) -> DistributionIn:
        wanted = PARAMETER_COUNT[self.type]
        if len(self.parameters) != wanted:
            raise ValueError(f"{self.type} takes {wanted} parameters")
        return self


class Distribution(DistributionIn, StoredBelow):
    """A constraint over classes."""

    session_id: str = Field(description="Id of the academic session.")


class DistributionQuery(ListQuery):
    """Which constraints to list, and how."""

    type: DistributionType | None = Field(default=None, description="Of this type.")
    sort: Literal["id", "-id", "type", "-type"] = Field(
        default="id", description="Order; - for largest first."
    )


class Distributions(Noun[DistributionIn]):
    """Constraints over the classes of a session."""

    async def values(
        self, work: Work, ids: Keys, body: DistributionIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get, with classes by id.

        Raises
        ------
        Malformed
            When a class is not of the session, or named twice.
        StateForbids
            When the session's structure may not change any more.
        """
        await require_writable(work, ids, Part.STRUCTURE)
        values = await super().values(work, ids, body, before)
        owners = {"university_id": ids[0], "session_id": ids[1]}
        found: list[str] = []
        for number, key in enumerate(body.class_ids):
            at = f"/class_ids/{number}"
            class_id = await referred(work, owners, _CLASS, key, at)
            if class_id in found:
                raise Malformed("A class is named twice.", pointers={at: "again"})
            found.append(class_id)
        values["class_ids"] = found
        values["position"] = LAST if before is None else before["position"]
        return values

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Keep which classes it names."""
        await repository.set_distribution_classes(
            work, after, after.value()["class_ids"]
        )

    async def let_go(self, work: Work, record: Record) -> None:
        """Refuse where the session forbids it."""
        ids = (record["university_id"], record["session_id"])
        await require_writable(work, ids, Part.STRUCTURE)


class TeachingAssignmentIn(Body):
    """Who teaches a class, as a client describes it."""

    class_id: Reference
    person_id: Reference
    share_percent: int = Field(default=100, ge=0, le=100, description="Of the load.")
    is_lead: bool = False
    check_conflicts: bool = Field(
        default=True, description="Whether the person must not be needed elsewhere."
    )


class TeachingAssignment(TeachingAssignmentIn, StoredBelow):
    """Who teaches a class."""

    session_id: str = Field(description="Id of the academic session.")


class TeachingAssignmentQuery(ListQuery):
    """Which teaching assignments to list, and how."""

    class_id: Id | None = Field(default=None, description="Of this class.")
    person_id: Id | None = Field(default=None, description="Of this person.")
    sort: Literal["id", "-id"] = Field(default="id", description="- for newest first.")


class TeachingAssignments(Noun[TeachingAssignmentIn]):
    """Who teaches the classes of a session."""

    async def values(
        self, work: Work, ids: Keys, body: TeachingAssignmentIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get.

        Teachers may change as long as students may: until the session is closed.
        """
        await require_writable(work, ids, Part.TIMETABLE)
        return await super().values(work, ids, body, before)

    async def let_go(self, work: Work, record: Record) -> None:
        """Refuse where the session forbids it."""
        ids = (record["university_id"], record["session_id"])
        await require_writable(work, ids, Part.TIMETABLE)


DISTRIBUTIONS = Distributions(
    Records(distributions, noun="distribution", parents=(UNIVERSITY, SESSION)),
    DistributionIn,
)
TEACHING_ASSIGNMENTS = TeachingAssignments(
    Records(
        teaching_assignments,
        noun="teaching assignment",
        parents=(UNIVERSITY, SESSION),
    ),
    TeachingAssignmentIn,
    references=(_CLASS, To("person_id", "people", "person")),
)
