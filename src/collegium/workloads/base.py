"""What a kind of work has to offer; universities add their own by entry point.

A workload is plain synchronous Python. Its bodies are Pydantic models, so that the
same schema guards the HTTP edge of the coordinator and of the worker. ``run`` is
executed in a child process (or, when ``is_light``, on the spot) on any machine; it
must give the same output for the same input, as it may run more than once.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel


class TaskContext(Protocol):
    """What a running task may ask of the place where it runs."""

    memory: MutableMapping[str, Any]
    """Kept between tasks of one process: for what is dear to make, never for state."""

    def blob(self, sha256: str) -> bytes:
        """Return the bytes of a blob that the task listed; checked against the hash."""

    def remaining_s(self) -> float:
        """Return how many seconds are left until the deadline."""

    def is_cancelled(self) -> bool:
        """Tell whether somebody asked to stop; cheap, ask often."""

    def report(self, progress: dict[str, Any]) -> None:
        """Tell how far the task is: a small JSON object, the last one counts."""


class Workload(Protocol):
    """One kind of task.

    Attributes
    ----------
    name : as in ``POST /v1/tasks {"workload": name}``.
    is_light : True when a run takes well under a millisecond and never blocks.
    Input, Output : the bodies of a task and of its result.
    """

    name: ClassVar[str]
    is_light: ClassVar[bool]
    Input: ClassVar[type[BaseModel]]
    Output: ClassVar[type[BaseModel]]

    def blobs(self, task: Any) -> Sequence[str]:
        """Return the hashes of the blobs that ``run`` will read."""

    def run(self, task: Any, context: TaskContext) -> BaseModel:
        """Do the work.

        Raises
        ------
        TaskFailed
            When it would fail anywhere.
        Cancelled
            When the context said so.
        """


class JobWorkload(Workload, Protocol):
    """A kind of job: many tasks, handed out as slots become free.

    The plan is the whole state of a job. It is stored at every improvement and is
    all that an adopting coordinator gets; it knows no clock and does no input or
    output, hence every decision of a job can be replayed in a test.
    """

    JobInput: ClassVar[type[BaseModel]]
    Plan: ClassVar[type[BaseModel]]

    def begin(self, job: Any) -> Any:
        """Return the plan of a job that has not started."""

    def split(self, plan: Any, *, free_slots: int, elapsed_s: float) -> Sequence[Any]:
        """Return inputs for at most ``free_slots`` further tasks; none ends the job."""

    def merge(
        self, plan: Any, output: Any, *, put_blob: Callable[[bytes], str]
    ) -> tuple[Any, bool]:
        """Return the plan after one more result, and whether the job got better."""
