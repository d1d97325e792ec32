"""One request's work on the database: its transaction, its time, its author."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from collegium.db.audit import AuditEvent
from collegium.db.database import Transaction

Clock = Callable[[], datetime.datetime]
"""Returns the time in UTC."""


def utc_clock() -> datetime.datetime:
    """Return the time of this machine in UTC."""
    return datetime.datetime.now(datetime.UTC)


def timestamp(time: datetime.datetime) -> str:
    """Return a time as it is stored and shown: RFC 3339 in UTC, to the microsecond."""
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Work:
    """What every change of the catalogue is given.

    Parameters
    ----------
    transaction : all of the request's reads and changes; ends with the request.
    now : the request's time, RFC 3339 in UTC.
    actor : who asked for it: the id of a key, or ``token``, ``worker``, ``local``.
    request_id : names the request in logs and in the history of changes.
    """

    transaction: Transaction
    now: str
    actor: str = "local"
    request_id: str = ""

    def note(
        self,
        action: str,
        entity: str,
        entity_id: str,
        *,
        university_id: str,
        before: bytes | None = None,
        after: bytes | None = None,
    ) -> None:
        """Have a change recorded, if it is committed.

        Parameters
        ----------
        action : ``create``, ``change``, ``delete`` or ``import``.
        entity, entity_id : what was changed.
        university_id : whose it is.
        before, after : JSON of it, without secrets.
        """
        self.transaction.events.append(
            AuditEvent(
                university_id,
                self.now,
                self.actor,
                action,
                entity,
                entity_id,
                None if before is None else before.decode(),
                None if after is None else after.decode(),
                self.request_id,
            )
        )
