"""The slots of this process as the place where the tasks of a table run."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.membership.place import Envelope, Note
from collegium.protocol import TaskOrder
from collegium.workloads.executor import Executor
from collegium.workloads.frames import Run
from collegium.workloads.slots import Finished


class OwnSlots:
    """A ``Place`` that runs light tasks on the spot, all others in child processes.

    Parameters
    ----------
    executor : has the slots.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.run_light = executor.run_light

    @property
    def slot_count(self) -> int:
        """How many tasks run at once."""
        return self._executor.slots.count

    def is_light(self, name: str, size: int, blobs: Sequence[str]) -> bool:
        """Tell whether a task runs on the spot."""
        return self._executor.is_light(name, size, blobs)

    async def run_order(
        self, task_id: str, order: TaskOrder, envelope: Envelope, note: Note
    ) -> Finished:
        """Run a task in a slot."""
        raw = bytes(order.input)
        run = Run(task_id, order.workload, raw, {}, envelope.deadline_s)
        return await self._executor.run(run, order.blobs, note)

    def ask_to_end(self, task_id: str) -> bool:
        """Have a task end soon, with what it has."""
        return self._executor.slots.cancel(task_id)
