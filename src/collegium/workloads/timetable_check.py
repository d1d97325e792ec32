"""What the coordinator does with a claimed timetable before it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from collegium.errors import Invalid, TaskFailed
from collegium.timetabling.itc2019 import write_timetable
from collegium.timetabling.solution import timetable_of
from collegium.timetabling.validate import validate
from collegium.workloads.base import TaskContext
from collegium.workloads.lease_plan import Score, Sha256
from collegium.workloads.payloads import problem_of, unpack

TECHNIQUE = "Collegium: simulated annealing on leases"


class CheckOrder(BaseModel):
    """Which solution of which problem; ``write`` asks for its ITC-2019 XML as well."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    problem: Sha256
    solution: Sha256
    write: bool = False


class Verdict(BaseModel):
    """What the independent judge says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    score: Score
    broken: dict[str, int]
    """How many hard violations there are of each kind."""
    xml: str | None = None


class TimetableCheck:
    """Judge a solution by code that shares nothing with the solver."""

    name: ClassVar[str] = "timetable-check"
    is_light: ClassVar[bool] = False
    Input: ClassVar[type[BaseModel]] = CheckOrder
    Output: ClassVar[type[BaseModel]] = Verdict

    def blobs(self, task: CheckOrder) -> Sequence[str]:
        """Return the problem and the solution."""
        return (task.problem, task.solution)

    def run(self, task: CheckOrder, context: TaskContext) -> Verdict:
        """Judge, and write the XML when asked to.

        Raises
        ------
        TaskFailed
            When it is not a solution of this problem at all.
        """
        problem = problem_of(context, task.problem)
        try:
            solution = unpack(context.blob(task.solution), problem)
        except Invalid as error:
            raise TaskFailed(error.detail) from error
        timetable = timetable_of(problem, solution)
        report = validate(problem, timetable)
        score = Score(
            hard=len(report.violations),
            total=report.total,
            time=report.time,
            room=report.room,
            distribution=report.distribution,
            student=report.student,
        )
        broken = Counter(str(violation.kind) for violation in report.violations)
        xml = write_timetable(timetable).decode() if task.write else None
        return Verdict(score=score, broken=dict(broken), xml=xml)
