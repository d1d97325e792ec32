from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import MutableMapping
from functools import cache
from typing import Any

import pytest

from collegium.errors import Malformed, TaskFailed
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import read_timetable, write_problem
from collegium.timetabling.validate import validate
from collegium.workloads.lease_plan import Lease, LeasePlan, LeaseResult, Score
from collegium.workloads.payloads import pack, to_text, unpack
from collegium.workloads.timetable import Timetable, TimetableJob
from collegium.workloads.timetable_check import CheckOrder, TimetableCheck, Verdict

SIZE = SampleSize(n_classes=20, n_students=40, n_rooms=6)


@cache
def _xml() -> bytes:
    return write_problem(generate(SIZE, seed=3))


class _Blobs:
    """What a coordinator holds."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        self.data[sha256] = data
        return sha256


class _Context:
    """One process that runs tasks."""

    def __init__(self, blobs: _Blobs, *, is_cancelled: bool = False) -> None:
        self.memory: MutableMapping[str, Any] = {}
        self.reports: list[dict[str, Any]] = []
        self.reads: list[str] = []
        self._blobs = blobs
        self._is_cancelled = is_cancelled

    def blob(self, sha256: str) -> bytes:
        self.reads.append(sha256)
        return self._blobs.data[sha256]

    def remaining_s(self) -> float:
        return 60.0

    def is_cancelled(self) -> bool:
        return self._is_cancelled

    def report(self, progress: dict[str, Any]) -> None:
        self.reports.append(progress)


def _solved(iterations: int, seed: int = 1) -> tuple[LeasePlan, _Blobs]:
    """Run a whole job in this process, as one worker would."""
    workload, blobs = Timetable(), _Blobs()
    worker, judge = _Context(blobs), _Context(blobs)
    job = TimetableJob(problem=blobs.put(_xml()), iterations=iterations, seed=seed)
    plan = workload.begin(job)
    while pieces := workload.split(plan, free_slots=1, elapsed_s=0):
        [piece] = pieces
        assert isinstance(piece.input, Lease)
        output = workload.run(piece.input, worker)
        claim = workload.merge(plan, piece.number, output, blobs.put, elapsed_s=0)
        if claim is not None:
            assert isinstance(claim.check, CheckOrder)
            verdict = TimetableCheck().run(claim.check, judge)
            assert workload.settle(plan, claim, verdict) != "refused"
    return plan, blobs


def test_a_job_ends_with_a_timetable_that_the_judge_confirms() -> None:
    """The XML of the result costs what the plan says, judged from the file."""
    plan, blobs = _solved(20_000)
    workload = Timetable()
    order = workload.conclude(plan)
    assert order is not None
    verdict = TimetableCheck().run(order, _Context(blobs))
    result = workload.result(plan, verdict)
    assert result is not None
    problem = generate(SIZE, seed=3)
    report = validate(problem, read_timetable(result[0]))
    assert plan.incumbent is not None
    assert (len(report.violations), report.total) == plan.incumbent.score.rank


def test_the_same_iterations_and_seed_give_the_same_timetable() -> None:
    """With one worker nothing depends on the clock; another seed goes elsewhere."""
    one, two, other = _solved(6_000)[0], _solved(6_000)[0], _solved(6_000, seed=2)[0]
    assert one.incumbent == two.incumbent
    assert [i.walk for i in one.islands] == [i.walk for i in two.islands]
    assert [i.walk for i in one.islands] != [i.walk for i in other.islands]


def test_a_process_reads_a_problem_once() -> None:
    """The second lease finds the prepared problem in the process's memory."""
    blobs = _Blobs()
    context = _Context(blobs)
    lease = Lease(problem=blobs.put(_xml()), iterations=100)
    Timetable().run(lease, context)
    Timetable().run(lease, context)
    assert context.reads == [lease.problem]


def test_only_what_is_better_is_sent_back() -> None:
    """A best that does not beat what is known stays with the worker."""
    blobs = _Blobs()
    lease = Lease(problem=blobs.put(_xml()), iterations=100, to_beat=(0, 0))
    output = Timetable().run(lease, _Context(blobs))
    assert output.score is None
    assert output.best is None
    assert output.walk


def test_a_cancelled_lease_hands_in_what_it_has() -> None:
    """The solver is told by its observer; the best so far is the lease's output."""
    blobs = _Blobs()
    lease = Lease(problem=blobs.put(_xml()), seconds=60)
    output = Timetable().run(lease, _Context(blobs, is_cancelled=True))
    assert output.score is not None
    assert 0 < output.seconds < 60


