"""What a request of the catalogue finds in its application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from collegium.db.database import Database, Transaction
from collegium.db.work import Clock, Work, timestamp, utc_clock
from collegium.rest.access import principal_of
from collegium.rest.pages import CursorSeal, WrittenPages


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The parts that requests share.

    Parameters
    ----------
    database : open, with the schema that this program needs.
    seal : makes and reads cursors.
    clock : returns the time in UTC.
    pages : those that were asked for last.
    """

    database: Database
    seal: CursorSeal
    clock: Clock = utc_clock
    pages: WrittenPages = field(default_factory=WrittenPages)


def catalogue_of(request: Request) -> Catalogue:
    """Return the parts that the application of a request holds."""
    return cast(Catalogue, request.app.state.catalogue)


def database_of(request: Request) -> Database:
    """Return the database of a request."""
    return catalogue_of(request).database


def work_of(request: Request, transaction: Transaction) -> Work:
    """Return a request's work in a transaction."""
    return Work(
        transaction=transaction,
        now=timestamp(catalogue_of(request).clock()),
        actor=actor_of(request),
        request_id=request.scope["state"]["request_id"],
    )


def actor_of(request: Request) -> str:
    """Return the name of who asks."""
    return principal_of(request.scope).name
