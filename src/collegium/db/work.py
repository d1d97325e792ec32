"""One request's work on the database: its transaction, its time, its author."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

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
    actor : who asked for it.
    request_id : names the request in logs and in the history of changes.
    """

    transaction: Transaction
    now: str
    actor: str = "anonymous"
    request_id: str = ""
