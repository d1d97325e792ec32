"""Weekly patterns: on which days of which weeks, from which slot, how long.

As in ITC-2019 and UniTime, days and weeks are texts of 0 and 1, the first character
for Monday and for the first week of an academic session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from collegium.catalogue.schemas import Body
from collegium.db.addresses import Keys
from collegium.db.database import Transaction
from collegium.errors import Malformed
from collegium.timetabling.problem import Time

MOST_DAYS = 7
MOST_WEEKS = 53
MOST_SLOTS = 1440
"""One a minute."""

_SOME_BIT = r"^0*1[01]*$"

Days = Annotated[
    str,
    StringConstraints(pattern=_SOME_BIT, max_length=MOST_DAYS),
    Field(description="1 for each day on which it meets, Monday first."),
]
Weeks = Annotated[
    str,
    StringConstraints(pattern=_SOME_BIT, max_length=MOST_WEEKS),
    Field(description="1 for each week in which it meets, the session's first first."),
]
StartSlot = Annotated[
    int, Field(ge=0, lt=MOST_SLOTS, description="First slot, 0 at midnight.")
]
LengthSlots = Annotated[int, Field(ge=1, le=MOST_SLOTS, description="Slots.")]


class WeeklyPattern(Body):
    """When something meets, in an academic session."""

    days: Days
    start: StartSlot
    length: LengthSlots
    weeks: Weeks

    def to_time(self) -> Time:
        """Return it as the timetabling problem has it."""
        days, weeks = bits(self.days), bits(self.weeks)
        return Time(days=days, start=self.start, length=self.length, weeks=weeks)


@dataclass(frozen=True, slots=True)
class Grid:
    """What the patterns of an academic session are made of.

    Parameters
    ----------
    n_weeks, n_days : teaching weeks, and days of each, Monday first.
    slots_per_day : slots from midnight to midnight.
    """

    n_weeks: int
    n_days: int
    slots_per_day: int

    def misfits(
        self, *, days: str, start: int, length: int, weeks: str | None
    ) -> dict[str, str]:
        """Return what of a pattern does not fit, by member; empty when all does."""
        found: dict[str, str] = {}
        if len(days) != self.n_days:
            found["days"] = f"the session has {self.n_days} days"
        if weeks is not None and len(weeks) != self.n_weeks:
            found["weeks"] = f"the session has {self.n_weeks} weeks"
        if start + length > self.slots_per_day:
            found["length"] = f"ends after slot {self.slots_per_day}, at midnight"
        return found


async def grid_of(transaction: Transaction, session: Keys) -> Grid | None:
    """Return the grid of a session, None when it is not there.

    It stays as it is until the end of the transaction.

    Parameters
    ----------
    transaction : of the write that depends on it.
    session : ids of the university and of the session.
    """
    row = await transaction.fetch_one(
        "SELECT n_weeks, n_days, slots_per_day FROM sessions "
        "WHERE university_id = ? AND id = ?" + transaction.share_lock,
        session,
    )
    return None if row is None else Grid(*row)


def require_fit(grid: Grid, pattern: WeeklyPattern, pointer: str) -> None:
    """Refuse a pattern that its session has no room for.

    Raises
    ------
    Malformed
        When it does not fit; ``pointer`` leads to the pattern.
    """
    found = grid.misfits(**pattern.model_dump(include=set(WeeklyPattern.model_fields)))
    if found:
        raise Malformed(
            "The weekly pattern does not fit the academic session.",
            pointers={f"{pointer}/{member}": text for member, text in found.items()},
        )


def bits(text: str) -> int:
    """Return a text of 0 and 1 as a set of bits, the first character as bit 0."""
    return int(text[::-1], 2)


def bit_text(members: int, width: int) -> str:
    """Return a set of bits as a text of 0 and 1, bit 0 first."""
    return f"{members:0{width}b}"[::-1]
