"""Jobs that the coordinator does itself, because they need the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from collegium.jobs.durable import DurableJournal
from collegium.jobs.repository import Claimed


@dataclass(frozen=True, slots=True)
class Residence:
    """What a resident job is given.

    Parameters
    ----------
    claimed : the job; it is this coordinator's as long as the journal takes its word.
    journal : where it tells how far it is, and how it ended.
    is_stopped : whether somebody has asked to cancel it; ask often.
    """

    claimed: Claimed
    journal: DurableJournal
    is_stopped: Callable[[], bool]


class Resident(Protocol):
    """One kind of such jobs."""

    name: ClassVar[str]

    async def run(self, residence: Residence) -> None:
        """Do the job and tell the journal how it ended.

        When it is interrupted, another coordinator begins it again: what it does must
        happen in one transaction, together with its end, or be harmless twice.

        Raises
        ------
        StateForbids
            When the journal says that another coordinator has the job now.
        """
