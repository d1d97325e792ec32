"""The limit of a class, changed while students are enrolled.

A class as a whole can be changed only while the structure of its session can. Its limit
can be changed until the session is closed, and, asked for by name, below the number of
those who are enrolled: the last of them then wait for a seat.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from collegium.catalogue.schemas import Body
from collegium.catalogue.states import Part, require_writable
from collegium.db.addresses import Keys
from collegium.db.database import Reader
from collegium.db.records import Guard, Record
from collegium.db.work import Work
from collegium.enrolments import repository as enrolled
from collegium.enrolments import seats, waitlist
from collegium.offerings.repository import Place, below_enrolment
from collegium.offerings.schemas import Limit
from collegium.offerings.service import CLASSES, renew

SHOWN = ("id", "code", "limit", "enrolled", "version")


class LimitIn(Body):
    """How many may be in a class, as a client asks for it."""

    limit: Limit
    is_forced: bool = Field(
        default=False,
        description="Where more are enrolled, the last of them lose their seats and "
        "wait, behind those who wait already; else the change is refused.",
    )


class LimitOf(BaseModel):
    """How many may be in a class, and how many are."""

    id: str = Field(description="Id of the class.")
    code: str = Field(description="Code of the class.")
    limit: Limit
    enrolled: int = Field(description="Students who have a seat.")
    version: int = Field(description="Of the class.")


async def find(reader: Reader, keys: Keys) -> Record:
    """Return the limit of a class."""
    return (await CLASSES.find(reader, keys)).part(SHOWN)


async def assign(
    work: Work, guard: Guard, keys: Keys, body: LimitIn
) -> tuple[Record, bool]:
    """Change the limit of a class.

    Raises
    ------
    BelowEnrolment
        When more are enrolled and the change is not forced.
    StateForbids
        When the session is closed.
    """
    session = await CLASSES.records.scope(work.transaction, keys[:-1])
    # Students come and go while the session runs, and limits with them.
    await require_writable(work, session, Part.STRUCTURE, is_override=True)
    await seats.hold(work, session[-1])
    record = await CLASSES.find(work.transaction, (*session, keys[-1]))
    guard(record.etag)
    if body.limit == record["limit"]:
        return record.part(SHOWN), False
    excess = 0 if body.limit is None else record["enrolled"] - body.limit
    if excess > 0:
        if not body.is_forced:
            raise below_enrolment({"code": record["code"]}, "limit")
        last = await enrolled.last_of_class(
            work.transaction, session, record.id, excess
        )
        await waitlist.displace(work, session, reversed(last))
        record = await CLASSES.find(work.transaction, (*session, record.id))
    await CLASSES.records.change(work, record, {"limit": body.limit})
    offering_id = record["offering_id"]
    await renew(work, Place(session[0], session[1], offering_id))
    await waitlist.after_structure(work, session, offering_id)
    return await find(work.transaction, (*session, record.id)), False
