"""A job of one task: how any workload that is not a job of its own becomes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

from pydantic import BaseModel

from collegium.workloads.base import (
    Claim,
    JobWorkload,
    Piece,
    Settled,
    TaskContext,
    Workload,
)

RESULT_MEDIA_TYPE = "application/json"


class SinglePlan(BaseModel):
    """Whether the one task is out, and what came back.

    Parameters
    ----------
    task, output : JSON texts.
    """

    task: str
    attempts: int = 0
    is_out: bool = False
    output: str | None = None


def as_job(workload: Workload) -> JobWorkload:
    """Return a workload that is a job already as it is, any other as one task."""
    if hasattr(workload, "split"):
        return cast(JobWorkload, workload)
    members = {
        "name": workload.name,
        "Input": workload.Input,
        "Output": workload.Output,
        "JobInput": workload.Input,
        "checker": workload,  # never asked, as nothing is claimed
    }
    kind = type(f"Single{type(workload).__name__}", (_Single,), members)
    return cast(JobWorkload, kind(workload))


class _Single:
    is_light: ClassVar[bool] = False
    Plan: ClassVar[type[BaseModel]] = SinglePlan
    Input: ClassVar[type[BaseModel]]

    def __init__(self, workload: Workload) -> None:
        self._workload = workload

    def blobs(self, task: Any) -> Sequence[str]:
        return self._workload.blobs(task)

    def run(self, task: Any, context: TaskContext) -> BaseModel:
        return self._workload.run(task, context)

    def needs(self, job: Any) -> Sequence[str]:
        return self._workload.blobs(job)

    def begin(self, job: BaseModel) -> SinglePlan:
        return SinglePlan(task=job.model_dump_json())

    def resume(self, plan: SinglePlan, blobs: frozenset[str]) -> None:
        plan.is_out = False

    def split(
        self, plan: SinglePlan, *, free_slots: int, elapsed_s: float
    ) -> list[Piece]:
        if free_slots < 1 or self.is_over(plan, elapsed_s=elapsed_s):
            return []
        plan.is_out = True
        plan.attempts += 1
        return [Piece(plan.attempts - 1, self.Input.model_validate_json(plan.task))]

    def is_over(self, plan: SinglePlan, *, elapsed_s: float) -> bool:
        return plan.is_out or plan.output is not None

    def merge(
        self,
        plan: SinglePlan,
        number: int,
        output: BaseModel,
        put_blob: Callable[[bytes], str],
        *,
        elapsed_s: float,
    ) -> Claim | None:
        plan.output = output.model_dump_json()
        plan.is_out = False
        return None

    def settle(self, plan: SinglePlan, claim: Claim, verdict: Any) -> Settled:
        return "refused"

    def lost(self, plan: SinglePlan, number: int, *, failed: bool) -> None:
        plan.is_out = False

    def keeps(self, plan: SinglePlan) -> Sequence[str]:
        return self._workload.blobs(self.Input.model_validate_json(plan.task))

    def uses(self, plan: SinglePlan) -> Sequence[str]:
        return ()

    def progress(self, plan: SinglePlan) -> dict[str, Any]:
        return {"attempts": plan.attempts, "done": plan.output is not None}

    def conclude(self, plan: SinglePlan) -> BaseModel | None:
        return None

    def result(self, plan: SinglePlan, verdict: Any) -> tuple[bytes, str] | None:
        if plan.output is None:
            return None
        return plan.output.encode(), RESULT_MEDIA_TYPE
