"""The record of who has changed what, written with the change itself.

Whoever changes a row notes an event in the transaction; the database writes what was
noted as the last thing before the commit, so that an event is there if, and only if,
its change is. The numbers of a university's events come from one row that is held from
then to the commit: they follow each other without gaps, in the order of the commits,
and nobody who holds that row waits for anything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol

NOWHERE = ""
"""In place of a university, for what belongs to none."""

_TAKE = (
    "INSERT INTO audit_counters (university_id, seq) VALUES (?, ?) "
    "ON CONFLICT (university_id) DO UPDATE "
    "SET seq = audit_counters.seq + excluded.seq RETURNING seq"
)
_INSERT = (
    "INSERT INTO audit_events (university_id, seq, at, actor, action, entity, "
    "entity_id, before, after, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One change.

    Parameters
    ----------
    university_id : whose it is.
    at : time of the request, RFC 3339 in UTC.
    actor : id of a key, or ``token``, ``worker`` or ``local``.
    action : ``create``, ``change``, ``delete`` or ``import``.
    entity : name of the table.
    entity_id : id of the row.
    before, after : JSON of the row, None where there was or is none.
    request_id : names the request in the log.
    """

    university_id: str
    at: str
    actor: str
    action: str
    entity: str
    entity_id: str
    before: str | None
    after: str | None
    request_id: str


class Writer(Protocol):
    """What a transaction is to this module."""

    async def fetch_one(self, sql: str, params: Any = ()) -> Any:
        """Run a statement that returns a row."""

    async def execute(self, sql: str, params: Any = ()) -> int:
        """Run a statement."""

    async def execute_many(self, sql: str, rows: Iterable[Any]) -> None:
        """Run a statement once for each row of parameters."""


async def write_events(transaction: Writer, events: list[AuditEvent]) -> None:
    """Write what was noted; the last thing that a transaction does."""
    whose = attrgetter("university_id")
    # In one order, so that two who write for the same never wait in a circle.
    for university_id, group in groupby(sorted(events, key=whose), whose):
        found = list(group)
        row = await transaction.fetch_one(_TAKE, (university_id, len(found)))
        first = int(row[0]) - len(found) + 1
        rows = [_row(event, seq) for seq, event in enumerate(found, start=first)]
        if len(rows) == 1:
            await transaction.execute(_INSERT, rows[0])
        else:
            await transaction.execute_many(_INSERT, rows)


def _row(event: AuditEvent, seq: int) -> tuple[object, ...]:
    return (
        event.university_id,
        seq,
        event.at,
        event.actor,
        event.action,
        event.entity,
        event.entity_id,
        event.before,
        event.after,
        event.request_id,
    )
