"""The waitlist of an offering: who gets a seat that became free, and who must wait.

Turns are asked in order. Somebody who cannot use what is free (other classes are waited
for, or the student is busy then) keeps the turn, and the next is asked: a seat that
stands empty helps nobody. After each change nobody waits who could be seated, so that
newcomers never pass somebody who could use the seat.
"""

from __future__ import annotations

from collections.abc import Iterable

from collegium.catalogue.nouns import UNIVERSITY
from collegium.db.addresses import Keys, Parent
from collegium.db.database import Reader
from collegium.db.records import Record, Records
from collegium.db.tables import enrolments
from collegium.db.work import Work
from collegium.enrolments import repository, seats
from collegium.enrolments.chains import Chain, Offered
from collegium.enrolments.decisions import Wish, decide
from collegium.enrolments.repository import Waiting
from collegium.errors import ClassesUnfit, Conflict

SESSION = Parent("session_id", "sessions", "session")
RECORDS = Records(enrolments, noun="enrolment", parents=(UNIVERSITY, SESSION))


async def promote(work: Work, session: Keys, offering_ids: Iterable[str]) -> None:
    """Seat those who wait for these offerings and can be seated.

    Parameters
    ----------
    work : of the change that may have made it possible; seats are held.
    session : ids of the university and of the session.
    offering_ids : where to look.
    """
    for offering_id in sorted(set(offering_ids)):
        queue = await repository.read_queue(work.transaction, session, offering_id)
        if not queue:
            continue
        offered = await repository.read_offered(work.transaction, session, offering_id)
        for waiting in queue:
            chain = await possible(work.transaction, session, offered, waiting)
            if chain is not None:
                await _seat(work, session, offered, waiting, chain)
                offered = await repository.read_offered(
                    work.transaction, session, offering_id
                )


async def after_change(
    work: Work, session: Keys, offering_id: str, student_id: str
) -> None:
    """Seat those who wait for what a student gave up, and the student elsewhere."""
    others = await repository.waited_for_by_student(
        work.transaction, session, student_id
    )
    await promote(work, session, [offering_id, *others])


async def after_structure(work: Work, session: Keys, offering_id: str) -> None:
    """Do what a change of an offering's classes or limits asks for.

    Seats must be held.

    Raises
    ------
    Conflict
        When those who are enrolled would not have one class of each subpart any more.
    """
    unfit = await repository.unfit_student(work.transaction, session, offering_id)
    if unfit is not None:
        raise Conflict(
            "Students are enrolled whose classes would not be one of each subpart, "
            f"with their parents: enrolment {unfit}."
        )
    others = await repository.waited_for_by_students_of(
        work.transaction, session, offering_id
    )
    await promote(work, session, [offering_id, *others])


async def displace(work: Work, session: Keys, enrolment_ids: Iterable[str]) -> None:
    """Take the seats of enrolments away; they wait for the same classes, at the end.

    Parameters
    ----------
    work : the request's; seats are held.
    session : ids of the university and of the session.
    enrolment_ids : whose, in the order of the turns that they get.
    """
    for enrolment_id in enrolment_ids:
        record = await RECORDS.find(work.transaction, (*session, enrolment_id))
        await give_back(work, session, record)
        turn = await repository.next_turn(
            work, session, record["offering_id"], record["course_offering_id"]
        )
        await RECORDS.change(
            work,
            record,
            {
                "state": "queued",
                "waitlist_seq": turn,
                "configuration_id": None,
                "enrolled_at": None,
            },
        )


async def give_back(work: Work, session: Keys, record: Record) -> None:
    """Give back the seats that an enrolment has, if it has some."""
    chain = held_chain(record)
    if chain is not None:
        gone = seats.seats_of(chain, record["course_offering_id"])
        await seats.move(work, session, seats.difference(gone, []))
        await repository.set_classes(work, session, record.id, [])


def held_chain(record: Record) -> Chain | None:
    """Return the classes in which an enrolment has seats, None when it waits."""
    if record["state"] != "associated":
        return None
    return Chain(record["configuration_id"], tuple(record.value()["class_ids"]))


async def possible(
    reader: Reader, session: Keys, offered: Offered, waiting: Waiting
) -> Chain | None:
    """Return what somebody who waits could take now, None when there is nothing."""
    if not offered.is_course_open(waiting.course_offering_id) or any(
        id_ in offered.classes and not offered.classes[id_].is_open
        for id_ in waiting.class_ids
    ):
        return None
    taken = await repository.read_taken(
        reader, session, waiting.student_id, apart_from=waiting.enrolment_id
    )
    wish = Wish(
        waiting.course_offering_id, waiting.class_ids, waiting.is_overlap_allowed
    )
    try:
        decision = decide(offered, wish, taken)
    except (Conflict, ClassesUnfit):
        return None
    return decision.chain if decision.full is None else None


async def _seat(
    work: Work, session: Keys, offered: Offered, waiting: Waiting, chain: Chain
) -> None:
    record = await RECORDS.find(work.transaction, (*session, waiting.enrolment_id))
    await take(work, session, offered, record, chain, None)
    await RECORDS.change(work, record, seated(work, chain))


async def take(
    work: Work,
    session: Keys,
    offered: Offered,
    record: Record,
    chain: Chain,
    before: Chain | None,
) -> None:
    """Take the seats of a chain for an enrolment in place of those that it had.

    Raises
    ------
    ClassFull
        When no seat is left somewhere.
    """
    course = record["course_offering_id"]
    old = [] if before is None else seats.seats_of(before, course)
    await seats.move(
        work, session, seats.difference(old, seats.seats_of(chain, course))
    )
    pairs = [(id_, offered.classes[id_].subpart_id) for id_ in chain.class_ids]
    await repository.set_classes(work, session, record.id, pairs)


def seated(work: Work, chain: Chain) -> dict[str, object]:
    """Return what the columns get of somebody who has got seats."""
    return {
        "state": "associated",
        "waitlist_seq": None,
        "configuration_id": chain.configuration_id,
        "class_ids": list(chain.class_ids),
        "enrolled_at": work.now,
    }
