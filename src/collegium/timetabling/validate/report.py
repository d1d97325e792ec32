"""What the judge has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken hard rule.

    Parameters
    ----------
    kind : a ``HardRule``, or the type of the required distribution.
    message : one sentence for people.
    classes, students : ids of those that are concerned.
    """

    kind: str
    message: str
    classes: tuple[str, ...] = ()
    students: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict: what is broken, and the raw criteria with their weighted total.

    The criteria of an infeasible timetable count what is defined: a class without a
    listed time costs nothing and meets nobody.
    """

    violations: tuple[Violation, ...]
    time: int
    room: int
    distribution: int
    student: int
    total: int

    @property
    def feasible(self) -> bool:
        """Whether no hard rule is broken."""
        return not self.violations

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON says it."""
        return {
            "feasible": self.feasible,
            "violations": [
                {
                    "kind": str(v.kind),
                    "message": v.message,
                    "classes": list(v.classes),
                    "students": list(v.students),
                }
                for v in self.violations
            ],
            "time": self.time,
            "room": self.room,
            "distribution": self.distribution,
            "student": self.student,
            "total": self.total,
        }
