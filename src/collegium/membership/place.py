"""Where the tasks of a worker run, and what is said of them on the way there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from collegium.protocol import TaskOrder
from collegium.workloads.slots import Finished

Note = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers of a task's request say.

    Parameters
    ----------
    attempt : number of the attempt, from 1.
    deadline_s : seconds left, as the sender counts.
    dispatcher : incarnation of the coordinator that sent it.
    via : incarnations of all coordinators that it has passed.
    traceparent : W3C trace context.
    """

    attempt: int
    deadline_s: float
    dispatcher: str = ""
    via: tuple[str, ...] = ()
    traceparent: str | None = None


class Place(Protocol):
    """Where the tasks of a table run."""

    @property
    def slot_count(self) -> int:
        """How many tasks it runs at once, light ones aside."""

    @property
    def run_light(self) -> Callable[[str, bytes], Finished] | None:
        """What runs a light task on the spot, where that is possible."""

    def is_light(self, name: str, size: int, blobs: Sequence[str]) -> bool:
        """Tell whether a task takes no slot.

        Raises
        ------
        NotFound
            When there is no such workload here.
        """

    async def run_order(
        self, task_id: str, order: TaskOrder, envelope: Envelope, note: Note
    ) -> Finished:
        """Run a task."""

    def ask_to_end(self, task_id: str) -> bool:
        """Have a task end soon, with what it has; True when it is known to run.

        Its ``run_order`` returns what the task gives, or raises Cancelled.
        """
