"""One lease of a timetable job, as a slot of a worker runs it."""

from __future__ import annotations

import time

from collegium.errors import Invalid, TaskFailed
from collegium.timetabling.solution import Cost, Solution
from collegium.timetabling.solve import Instance, Progress, Result, prepare, solve
from collegium.workloads.base import TaskContext
from collegium.workloads.lease_plan import Lease, LeaseResult, Score
from collegium.workloads.payloads import pack, problem_of, remembered, to_text, unpack


def run_lease(task: Lease, context: TaskContext) -> LeaseResult:
    """Improve the start for as long as the lease says, or until it is cancelled.

    Raises
    ------
    TaskFailed
        When problem or start cannot be read.
    """
    begun_s = time.perf_counter()
    problem = problem_of(context, task.problem)
    instance = remembered(context, "instances", task.problem, lambda: prepare(problem))
    start = None
    if task.start is not None:
        try:
            start = unpack(context.blob(task.start), problem)
        except Invalid as error:
            raise TaskFailed(f"The start: {error.detail}") from error
    result = _search(task, context, instance, start)
    return _lease_result(task, result, begun_s)


def _search(
    task: Lease, context: TaskContext, instance: Instance, start: Solution | None
) -> Result:
    def observe(progress: Progress) -> bool:
        context.report(
            {
                "objective": progress.best.total,
                "violations": progress.best.hard,
                "moves": progress.moves,
                "moves_per_s": round(progress.moves_per_s),
            }
        )
        return not context.is_cancelled()

    seconds = None
    if task.seconds is not None:
        seconds = min(task.seconds, context.remaining_s())
    return solve(
        instance,
        start=start,
        seed=task.seed,
        seconds=seconds,
        iterations=task.iterations,
        method=task.method,
        cool_from=task.cool_from,
        cool_to=task.cool_to,
        shares=tuple(task.shares),
        weights=task.weights,
        observe=observe,
    )


def _lease_result(task: Lease, result: Result, begun_s: float) -> LeaseResult:
    is_worth_it = task.to_beat is None or result.best_cost.rank < task.to_beat
    is_walk = result.best_cost == result.walk_cost
    return LeaseResult(
        walk=to_text(pack(result.walk)),
        walk_rank=result.walk_cost.rank,
        best=to_text(pack(result.best)) if is_worth_it and not is_walk else None,
        score=_score(result.best_cost) if is_worth_it else None,
        iterations=result.iterations,
        moves=result.moves,
        shares=list(result.shares),
        weights=dict(result.weights),
        search_s=result.seconds,
        seconds=time.perf_counter() - begun_s,
    )


def _score(cost: Cost) -> Score:
    return Score(
        hard=cost.hard,
        total=cost.total,
        time=cost.time,
        room=cost.room,
        distribution=cost.distribution,
        student=cost.student,
    )
