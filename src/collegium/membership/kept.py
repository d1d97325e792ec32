"""The answers of tasks that have run here, for whoever asks again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from collegium.errors import CollegiumError


@dataclass(frozen=True, slots=True)
class Kept:
    """What has become of a task.

    Parameters
    ----------
    fingerprint : tells its content from that of other tasks.
    workload : its name.
    answer : its status as JSON, or the error that has ended it.
    """

    fingerprint: int
    workload: str
    answer: bytes | CollegiumError

    @property
    def size_bytes(self) -> int:
        """Bytes of the answer; an error counts as none."""
        return len(self.answer) if isinstance(self.answer, bytes) else 0


class KeptAnswers:
    """The latest answers by the ids of their tasks.

    Parameters
    ----------
    most : number of answers remembered.
    most_bytes : size of all of them; the latest is kept whatever its size.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._by_id: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._by_id

    def find(self, task_id: str) -> Kept | None:
        """Return what has become of a task, None when that is not known here."""
        return self._by_id.get(task_id)

    def refresh(self, task_id: str) -> None:
        """Take note that somebody has asked again."""
        self._by_id.move_to_end(task_id)

    def keep(self, task_id: str, kept: Kept) -> None:
        """Remember what has become of a task, and forget the oldest beyond bounds."""
        self._by_id[task_id] = kept
        self._bytes += kept.size_bytes
        while len(self._by_id) > self._most or (
            self._bytes > self._most_bytes and len(self._by_id) > 1
        ):
            _, dropped = self._by_id.popitem(last=False)
            self._bytes -= dropped.size_bytes
