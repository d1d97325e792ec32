"""What all imports have in common: looked at first, then done wholly or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from collegium.db.database import Database, Reader, SerializationFailed, Transaction
from collegium.db.work import Work
from collegium.errors import Conflict
from collegium.interchange.reports import Report

Observe = Callable[[int, int], None]
"""Told how many lines have been seen, and how many bytes; may raise to stop."""


class Import(Protocol):
    """One file on its way in.

    Attributes
    ----------
    has_check : whether ``check`` tells all, and ``write`` comes after it; else only
        ``write`` tells, and a dry run undoes it.
    """

    has_check: bool

    async def check(
        self, reader: Reader, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Note what the file would do; write nothing."""

    async def write(
        self, work: Work, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Do it; note what is wrong, which undoes it."""

    def close(self) -> None:
        """Let go of what has been put aside."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller of an import does around it.

    Parameters
    ----------
    work : makes the work of a transaction.
    place : returns the id of the university, made in that transaction if need be.
    holding : called when the transaction begins and no other write may pass.
    conclude : what is to be committed together with the import.
    """

    work: Callable[[Transaction], Work]
    place: Callable[[Work], Awaitable[str]]
    holding: Callable[[], None]
    conclude: Callable[[Transaction, Report], Awaitable[None]]


async def take_in(
    database: Database,
    university_id: str,
    file: Import,
    hooks: Hooks,
    observe: Observe,
    *,
    is_dry_run: bool,
) -> Report:
    """Take in a file; return what was done, or what stopped it.

    Parameters
    ----------
    university_id : as it is before, empty when there is none yet.
    file : is closed at the end.

    Raises
    ------
    Conflict
        When somebody else was in the way.
    Unreadable
        When the file cannot be read at all.
    """
    with closing(file):
        return await _take_in(
            database, university_id, file, hooks, observe, is_dry_run=is_dry_run
        )


async def _take_in(
    database: Database,
    university_id: str,
    file: Import,
    hooks: Hooks,
    observe: Observe,
    *,
    is_dry_run: bool,
) -> Report:
    report = Report()
    if file.has_check:
        await file.check(database, university_id, report, observe)
        if is_dry_run or report.fault_count:
            return report
    try:
        async with database.transaction() as transaction:
            hooks.holding()
            work = hooks.work(transaction)
            await file.write(work, await hooks.place(work), report, observe)
            if is_dry_run or report.fault_count:
                raise _Undone
            await hooks.conclude(transaction, report)
    except _Undone:
        return report
    except SerializationFailed:
        raise Conflict("Others were in the way: nothing was taken in.") from None
    return report


class _Undone(Exception):
    """Leaves a transaction whose changes shall not be."""
