"""How good timetables get in a given time, instance by instance and seed by seed.

Every run is what ``collegium solve`` does, with the same policy, slots and judge, in
processes of its own. Their start is not part of the budget, as a worker is warm before
it gets work. Every run is written down as soon as it has ended, and not done again.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from collegium.bench.solver_records import (
    Key,
    Point,
    Run,
    read_records,
    this_machine,
    write_records,
)
from collegium.errors import Invalid, TaskFailed, Unreadable
from collegium.jobs.alone import Alone
from collegium.jobs.journal import Outcome
from collegium.timetabling.itc2019 import read_problem, read_timetable
from collegium.timetabling.validate import validate
from collegium.workloads.lease_plan import Score

CHILDREN_LOOK_S = 0.5
"""Least time between two looks at what the children use."""
_SUFFIXES = (".xml.gz", ".xml")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Parameters
    ----------
    instances : folder of ITC-2019 problems, .xml or .xml.gz.
    seconds : budget of a run; workers : processes that search in each.
    seeds : the first so many, from 0.
    only : names of instances, without suffix; none means all of the folder.
    """

    instances: Path
    seconds: float
    workers: int = 1
    seeds: int = 1
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One run that is to be had: its key and its file."""

    key: Key
    path: Path


Watch = Callable[[Case, dict[str, Any]], None]
"""Told of a case when it begins, with nothing, and then with its job's progress."""


def cases_of(plan: Plan) -> list[Case]:
    """Return all runs of a plan, every instance having been read once.

    Raises
    ------
    Unreadable, Malformed, TooLarge
        When there is no such folder, or a file of it is not a problem.
    Invalid
        When it holds no instance, two of one name, or not the one asked for.
    """
    paths = _chosen(_instances(plan.instances), plan.only)
    cases: list[Case] = []
    for name, path in paths.items():
        read_problem(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        cases += (
            Case(Key(name, sha256, seed, plan.seconds, plan.workers), path)
            for seed in range(plan.seeds)
        )
    return cases


def run_missing(
    cases: Sequence[Case], out: Path, watch: Watch, ended: Callable[[Run], None]
) -> list[Run]:
    """Run what the file does not have yet; return the runs of all cases.

    Parameters
    ----------
    out : the file of runs, written anew after each of them.
    watch : told what is being done.
    ended : called with every new run, once it is written down.

    Raises
    ------
    Unreadable, Malformed
        When the file holds something else, or cannot be written.
    TaskFailed, TaskLost
        When the solver fails; what was done before is in the file.
    """
    records = read_records(out)
    done = {run.key for run in records.runs}

    async def run_all() -> None:
        for case in cases:
            if case.key not in done:
                watch(case, {})
                records.runs.append(await _run(case, watch))
                write_records(out, records)
                ended(records.runs[-1])

    # One loop for all: an interrupt between two loops would find neither.
    asyncio.run(run_all())
    return records.found([case.key for case in cases])


async def _run(case: Case, watch: Watch) -> Run:
    machine = this_machine()
    seen = _Seen()

    def show(progress: dict[str, Any]) -> None:
        seen.take(progress)
        watch(case, progress)

    begun_s = time.monotonic()
    async with Alone(case.key.workers) as alone:
        await alone.ready()
        ready_s = time.monotonic()
        drive = alone.drive(
            case.path.read_bytes(),
            seconds=case.key.seconds,
            iterations=None,
            seed=case.key.seed,
            show=show,
        )
        seen.children.look()
        outcome = await drive.run()
        seen.children.look()
        ended_s = time.monotonic()
    return Run(
        **case.key._asdict(),
        score=_judged(case.path, outcome),
        feasible_after_s=seen.feasible_after_s,
        iterations=outcome.progress["iterations"],
        moves=outcome.progress["moves"],
        cpu_s=round(seen.children.cpu_s, 2),
        warm_up_s=round(ready_s - begun_s, 2),
        wall_s=round(ended_s - ready_s, 2),
        worker_peak_bytes=seen.children.peak_bytes,
        curve=seen.curve,
        machine=machine,
    )


class _Seen:
    """What progress has told of the best, and what the children have used meanwhile."""

    def __init__(self) -> None:
        self.curve: list[Point] = []
        self.children = _Children()
        self._looked_s = float("-inf")

    @property
    def feasible_after_s(self) -> float | None:
        return next((p.elapsed_s for p in self.curve if p.violations == 0), None)

    def take(self, progress: dict[str, Any]) -> None:
        """Note what is new in a job's progress."""
        for one in (progress, *progress["live"]):
            if one.get("objective") is None:
                continue
            rank = (one["violations"], one["objective"])
            if not self.curve or rank < self.curve[-1][1:]:
                self.curve.append(Point(progress["elapsed_s"], *rank))
        if time.monotonic() - self._looked_s >= CHILDREN_LOOK_S:
            self._looked_s = time.monotonic()
            self.children.look()


class _Children:
    """Memory and processor time of all descendants of this process.

    Parameters
    ----------
    peak_bytes : largest resident size of one of them at any look.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._first_cpu_s: dict[int, float] | None = None
        self._last_cpu_s: dict[int, float] = {}

    @property
    def cpu_s(self) -> float:
        """Processor time from the first look to the last."""
        first = self._first_cpu_s or {}
        return sum(
            cpu_s - first.get(pid, 0.0) for pid, cpu_s in self._last_cpu_s.items()
        )

    def look(self) -> None:
        """Take note of all that there are now."""
        for child in psutil.Process().children(recursive=True):
            try:
                times, memory = child.cpu_times(), child.memory_info()
            except psutil.NoSuchProcess:
                continue  # it has ended since it was listed
            self.peak_bytes = max(self.peak_bytes, memory.rss)
            self._last_cpu_s[child.pid] = times.user + times.system
        if self._first_cpu_s is None:
            self._first_cpu_s = dict(self._last_cpu_s)


def _judged(path: Path, outcome: Outcome) -> Score | None:
    """Judge the file that the job gives out, whatever the job says of itself."""
    if outcome.result is None:
        if outcome.error and outcome.progress.get("leases") == 0:
            raise TaskFailed(f"{path}: {outcome.error}")
        return None
    report = validate(read_problem(path), read_timetable(outcome.result))
    return Score(
        hard=len(report.violations),
        total=report.total,
        time=report.time,
        room=report.room,
        distribution=report.distribution,
        student=report.student,
    )


def _instances(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise Unreadable(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((s for s in _SUFFIXES if path.name.endswith(s)), None)
        if suffix is None or not path.is_file():
            continue
        name = path.name.removesuffix(suffix)
        if name in found:
            raise Invalid(f"{folder}: there are two instances called {name}.")
        found[name] = path
    if not found:
        raise Invalid(f"{folder}: there is no .xml or .xml.gz in it.")
    return found


def _chosen(found: dict[str, Path], only: Sequence[str]) -> dict[str, Path]:
    unknown = sorted(set(only) - set(found))
    if unknown:
        raise Invalid(
            f"No instance is called {', '.join(unknown)}; there are: "
            f"{', '.join(found)}."
        )
    return {name: path for name, path in found.items() if not only or name in only}
