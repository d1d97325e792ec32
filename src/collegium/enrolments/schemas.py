"""JSON bodies of course requests, enrolments and course offerings."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from collegium.catalogue.schemas import Body, Id, ListQuery, Reference, StoredBelow

MOST_CLASSES = 50
MOST_ALTERNATIVES = 20
_COURSE = (
    "The course offering by its id, or by the id or code of its course; kept as the id."
)


class RequestIn(Body):
    """What a student wants to take, as a client describes it."""

    student_id: Reference
    course_offering_id: Reference = Field(description=_COURSE)
    priority: int = Field(default=0, ge=0, le=1000, description="The least first.")
    alternatives: list[Reference] = Field(
        default_factory=list,
        max_length=MOST_ALTERNATIVES,
        description="Course offerings to take instead, the best first; kept as ids.",
    )
    is_waitlist_ok: bool = Field(
        default=False, description="Whether the student would wait for a seat."
    )


class Request(RequestIn, StoredBelow):
    """What a student wants to take."""

    session_id: str = Field(description="Id of the academic session.")


class RequestQuery(ListQuery):
    """Which course requests to list, and how."""

    student_id: Id | None = Field(default=None, description="Of this student.")
    course_offering_id: Id | None = Field(default=None, description="For this one.")
    sort: Literal["id", "-id"] = Field(default="id", description="- for newest first.")


class EnrolmentState(StrEnum):
    """Where an enrolment is, in the words of OEAPI."""

    PENDING = "pending"
    QUEUED = "queued"
    ASSOCIATED = "associated"
    DENIED = "denied"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class EnrolmentIn(Body):
    """A student's place in a course offering, as a client asks for it."""

    student_id: Reference
    course_offering_id: Reference = Field(description=_COURSE)
    class_ids: list[Reference] | None = Field(
        default=None,
        max_length=MOST_CLASSES,
        description="One class of each subpart of one configuration; without them, "
        "free ones that go with the student's other classes are chosen.",
    )
    is_waitlist_ok: bool = Field(
        default=False,
        description="Where no seat is left, wait for one instead of being refused.",
    )
    is_overlap_allowed: bool = Field(
        default=False, description="Classes may meet when others of the student do."
    )


class Enrolment(EnrolmentIn, StoredBelow):
    """A student's place in a course offering."""

    session_id: str = Field(description="Id of the academic session.")
    offering_id: str = Field(description="Id of the instructional offering.")
    configuration_id: str | None = Field(description="In which the classes are.")
    class_ids: list[str] = Field(
        description="Classes that are taken, or waited for; empty when any will do."
    )
    state: EnrolmentState = Field(description="associated: has seats; queued: waits.")
    waitlist_seq: int | None = Field(
        description="Turn on the waitlist of the offering, the least first; never used "
        "again."
    )
    enrolled_at: str | None = Field(description="When it got its seats.")
    ended_at: str | None = Field(description="When it ended.")


class EnrolmentQuery(ListQuery):
    """Which enrolments to list, and how."""

    student_id: Id | None = Field(default=None, description="Of this student.")
    offering_id: Id | None = Field(default=None, description="In this offering.")
    course_offering_id: Id | None = Field(default=None, description="As this course.")
    state: EnrolmentState | None = Field(default=None, description="In this state.")
    sort: Literal["id", "-id"] = Field(default="id", description="- for newest first.")


class CourseOffering(StoredBelow):
    """A course under which an offering can be taken, and who takes it so."""

    session_id: str = Field(description="Id of the academic session.")
    offering_id: str = Field(description="Id of the instructional offering.")
    course_id: str = Field(description="Id of the course.")
    is_controlling: bool = Field(description="Whether it names the offering.")
    reserved_seats: int | None = Field(description="Seats kept for it.")
    enrolled: int = Field(description="Students who have seats under it.")


class CourseOfferingQuery(ListQuery):
    """Which course offerings to list, and how."""

    offering_id: Id | None = Field(default=None, description="Of this offering.")
    course_id: Id | None = Field(default=None, description="Of this course.")
    sort: Literal["id", "-id"] = Field(default="id", description="- for newest first.")
