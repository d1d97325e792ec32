"""JSON bodies of academic sessions."""

from __future__ import annotations

import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

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
from collegium.catalogue.states import SessionState
from collegium.catalogue.weekly import MOST_DAYS, MOST_SLOTS, MOST_WEEKS

ITC_SLOTS_PER_DAY = 288
"""Slots of five minutes, as in ITC-2019."""


class SessionType(StrEnum):
    """What an academic session is, in the words of OEAPI."""

    ACADEMIC_YEAR = "academic_year"
    SEMESTER = "semester"
    TRIMESTER = "trimester"
    QUARTER = "quarter"
    TESTING_PERIOD = "testing_period"
    PERIOD = "period"


class Holiday(Body):
    """Days without classes."""

    start_date: datetime.date = Field(description="First day.")
    end_date: datetime.date = Field(description="Last day.")
    name: str | None = Field(default=None, max_length=200)

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Holiday:
        require_order(self, "start_date", "end_date")
        return self


class SessionIn(Body):
    """An academic session as a client describes it."""

    code: Code
    name: Name
    names: Texts = Field(default_factory=dict, description="Name by language.")
    type: SessionType = Field(default=SessionType.SEMESTER)
    parent_id: Reference | None = Field(
        default=None, description="Session that it is part of."
    )
    start_date: datetime.date = Field(description="First day.")
    end_date: datetime.date = Field(description="Last day.")
    first_week_date: datetime.date | None = Field(
        default=None,
        description="First day of the first week of weekly patterns; by default the "
        "Monday on or before start_date.",
    )
    n_weeks: int | None = Field(
        default=None,
        ge=1,
        le=MOST_WEEKS,
        description="Weeks of weekly patterns; by default as many as the dates have.",
    )
    n_days: int = Field(
        default=MOST_DAYS,
        ge=1,
        le=MOST_DAYS,
        description="Days of a week, from Monday.",
    )
    slots_per_day: int = Field(
        default=ITC_SLOTS_PER_DAY,
        ge=1,
        le=MOST_SLOTS,
        description="Slots from midnight to midnight; 288 are of five minutes.",
    )
    holidays: list[Holiday] = Field(default_factory=list, max_length=200)
    state: SessionState = Field(
        default=SessionState.PLANNING,
        description="Goes forward from planning over registration and running to "
        "closed, and back step by step.",
    )
    other_codes: list[OtherCode] = Field(
        default_factory=list, max_length=50, description="Its names elsewhere."
    )

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> SessionIn:
        require_order(self, "start_date", "end_date")
        return self


class Session(SessionIn, StoredBelow):
    """An academic session."""

    first_week_date: datetime.date
    n_weeks: int


class SessionQuery(ListQuery):
    """Which academic sessions to list, and how."""

    code: Exact = Field(default=None, description="Exactly this code.")
    q: Exact = Field(default=None, description="Code begins with this.")
    type: SessionType | None = Field(default=None, description="Of this type.")
    parent_id: Id | None = Field(default=None, description="Directly part of this one.")
    state: SessionState | None = Field(default=None, description="In this state.")
    sort: Literal["code", "-code", "start_date", "-start_date", "name", "-name"] = (
        Field(default="code", description="Order; - for largest first.")
    )
