"""What a kind of work has to offer; universities add their own by entry point.

A workload is plain synchronous Python. Its bodies are Pydantic models, so that the
same schema guards the HTTP edge of the coordinator and of the worker. ``run`` is
executed in a child process (or, when ``is_light``, on the spot) on any machine; it
must give the same output for the same input, as it may run more than once.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

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

    Notes
    -----
    A workload may also have ``is_idempotent = True``: running it twice at the same time
    does no harm. Only then a coordinator may hedge it (``--hedge``). ``preload()``
    imports what only running needs, in the processes that will run it; ``warm_up()``
    makes ready what the first run would wait for, before a worker says it is ready.
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
            When the context said so, and there is nothing yet to hand in. A run that
            can stop with a result returns that instead.
        """


@dataclass(frozen=True, slots=True)
class Piece:
    """One task of a job, to be run anywhere.

    Parameters
    ----------
    number : of this piece within its job, from 0; never used twice.
    input : the workload's ``Input``.
    seconds : how long it is meant to run; None when nobody knows.
    """

    number: int
    input: BaseModel
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker says that it found, with the task that checks it.

    Parameters
    ----------
    number : of the piece that brought it.
    rank : smaller is better; of several that wait, the best is checked first.
    check : ``Input`` of the job's ``checker``.
    note : whatever ``settle`` needs to know of the claim besides.
    """

    number: int
    rank: tuple[int, ...]
    check: BaseModel
    note: Any = None


Settled = Literal["better", "no better", "refused"]


class JobWorkload(Workload, Protocol):
    """A kind of job: many tasks, handed out as slots become free.

    The plan is the whole state of a job, a Pydantic model that these methods change.
    It is stored at every improvement and is all that an adopting coordinator gets. It
    knows no clock and does no input or output, hence every decision of a job can be
    replayed in a test. Nothing that a worker says counts before ``checker``, run by the
    coordinator in a process of its own, has confirmed it.
    """

    JobInput: ClassVar[type[BaseModel]]
    Plan: ClassVar[type[BaseModel]]
    checker: ClassVar[Workload]

    def needs(self, job: Any) -> Sequence[str]:
        """Return the hashes of the blobs that must exist when a job is submitted."""

    def begin(self, job: Any) -> Any:
        """Return the plan of a job that has not started."""

    def resume(self, plan: Any, blobs: frozenset[str]) -> None:
        """Go on under another owner: nothing is in flight, only ``blobs`` are left."""

    def split(self, plan: Any, *, free_slots: int, elapsed_s: float) -> list[Piece]:
        """Return at most ``free_slots`` further tasks."""

    def is_over(self, plan: Any, *, elapsed_s: float) -> bool:
        """Tell whether ``split`` will return nothing any more."""

    def merge(
        self,
        plan: Any,
        number: int,
        output: Any,
        put_blob: Callable[[bytes], str],
        *,
        elapsed_s: float,
    ) -> Claim | None:
        """Note one result; return what it claims, when that is worth a check."""

    def settle(self, plan: Any, claim: Claim, verdict: Any) -> Settled:
        """Note what the checker says of a claim; None when it could not read it."""

    def lost(self, plan: Any, number: int, *, failed: bool) -> None:
        """Note that a task will not return, or has failed and would fail again."""

    def keeps(self, plan: Any) -> Sequence[str]:
        """Return the hashes of the blobs that must outlive the coordinator."""

    def uses(self, plan: Any) -> Sequence[str]:
        """Return the hashes of the blobs that coming tasks may name."""

    def progress(self, plan: Any) -> dict[str, Any]:
        """Return a small JSON object for people: how far, how good."""

    def conclude(self, plan: Any) -> BaseModel | None:
        """Return the checker's ``Input`` that makes the result; None without one."""

    def result(self, plan: Any, verdict: Any) -> tuple[bytes, str] | None:
        """Return the result's bytes and media type, when there is a result.

        Parameters
        ----------
        verdict : what the checker answers to ``conclude``; None when that was None.
        """
