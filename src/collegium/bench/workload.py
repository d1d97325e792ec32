"""Workloads that leave traces in files, so that executions can be counted.

Found by the programs of a bench through an entry point of their own, as a university's
workloads are; nobody else is offered them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from collegium.bench.peers.drivers.tasks import beat, note
from collegium.workloads.base import TaskContext

WORKLOADS = {
    "bench-note": "collegium.bench.workload:Note",
    "bench-beat": "collegium.bench.workload:Beat",
}


def offer_workloads(folder: Path, workloads: Mapping[str, str] = WORKLOADS) -> None:
    """Make workloads known to every program that has ``folder`` on its path.

    Parameters
    ----------
    workloads : where each is, as ``module:Class`` by name.
    """
    described = folder / "collegium_bench-0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: collegium-bench\nVersion: 0\n"
    )
    lines = [f"{name} = {path}\n" for name, path in workloads.items()]
    (described / "entry_points.txt").write_text(
        "".join(["[collegium.workloads]\n", *lines])
    )


class Trace(BaseModel):
    """What to do and where to leave the trace of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = Field(ge=0.0, le=3600.0)
    file: str
    number: int = 0


class Note:
    """Writes its number down, then holds its slot."""

    name: ClassVar[str] = "bench-note"
    is_light: ClassVar[bool] = False
    Input: ClassVar[type[BaseModel]] = Trace
    Output: ClassVar[type[BaseModel]] = Trace

    def blobs(self, task: Trace) -> Sequence[str]:
        """Return no hash."""
        return ()

    def run(self, task: Trace, context: TaskContext) -> Trace:
        """Leave one line, then sleep."""
        note(task.number, task.seconds, task.file)
        return task


class Beat:
    """Computes without ever asking whether it should stop."""

    name: ClassVar[str] = "bench-beat"
    is_light: ClassVar[bool] = False
    Input: ClassVar[type[BaseModel]] = Trace
    Output: ClassVar[type[BaseModel]] = Trace

    def blobs(self, task: Trace) -> Sequence[str]:
        """Return no hash."""
        return ()

    def run(self, task: Trace, context: TaskContext) -> Trace:
        """Touch the file at every turn."""
        beat(task.seconds, task.file)
        return task
