"""The timetable job: leases of the solver on any worker, checked before they count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from collegium.workloads import leases
from collegium.workloads.base import Claim, Piece, Settled, TaskContext, Workload
from collegium.workloads.lease_plan import (
    Lease,
    LeasePlan,
    LeaseResult,
    Score,
    Sha256,
)
from collegium.workloads.payloads import from_text
from collegium.workloads.timetable_check import CheckOrder, TimetableCheck, Verdict

RESULT_MEDIA_TYPE = "application/xml"


class TimetableJob(BaseModel):
    """What a client posts: which problem, and how much to spend on it.

    Parameters
    ----------
    problem : hash of an uploaded ITC-2019 instance, XML or gzip.
    seconds : wall time; iterations : search steps of each slot instead, which makes
        the result of one worker reproducible.
    target : a feasible total at or below it ends the job early.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    problem: Sha256
    seconds: float | None = Field(default=None, gt=0, le=7 * 86_400)
    iterations: int | None = Field(default=None, gt=0, le=10**13)
    seed: int = Field(default=0, ge=0, lt=2**32)
    target: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_one_budget(self) -> TimetableJob:
        if self.seconds is not None and self.iterations is not None:
            raise ValueError("give seconds or iterations, not both")
        return self


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a worker says of its solution, and the walk that came along with it."""

    score: Score
    walk: str


DEFAULT_SECONDS = 60.0


class Timetable:
    """University course timetabling as a job of leases."""

    name: ClassVar[str] = "timetable"
    is_light: ClassVar[bool] = False
    Input: ClassVar[type[BaseModel]] = Lease
    Output: ClassVar[type[BaseModel]] = LeaseResult
    JobInput: ClassVar[type[BaseModel]] = TimetableJob
    Plan: ClassVar[type[BaseModel]] = LeasePlan
    checker: ClassVar[Workload] = TimetableCheck()

    def blobs(self, task: Lease) -> Sequence[str]:
        """Return the problem and the start."""
        return (task.problem,) if task.start is None else (task.problem, task.start)

    def run(self, task: Lease, context: TaskContext) -> LeaseResult:
        """Improve the start for as long as the lease says, or until it is cancelled.

        Raises
        ------
        TaskFailed
            When problem or start cannot be read.
        """
        result: LeaseResult = _running().run_lease(task, context)
        return result

    def preload(self) -> None:
        """Import what running needs, in a process that will run leases."""
        _running()

    def warm_up(self) -> None:
        """Compile the solver, or load what was compiled before; once in a process."""
        import_module("collegium.timetabling.solve").warm_up()

    def needs(self, job: TimetableJob) -> Sequence[str]:
        """Return the problem."""
        return (job.problem,)

    def begin(self, job: TimetableJob) -> LeasePlan:
        """Return a plan without islands."""
        seconds = job.seconds
        if seconds is None and job.iterations is None:
            seconds = DEFAULT_SECONDS
        return LeasePlan(
            problem=job.problem,
            seconds=seconds,
            iterations=job.iterations,
            seed=job.seed,
            target=job.target,
        )

    def resume(self, plan: LeasePlan, blobs: frozenset[str]) -> None:
        """Go on from the stored incumbent."""
        leases.resumed(plan, blobs)

    def split(
        self, plan: LeasePlan, *, free_slots: int, elapsed_s: float
    ) -> list[Piece]:
        """Return the next leases."""
        handed = leases.next_leases(plan, free_slots=free_slots, elapsed_s=elapsed_s)
        return [Piece(number, lease, lease.seconds) for number, lease in handed]

    def is_over(self, plan: LeasePlan, *, elapsed_s: float) -> bool:
        """Tell whether the budget is used up or the target reached."""
        return leases.is_over(plan, elapsed_s=elapsed_s)

    def merge(
        self,
        plan: LeasePlan,
        number: int,
        output: LeaseResult,
        put_blob: Callable[[bytes], str],
        *,
        elapsed_s: float,
    ) -> Claim | None:
        """Keep the walk; claim the best when it is better than what counts."""
        walk = put_blob(from_text(output.walk))
        solution = put_blob(from_text(output.best)) if output.best else walk
        is_known = leases.walked(
            plan,
            number,
            walk=walk,
            walk_rank=output.walk_rank,
            claimed=output.score.rank if output.score else None,
            iterations=output.iterations,
            moves=output.moves,
            search_s=output.search_s,
            run_s=output.seconds,
            elapsed_s=elapsed_s,
            best=solution if output.score else None,
            shares=output.shares,
            weights=output.weights,
        )
        best = plan.incumbent
        if not is_known or output.score is None:
            return None
        if best is not None and output.score.rank >= best.score.rank:
            return None
        check = CheckOrder(problem=plan.problem, solution=solution)
        note = Claimed(output.score, walk)
        return Claim(number, output.score.rank, check, note)

    def settle(self, plan: LeasePlan, claim: Claim, verdict: Verdict | None) -> Settled:
        """Count what the judge confirms; forget all that came with a false claim."""
        check, claimed = claim.check, claim.note
        assert isinstance(check, CheckOrder)
        if verdict is None or not _is_confirmed(claimed.score, verdict.score):
            leases.refused(plan, claimed.walk, check.solution)
            return "refused"
        is_better = leases.counted(plan, claim.number, check.solution, verdict.score)
        return "better" if is_better else "no better"

    def lost(self, plan: LeasePlan, number: int, *, failed: bool) -> None:
        """Take the lease back, and when it failed the start that it failed on."""
        leases.lost(plan, number, failed=failed)

    def keeps(self, plan: LeasePlan) -> Sequence[str]:
        """Return the problem and the incumbent."""
        best = plan.incumbent
        return (plan.problem, best.solution) if best else (plan.problem,)

    def uses(self, plan: LeasePlan) -> Sequence[str]:
        """Return the walks and bests of all islands, and what must be kept."""
        blobs = [b for i in plan.islands for b in (i.walk, i.best) if b is not None]
        return (*blobs, *self.keeps(plan))

    def progress(self, plan: LeasePlan) -> dict[str, Any]:
        """Return objective, violations and speed."""
        best = plan.incumbent
        return {
            "objective": best.score.total if best else None,
            "violations": best.score.hard if best else None,
            "score": best.score.model_dump() if best else None,
            "islands": len(plan.islands),
            "leases": plan.returned,
            "leases_lost": plan.lost,
            "claims_refused": plan.refused,
            "iterations": plan.iterations_done,
            "moves": plan.moves,
            "moves_per_s": _rate(plan),
        }

    def conclude(self, plan: LeasePlan) -> CheckOrder | None:
        """Return the order to write the incumbent as XML."""
        best = plan.incumbent
        if best is None:
            return None
        return CheckOrder(problem=plan.problem, solution=best.solution, write=True)

    def result(
        self, plan: LeasePlan, verdict: Verdict | None
    ) -> tuple[bytes, str] | None:
        """Return the ITC-2019 solution file."""
        if verdict is None or verdict.xml is None:
            return None
        return verdict.xml.encode(), RESULT_MEDIA_TYPE


def _running() -> ModuleType:
    """Return the module that runs leases, imported when one is.

    Who only plans and judges them, as a coordinator does, would pay for the compiler
    with half a second and a third of its memory.
    """
    return import_module("collegium.workloads.timetable_lease")


def _is_confirmed(claimed: Score, judged: Score) -> bool:
    """Tell whether a claim is true; hard violations are counted in several ways."""
    if claimed.hard == 0:
        return claimed == judged
    return judged.hard > 0


def _rate(plan: LeasePlan) -> int | None:
    return round(plan.moves / plan.search_s) if plan.search_s > 0 else None
