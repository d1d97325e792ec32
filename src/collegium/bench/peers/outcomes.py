"""What came of tasks while something failed: one row of the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from collegium.bench.peers.drivers.harm import Case


@dataclass(frozen=True, slots=True)
class Harmed:
    """One system in one case.

    Parameters
    ----------
    system : ``collegium`` or a peer.
    case : what happened to it.
    version : of the system; None when it could not be started.
    done : tasks with a result within the limit; None when the case has no tasks.
    seconds : from the first task to the last result, or from asking for a cancellation
        to the last sign of life of the task; None when that did not happen.
    duplicates : executions beyond the first of each task.
    remark : what went wrong, for a person.
    """

    system: str
    case: Case
    version: str | None = None
    done: int | None = None
    seconds: float | None = None
    duplicates: int | None = None
    remark: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return asdict(self)
