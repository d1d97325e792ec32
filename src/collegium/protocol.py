"""Every JSON body between client, coordinator and worker about tasks and members.

Envelopes are ``msgspec`` structs, because they lie on the path of every task and
``msgspec`` reads them ten times faster; the ``input`` and ``output`` in them stay the
raw bytes that were sent and are checked by the Pydantic models of their workload.
OpenAPI schemas are made from the same structs, so there is one definition of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

PROTOCOL_VERSION = 1
OLDEST_PROTOCOL_VERSION = 1

# Header names, in lower case as ASGI gives them.
DEADLINE_HEADER = "deadline-ms"
"""Remaining milliseconds; relative, so clocks need not agree."""
ATTEMPT_HEADER = "task-attempt"
"""Number of this attempt, from 1; fences off late answers of earlier ones."""
DISPATCHER_HEADER = "task-dispatcher"
"""Incarnation of the coordinator that counts this task against a slot."""
TRACE_HEADER = "traceparent"
REQUEST_ID_HEADER = "x-request-id"
"""Names a request in the logs; a coordinator passes its client's on to the worker."""
HEARTBEAT_HEADER = "heartbeat-ms"
"""In the answer to an announcement: how often the coordinator wants to hear."""
VIA_HEADER = "via"
"""The coordinators that a task or the question for a blob has passed, as in RFC 9110:
``1.1 INCARNATION`` for each, the first one first."""
MAX_HOPS = 8
MOST_IN_BATCH = 1000
"""Tasks of one request to ``/v1/task-batches``."""
LEASE_HEARTBEATS = 3.0
"""A worker that is silent for so many heartbeats has lost its lease."""

_END = r"$(?!\n)"
"""The very end, in JavaScript as in Python, where ``$`` also comes before a newline."""
Name = Annotated[
    str, Meta(pattern=rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}{_END}", max_length=64)
]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Seconds = Annotated[float, Meta(ge=0.0, le=1e9)]
Sha256 = Annotated[str, Meta(pattern=rf"^[0-9a-f]{{64}}{_END}", max_length=64)]
MemberState = Literal["starting", "up", "draining"]
TaskState = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class TaskSubmission(msgspec.Struct, forbid_unknown_fields=True):
    """What a client posts to ``/v1/tasks``."""

    workload: Name
    input: Raw
    deadline_s: Annotated[float, Meta(gt=0.0, le=86_400.0)] | None = None


class TaskOrder(msgspec.Struct, omit_defaults=True):
    """What a coordinator puts to a worker as ``/v1/tasks/{id}``.

    The same for every attempt of a task; what differs stands in the headers.
    """

    workload: str
    input: Raw
    blobs: list[Sha256] = []
    job: str | None = None


class BatchedTask(msgspec.Struct, omit_defaults=True):
    """One of the short tasks that a coordinator posts to ``/v1/task-batches``."""

    id: Name
    workload: str
    input: Raw
    deadline_ms: Annotated[int, Meta(ge=0, le=86_400_000)]
    """Remaining milliseconds."""
    attempt: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1


class TaskStatus(msgspec.Struct, omit_defaults=True):
    """What is known of a task: the answer to its sender, and to who asks later."""

    id: str
    workload: str
    state: TaskState
    output: Raw | UnsetType = UNSET
    executed_by: str | None = None
    seconds: float | None = None
    """Time that the run itself took, without waiting and without the network."""
    attempts: int = 0
    progress: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    """What went wrong, as in RFC 9457."""


class RunningTask(msgspec.Struct, omit_defaults=True):
    """A task on a worker, as its announcement says."""

    id: Annotated[str, Meta(max_length=256)]
    attempt: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    dispatcher: Annotated[str, Meta(max_length=256)] = ""
    progress: dict[str, Any] | None = None


MOST_LEAVES = 500
"""Sources whose counters go along with one announcement; of more, a random choice."""


class SourceReport(msgspec.Struct, omit_defaults=True):
    """What another source than the sender has counted, under its own name."""

    source: Name
    incarnation: Annotated[str, Meta(max_length=64)]
    counters: dict[Name, Count]
    is_summary: bool = False
    """A coordinator, whose tasks are counted by its own workers as well."""


class Announcement(msgspec.Struct, omit_defaults=True):
    """The whole representation of a worker, in ``PUT /v1/workers/{id}``.

    Registration, heartbeat, report of statistics and registration anew are this one
    body. Unknown fields are ignored, so that a newer worker can announce itself.
    """

    incarnation: Annotated[str, Meta(min_length=1, max_length=64)]
    """A UUIDv7 made at the start of the process: later starts compare greater."""
    url: Annotated[str, Meta(min_length=1, max_length=2048)]
    slots: Annotated[int, Meta(ge=0, le=100_000)]
    workloads: Annotated[list[Name], Meta(max_length=1000)]
    sequence: Count = 0
    """Number of this report; an older one changes no gauge."""
    protocol_min: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    protocol_max: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    version: Annotated[str, Meta(max_length=64)] = ""
    state: MemberState = "up"
    waiting: Annotated[int, Meta(ge=0, le=100_000)] = 0
    """Tasks beyond its slots that the worker takes in to have no gap between two."""
    batch: Annotated[int, Meta(ge=0, le=MOST_IN_BATCH)] = 0
    """Short tasks that it takes in one request; 0 when it takes each by itself."""
    weight: Annotated[float, Meta(gt=0.0, le=1000.0)] = 1.0
    heartbeat_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 5.0
    running: Annotated[list[RunningTask], Meta(max_length=100_000)] = []
    counters: dict[Name, Count] = {}
    """Totals since the start of this incarnation; they only grow."""
    gauges: dict[Name, float] = {}
    """What goes up and down: CPU share, memory in bytes, temperature of the queue."""
    leaves: Annotated[list[SourceReport], Meta(max_length=1000)] = []
    """For a coordinator: the counters of its workers, each under its own name, so that
    whoever hears of a worker by two ways counts it once."""
    coordinators: Annotated[list[Name], Meta(max_length=1000)] = []
    """Incarnations of the coordinators whose slots are in the sum: empty for a worker,
    itself and those below for a coordinator. Nobody takes itself in by a detour."""


class WorkerSelf(msgspec.Struct):
    """``GET /v1/self`` of a worker: who answers at this address."""

    id: str
    incarnation: str
    state: MemberState


class WorkerView(msgspec.Struct):
    """One worker in ``GET /v1/workers``."""

    id: str
    incarnation: str
    url: str
    state: Literal[
        "starting", "up", "draining", "suspect", "ejected", "set_aside", "gone"
    ]
    slots: int
    busy: int
    tasks_completed: int
    tasks_failed: int
    workloads: list[str]
    version: str
    weight: float
    last_seen_s: float
    """Seconds since its last announcement."""
    running: list[RunningTask]
    gauges: dict[str, float]


class WorkerList(msgspec.Struct):
    """``GET /v1/workers``."""

    items: list[WorkerView]


def via_text(coordinators: Sequence[str]) -> str:
    """Return the header that names the coordinators passed so far."""
    return ", ".join(f"1.1 {name}" for name in coordinators)


def via_of(text: str | None) -> tuple[str, ...]:
    """Return who is named in such a header, foreign proxies included."""
    if not text:
        return ()
    return tuple(hop.split()[1] for hop in text.split(",") if len(hop.split()) > 1)
