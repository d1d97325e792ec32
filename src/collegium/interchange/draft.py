"""What taking in a file would do, as it is being worked out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uuid_utils

from collegium.catalogue.weekly import bit_text
from collegium.interchange.holdings import Holdings
from collegium.interchange.names import codes_of
from collegium.timetabling.problem import Problem, Time

CODE_TYPE = "itc2019"
MOST_FAULTS = 1000
LONGEST_OTHER_CODE = 256


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes that the rooms, courses and students of a problem get."""

    rooms: list[str]
    courses: list[str]
    students: list[str]

    @classmethod
    def of(cls, problem: Problem, prefix: str) -> Codes:
        """Return those of a problem, each behind a prefix."""
        return cls(
            codes_of([room.id for room in problem.rooms], prefix),
            codes_of([course.id for course in problem.courses], prefix),
            codes_of([student.id for student in problem.students], prefix),
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """Why something cannot be taken in.

    Parameters
    ----------
    where : kind and id of a part of the file.
    detail : what is wrong with it.
    """

    where: str
    detail: str


@dataclass(slots=True)
class Draft:
    """Rows to be added, and what stops it.

    Parameters
    ----------
    place : columns that say which session it is for.
    rows : by table; the rows of a table have the same columns.
    blocked : id and unavailability of each room that was there already.
    added, met : how many of each kind are new, and were there.
    """

    problem: Problem
    codes: Codes
    holdings: Holdings
    place: Mapping[str, str]
    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    blocked: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    added: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    met: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def university(self) -> dict[str, str]:
        """The column that says which university it is for."""
        return {"university_id": self.place["university_id"]}

    def fault(self, where: str, detail: str) -> None:
        """Note a fault; beyond a bound they are not kept."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(where, detail))

    def count(self, kind: str, *, is_new: bool) -> None:
        """Note one of a kind."""
        (self.added if is_new else self.met)[kind] += 1

    def pattern(self, time: Time) -> dict[str, Any]:
        """Return a time as a weekly pattern of the session."""
        return {
            "days": bit_text(time.days, self.problem.n_days),
            "start": time.start,
            "length": time.length,
            "weeks": bit_text(time.weeks, self.problem.n_weeks),
        }


def new_id() -> str:
    """Return a new UUIDv7."""
    return str(uuid_utils.uuid7())


def json_text(value: Any) -> str:
    """Return JSON as a column holds it."""
    return msgspec.json.encode(value).decode()


def other_codes(id_: str) -> str:
    """Return what an imported row is called elsewhere, as its column holds it."""
    if not 1 <= len(id_) <= LONGEST_OTHER_CODE:
        return "[]"
    return json_text([{"code_type": CODE_TYPE, "code": id_}])


def from_above(parents: Sequence[int | None]) -> list[int]:
    """Return the numbers of a forest so that each stands behind its parent.

    Parameters
    ----------
    parents : of each its parent; nothing leads back.
    """
    depths: dict[int | None, int] = {None: -1}
    for number in range(len(parents)):
        path: list[int] = []
        at: int | None = number
        while at not in depths:
            assert at is not None
            path.append(at)
            at = parents[at]
        for step, below in enumerate(reversed(path), 1):
            depths[below] = depths[at] + step
    return sorted(range(len(parents)), key=lambda number: depths[number])