@pytest.mark.parametrize("data", [b"", b"<problem>", b"<solution/>", b"\x1f\x8bx"])
def test_an_unreadable_problem_fails_the_task_with_its_reason(data: bytes) -> None:
    """It would fail on every worker, and says what is wrong with the file."""
    blobs = _Blobs()
    with pytest.raises(TaskFailed, match="problem cannot be read"):
        Timetable().run(Lease(problem=blobs.put(data), seconds=1), _Context(blobs))


def test_a_start_of_another_problem_fails_the_task() -> None:
    """Nothing that a worker sent reaches another worker's solver unchecked."""
    blobs = _Blobs()
    start = blobs.put(b"not gzip")
    lease = Lease(problem=blobs.put(_xml()), start=start, seconds=1)
    with pytest.raises(TaskFailed, match="start"):
        Timetable().run(lease, _Context(blobs))


def _claimed(score: Score | None) -> tuple[Timetable, LeasePlan, _Blobs, LeaseResult]:
    workload, blobs = Timetable(), _Blobs()
    plan = workload.begin(TimetableJob(problem=blobs.put(_xml()), seconds=60))
    [piece] = workload.split(plan, free_slots=1, elapsed_s=0)
    assert isinstance(piece.input, Lease)
    output = workload.run(
        piece.input.model_copy(update={"seconds": None, "iterations": 30_000}),
        _Context(blobs),
    )
    if score is not None:
        output = output.model_copy(update={"score": score})
    return workload, plan, blobs, output


def test_a_claim_below_the_truth_is_refused() -> None:
    """A worker that lies about its cost gains nothing, its walk is forgotten."""
    workload, plan, blobs, output = _claimed(Score(hard=0, total=1, room=1))
    claim = workload.merge(plan, 0, output, blobs.put, elapsed_s=0)
    assert claim is not None
    assert isinstance(claim.check, CheckOrder)
    verdict = TimetableCheck().run(claim.check, _Context(blobs))
    assert workload.settle(plan, claim, verdict) == "refused"
    assert plan.incumbent is None
    assert plan.islands[0].walk is None
    assert plan.refused == 1


def test_an_unreadable_solution_is_refused() -> None:
    """The checker fails on it, and the plan takes that as a false claim."""
    workload, plan, blobs, output = _claimed(None)
    output = output.model_copy(update={"best": to_text(b"garbage")})
    claim = workload.merge(plan, 0, output, blobs.put, elapsed_s=0)
    assert claim is not None
    assert isinstance(claim.check, CheckOrder)
    with pytest.raises(TaskFailed):
        TimetableCheck().run(claim.check, _Context(blobs))
    assert workload.settle(plan, claim, None) == "refused"


def test_what_is_not_base64_is_malformed() -> None:
    """Garbage in place of a walk is an error of whoever sent it."""
    workload, plan, blobs, output = _claimed(None)
    output = output.model_copy(update={"walk": "%%%"})
    with pytest.raises(Malformed):
        workload.merge(plan, 0, output, blobs.put, elapsed_s=0)


def test_packing_keeps_a_solution_and_bounds_what_it_unpacks_to() -> None:
    """Equal solutions have equal bytes; a cut-off one is malformed."""
    plan, blobs = _solved(2_000)
    problem = generate(SIZE, seed=3)
    assert plan.incumbent is not None
    data = blobs.data[plan.incumbent.solution]
    assert pack(unpack(data, problem)) == data
    with pytest.raises(Malformed):
        unpack(data[:-9], problem)


def test_a_job_has_one_budget() -> None:
    """Seconds and iterations together make no sense; none means a minute."""
    with pytest.raises(ValueError, match="not both"):
        TimetableJob(problem="0" * 64, seconds=1, iterations=1)
    assert Timetable().begin(TimetableJob(problem="0" * 64)).seconds == 60


def test_verdicts_and_plans_survive_their_json() -> None:
    """What is stored is what is read again."""
    plan, _ = _solved(2_000)
    assert LeasePlan.model_validate_json(plan.model_dump_json()) == plan
    verdict = Verdict(score=Score(hard=1, total=2), broken={"limit": 1})
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_planning_and_judging_need_no_compiler() -> None:
    """A coordinator loads the workload without what only running it needs."""
    program = (
        "import sys\n"
        "from collegium.workloads.registry import load_workloads\n"
        "assert 'timetable' in load_workloads()\n"
        "print('numba' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout == "False\n"
