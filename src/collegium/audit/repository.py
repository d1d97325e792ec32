"""SQL of audit events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.db.addresses import is_id
from collegium.db.database import Database, Reader, Row
from collegium.db.soundness import MOST_SHOWN, Finding

_SHOWN = "seq, at, actor, action, entity, entity_id, before, after, request_id"


@dataclass(frozen=True, slots=True)
class Event:
    """An event as clients see it; ``before`` and ``after`` are JSON texts."""

    seq: int
    at: str
    actor: str
    action: str
    entity: str
    entity_id: str
    before: str | None
    after: str | None
    request_id: str

    @property
    def id(self) -> str:
        """The last part of its address."""
        return str(self.seq)

    @property
    def etag(self) -> str:
        """Never changes."""
        return f'"{self.seq}"'

    def to_json(self) -> bytes:
        """Return its representation."""
        return msgspec.json.encode(
            {
                "seq": self.seq,
                "at": self.at,
                "actor": self.actor,
                "action": self.action,
                "entity": self.entity,
                "entity_id": self.entity_id,
                "before": _raw(self.before),
                "after": _raw(self.after),
                "request_id": self.request_id,
            }
        )


async def find_university(reader: Reader, key: str) -> str | None:
    """Return the id of a university that is there, or that has left events."""
    column = "id" if is_id(key) else "code"
    row = await reader.fetch_one(
        f"SELECT id FROM universities WHERE {column} = ?", (key,)
    )
    if row is None and is_id(key):
        row = await reader.fetch_one(
            "SELECT university_id FROM audit_counters WHERE university_id = ?", (key,)
        )
    return None if row is None else str(row[0])


async def last_seq(reader: Reader, university_id: str) -> int:
    """Return the number of the latest event, 0 without events."""
    row = await reader.fetch_one(
        "SELECT seq FROM audit_counters WHERE university_id = ?", (university_id,)
    )
    return 0 if row is None else int(row[0])


async def find(reader: Reader, university_id: str, seq: int) -> Event | None:
    """Return an event, or None."""
    row = await reader.fetch_one(
        f"SELECT {_SHOWN} FROM audit_events WHERE university_id = ? AND seq = ?",
        (university_id, seq),
    )
    return None if row is None else _event(row)


async def page(
    database: Database,
    university_id: str,
    *,
    filters: Mapping[str, str | None],
    since: str | None,
    until: str | None,
    limit: int,
    after: int | None,
    is_backward: bool,
    last: int,
) -> list[Event]:
    """Return up to ``limit`` events behind a number, the latest first.

    Parameters
    ----------
    database : a rare action may be far away, so that the search is bounded in time.
    university_id : whose.
    filters : by column, what it must be; None leaves it free.
    since, until : first time, and the time after the last.
    limit : most events to return.
    after : number of the event before the first, None to begin with the latest.
    is_backward : return those before the number instead, the earliest first.
    last : number of the latest event that may be returned.
    """
    wheres = ["university_id = ?", "seq <= ?"]
    params: list[Any] = [university_id, last]
    for column, value in filters.items():
        if value is not None:
            wheres.append(f"{column} = ?")
            params.append(value)
    for comparison, time in ((">=", since), ("<", until)):
        if time is not None:
            wheres.append(f"at {comparison} ?")
            params.append(time)
    if after is not None:
        wheres.append(f"seq {'>' if is_backward else '<'} ?")
        params.append(after)
    way = "ASC" if is_backward else "DESC"
    rows = await database.scan(
        f"SELECT {_SHOWN} FROM audit_events WHERE {' AND '.join(wheres)} "
        f"ORDER BY seq {way} LIMIT {int(limit)}",
        params,
    )
    return [_event(row) for row in rows]


async def audit_findings(database: Database) -> AsyncIterator[Finding]:
    """Yield whether the events of each university are all there, in order."""
    rows = await database.scan(
        "SELECT coalesce(c.university_id, e.university_id), c.seq, e.n, e.low, e.high "
        "FROM audit_counters c FULL JOIN ("
        " SELECT university_id, count(*) AS n, min(seq) AS low, max(seq) AS high "
        " FROM audit_events GROUP BY university_id"
        ") e ON e.university_id = c.university_id"
    )
    breaches = [
        f"events of {university or 'no university'}: {count} from {low} to {high}, "
        f"and the last is said to be {last}"
        for university, last, count, low, high in rows
        if last != high or count != high - low + 1
    ]
    total = sum(count or 0 for _, _, count, _, _ in rows)
    yield Finding("audit", breaches[:MOST_SHOWN], f"{total} events without gaps")


def _event(row: Row) -> Event:
    return Event(*row)


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())
