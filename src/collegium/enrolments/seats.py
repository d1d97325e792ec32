"""Seats: counted where they are taken, in the transaction that takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from collegium.db.addresses import Keys
from collegium.db.work import Work
from collegium.enrolments.chains import Chain
from collegium.errors import ClassFull

Seat = tuple[str, str]
"""Table and id of what a seat is in."""

_LIMITS = {
    "classes": '"limit"',
    "configurations": '"limit"',
    "course_offerings": "reserved_seats",
}


async def hold(work: Work, session_id: str) -> None:
    """Let those who change seats of a session do so one after the other.

    Taken before any row, so that nobody waits for somebody who waits for them; what is
    read after it stays until the end of the transaction. The counters are guarded by
    their own conditions as well: this orders the waitlist and a student's times.
    """
    await work.transaction.lock(f"enrolments {session_id}")


def seats_of(chain: Chain, course_offering_id: str) -> list[Seat]:
    """Return all seats that one student takes with a chain."""
    return [
        *(("classes", class_id) for class_id in chain.class_ids),
        ("configurations", chain.configuration_id),
        ("course_offerings", course_offering_id),
    ]


def difference(before: list[Seat], after: list[Seat]) -> dict[Seat, int]:
    """Return by how much each counter changes."""
    changes = Counter(after)
    changes.subtract(before)
    return {seat: change for seat, change in changes.items() if change}


async def move(work: Work, session: Keys, changes: Mapping[Seat, int]) -> None:
    """Take and give back seats.

    Each counter has its own condition, all in one order of tables and ids, so that
    two who want the same seats never wait for each other in a circle.

    Parameters
    ----------
    work : the request's.
    session : ids of the university and of the session.
    changes : 1 to take, -1 to give back.

    Raises
    ------
    ClassFull
        When no seat is left somewhere.
    """
    if not changes:
        return
    version = await work.transaction.next_revision()
    for (table, id_), change in sorted(changes.items()):
        sql = (
            f"UPDATE {table} SET enrolled = enrolled + ?, version = ?, updated_at = ? "
            "WHERE university_id = ? AND id = ?"
        )
        if change > 0:
            limit = _LIMITS[table]
            sql += f" AND ({limit} IS NULL OR enrolled < {limit})"
        params = (change, version, work.now, session[0], id_)
        if await work.transaction.execute(sql, params) != 1:
            raise ClassFull(
                f"No seat is left in one of the {table.replace('_', ' ')}.",
                pointers={"/class_ids": "full"},
            )
    await work.transaction.execute_many(
        "INSERT INTO collections (scope, name, revision) VALUES (?, ?, ?) "
        "ON CONFLICT (scope, name) DO UPDATE SET revision = excluded.revision",
        [(session[1], name, version) for name in ("classes", "course_offerings")],
    )
