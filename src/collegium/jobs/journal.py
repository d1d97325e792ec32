"""Where a running job leaves what must not be lost, and tells how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

FinalState = Literal["succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Parameters
    ----------
    error : one sentence when it failed or has no result.
    result, media_type : the bytes that the client asked for, when there are any.
    """

    state: FinalState
    error: str | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    result: bytes | None = None
    media_type: str = "application/octet-stream"


class Journal(Protocol):
    """The memory of one job under one owner."""

    async def store(
        self,
        plan: str,
        progress: dict[str, Any],
        elapsed_s: float,
        keeps: Sequence[str],
    ) -> None:
        """Make the plan durable, with the blobs that it refers to.

        Raises
        ------
        StateForbids
            When another owner has taken the job over: stop at once.
        """

    def tell(self, progress: dict[str, Any]) -> None:
        """Show progress to who watches; may be lost."""
