"""What a run of the solver is remembered by, and the file that keeps all runs."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collegium import __version__
from collegium.errors import Malformed, Unreadable
from collegium.settings import core_count
from collegium.timetabling.itc2019 import save
from collegium.workloads.lease_plan import Score

_LIBRARIES = ("numpy", "numba", "ortools", "highspy")
_CODE = ("timetabling", "workloads", "jobs")


class Key(NamedTuple):
    """What makes two runs the same run."""

    instance: str
    sha256: str
    seed: int
    seconds: float
    workers: int


class Point(NamedTuple):
    """The best of a search at some moment, as the search itself says it.

    Parameters
    ----------
    elapsed_s : since the budget began.
    violations, objective : of the best so far.
    """

    elapsed_s: float
    violations: int
    objective: int


class Machine(BaseModel):
    """Where and with what a run was made.

    Parameters
    ----------
    cores : that the process may use; memory_bytes : of the machine.
    load : processes that wanted a core in the minute before; None when unknown.
    code : digest of the sources that decide what a run finds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    processor: str
    cores: int
    memory_bytes: int
    load: float | None
    python: str
    libraries: dict[str, str]
    collegium: str
    code: str


class Run(BaseModel):
    """One instance, one seed, one budget.

    Parameters
    ----------
    sha256 : of the instance's file.
    score : as the independent judge counts the timetable; None when there is none.
    feasible_after_s : when the search first had a timetable without violations.
    moves : placements and enrolments that the search evaluated.
    cpu_s : processor time of all children within the budget; on a machine that does
        other work as well, the workers get less of it than there are seconds.
    warm_up_s : until the workers were ready, before the budget began; long only when
        the solver had to be compiled.
    wall_s : from the beginning of the budget to the judged result.
    worker_peak_bytes : largest resident size seen of any child process.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    instance: str
    sha256: str
    seed: int = Field(ge=0)
    seconds: float = Field(gt=0)
    workers: int = Field(gt=0)
    score: Score | None
    feasible_after_s: float | None
    iterations: int
    moves: int
    cpu_s: float = Field(ge=0)
    warm_up_s: float
    wall_s: float
    worker_peak_bytes: int
    curve: list[Point]
    machine: Machine

    @property
    def key(self) -> Key:
        """What makes it this run."""
        return Key(self.instance, self.sha256, self.seed, self.seconds, self.workers)

    @property
    def is_feasible(self) -> bool:
        """Whether the judge found nothing broken."""
        return self.score is not None and self.score.hard == 0

    @property
    def moves_per_cpu_s(self) -> float | None:
        """Moves per second of a core, with all that is done around the search."""
        return self.moves / self.cpu_s if self.cpu_s > 0 else None

    @property
    def cost(self) -> float:
        """The weighted total; infinite when the timetable is not feasible."""
        return (
            float(self.score.total) if self.score and self.is_feasible else float("inf")
        )


class Records(BaseModel):
    """All runs of a file."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["collegium-bench-solver-1"] = "collegium-bench-solver-1"
    runs: list[Run] = []

    def found(self, keys: Sequence[Key]) -> list[Run]:
        """Return the runs with these keys, in the order of the file."""
        wanted = set(keys)
        return [run for run in self.runs if run.key in wanted]


def read_records(path: Path) -> Records:
    """Return what a file keeps; nothing when there is no such file.

    Raises
    ------
    Unreadable
        When it cannot be read, or could not be written afterwards.
    Malformed
        When it holds something else: it is never overwritten then.
    """
    if not path.absolute().parent.is_dir():
        raise Unreadable(f"{path}: cannot be written there")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Records()
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return Records.model_validate_json(raw)
    except ValidationError as error:
        complaint = error.errors(include_url=False, include_context=False)[0]
        where = "/".join(str(part) for part in complaint["loc"]) or "the file"
        raise Malformed(
            f"{path}: not the records of this bench: {where}: {complaint['msg']}"
        ) from None


def write_records(path: Path, records: Records) -> None:
    """Write the file whole or not at all.

    Raises
    ------
    Unreadable
        When it cannot be written.
    """
    save(path, records.model_dump_json(indent=1).encode() + b"\n")


def this_machine() -> Machine:
    """Return where we are, and how busy it is just now."""
    has_load = hasattr(os, "getloadavg")
    return Machine(
        processor=_processor(),
        cores=core_count(),
        memory_bytes=psutil.virtual_memory().total,
        load=round(os.getloadavg()[0], 2) if has_load else None,
        python=platform.python_version(),
        libraries={name: version(name) for name in _LIBRARIES},
        collegium=__version__,
        code=_code_digest(),
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _code_digest() -> str:
    package = Path(str(files("collegium")))
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
