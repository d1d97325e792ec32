"""What may be done with enrolments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collegium.catalogue.nouns import Noun, referred
from collegium.catalogue.states import Part, require_writable
from collegium.db.addresses import Keys, Reference
from collegium.db.records import Guard, Record
from collegium.db.work import Work
from collegium.enrolments import repository, seats, waitlist
from collegium.enrolments.chains import Offered
from collegium.enrolments.decisions import Decision, Wish, decide
from collegium.enrolments.schemas import EnrolmentIn
from collegium.errors import AlreadyEnrolled, ClassFull, Malformed
from collegium.rest.answers import PRIVATE
from collegium.rest.patch import Patch

STUDENT = Reference("student_id", "people", "person")
_CLASS = Reference(
    "class_ids", "classes", "class", within=("university_id", "session_id")
)
_FIXED = ("student_id", "course_offering_id", "offering_id")


class Enrolments(Noun[EnrolmentIn]):
    """Enrolments: seats taken, exchanged, given back, and waited for."""

    async def add(self, work: Work, keys: Keys, body: EnrolmentIn) -> Record:
        """Enrol a student.

        Raises
        ------
        AlreadyEnrolled
            When the student takes the offering already, or waits for it.
        ClassesUnfit, TimeConflict
            When the classes do not go together, or not with others of the student.
        ClassFull
            When no seat is left and the student would not wait.
        StateForbids
            When the session is not open for enrolment.
        """
        session = await self._opened(work, keys)
        values = await self.values(work, session, body, None)
        await _refuse_second(work, session, values)
        offered = await repository.read_offered(
            work.transaction, session, values["offering_id"]
        )
        taken = await repository.read_taken(
            work.transaction, session, values["student_id"], apart_from=""
        )
        decision = decide(offered, _wish(values), taken)
        if decision.full is not None:
            values |= await _turn(work, session, values, decision.full)
            return await self.records.add(work, session, values)
        assert decision.chain is not None
        values |= waitlist.seated(work, decision.chain)
        record = await self.records.add(work, session, values)
        await waitlist.take(work, session, offered, record, decision.chain, None)
        return record

    async def assign(
        self, work: Work, guard: Guard, keys: Keys, body: EnrolmentIn
    ) -> tuple[Record, bool]:
        """Exchange classes: all or nothing."""
        session = await self._opened(work, keys[:-1])
        record = await self.records.find(work.transaction, (*session, keys[-1]))
        guard(record.etag)
        return await self._exchanged(work, session, record, body), False

    async def change(
        self, work: Work, guard: Guard, keys: Keys, changes: Patch[EnrolmentIn]
    ) -> Record:
        """Exchange classes: all or nothing."""
        session = await self._opened(work, keys[:-1])
        record = await self.records.find(work.transaction, (*session, keys[-1]))
        value = record.value()
        current = {name: value[name] for name in EnrolmentIn.model_fields}
        body = changes.apply(EnrolmentIn, current)
        guard(record.etag)
        return await self._exchanged(work, session, record, body)

    async def remove(self, work: Work, guard: Guard, keys: Keys) -> None:
        """Give back the seats, or the turn; who waits for the seats gets them."""
        session = await self._opened(work, keys[:-1])
        record = await self.records.find(work.transaction, (*session, keys[-1]))
        guard(record.etag)
        await waitlist.give_back(work, session, record)
        await self.records.remove(work, record)
        await waitlist.after_change(
            work, session, record["offering_id"], record["student_id"]
        )

    async def values(
        self, work: Work, ids: Keys, body: EnrolmentIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get as far as the client says it."""
        owners = {"university_id": ids[0], "session_id": ids[1]}
        student = await referred(work, owners, STUDENT, body.student_id, "/student_id")
        course = await course_offering(
            work, ids, body.course_offering_id, "/course_offering_id"
        )
        classes: list[str] = []
        for number, key in enumerate(body.class_ids or ()):
            at = f"/class_ids/{number}"
            classes.append(await referred(work, owners, _CLASS, key, at))
        return {
            "student_id": student,
            "course_offering_id": course[0],
            "offering_id": course[1],
            "class_ids": classes,
            "is_waitlist_ok": body.is_waitlist_ok,
            "is_overlap_allowed": body.is_overlap_allowed,
            "ended_at": None,
        }

    async def _opened(self, work: Work, keys: Keys) -> Keys:
        """Return the ids of the session, whose seats nobody else changes now."""
        session = await self.records.scope(work.transaction, keys)
        await require_writable(work, session, Part.ENROLMENT)
        await seats.hold(work, session[-1])
        return session

    async def _exchanged(
        self, work: Work, session: Keys, record: Record, body: EnrolmentIn
    ) -> Record:
        values = await self.values(work, session, body, record)
        _refuse_another(record, values)
        current = record.value()
        if body.class_ids is None:
            values["class_ids"] = current["class_ids"]
        if sorted(values["class_ids"]) == sorted(current["class_ids"]):
            values["class_ids"] = current["class_ids"]
        if all(current[name] == value for name, value in values.items()):
            return record
        chain = waitlist.held_chain(record)
        if chain is None:
            await _check_awaited(work, session, values)
        else:
            held = {s for _, s in seats.seats_of(chain, values["course_offering_id"])}
            decision, offered = await _decided(work, session, record, values, held)
            if decision.full is not None or decision.chain is None:
                raise ClassFull(
                    f"No seat is left: {decision.full} is full. Nothing has changed.",
                    pointers={"/class_ids": "full"},
                )
            await waitlist.take(work, session, offered, record, decision.chain, chain)
            values["configuration_id"] = decision.chain.configuration_id
            values["class_ids"] = list(decision.chain.class_ids)
        await self.records.change(work, record, values)
        await waitlist.after_change(
            work, session, record["offering_id"], record["student_id"]
        )
        return await self.records.find(work.transaction, (*session, record.id))


async def course_offering(
    work: Work, session: Keys, key: str, pointer: str
) -> tuple[str, str]:
    """Return ids of the course offering that a body names, and of its offering.

    Raises
    ------
    Malformed
        When the session offers no such course.
    """
    found = await repository.find_course_offering(work.transaction, session, key)
    if found is None:
        raise Malformed(
            f"The session offers no course {key!r}.",
            pointers={pointer: "no such course offering"},
        )
    return found


def _wish(values: Mapping[str, Any]) -> Wish:
    return Wish(
        values["course_offering_id"],
        values["class_ids"],
        values["is_overlap_allowed"],
    )


async def _turn(
    work: Work, session: Keys, values: Mapping[str, Any], full: str
) -> dict[str, Any]:
    """Return what the columns get of somebody who waits.

    Raises
    ------
    ClassFull
        When the student would not.
    """
    if not values["is_waitlist_ok"]:
        raise ClassFull(
            f"No seat is left: {full} is full.", pointers={"/class_ids": "full"}
        )
    turn = await repository.next_turn(
        work, session, values["offering_id"], values["course_offering_id"]
    )
    return {
        "state": "queued",
        "waitlist_seq": turn,
        "configuration_id": None,
        "enrolled_at": None,
    }


async def _refuse_second(work: Work, session: Keys, values: Mapping[str, Any]) -> None:
    other = await repository.live_enrolment(
        work.transaction, session, values["student_id"], values["offering_id"]
    )
    if other is not None:
        raise AlreadyEnrolled(
            f"The student takes the offering, or waits for it, already: {other}.",
            pointers={"/course_offering_id": f"enrolment {other}"},
        )


def _refuse_another(record: Record, values: Mapping[str, Any]) -> None:
    for name in _FIXED:
        if record[name] != values[name]:
            raise Malformed(
                "An enrolment stays with its student and its course offering.",
                pointers={f"/{name}": "cannot change"},
            )


async def _check_awaited(work: Work, session: Keys, values: Mapping[str, Any]) -> None:
    """Refuse to wait for classes that nobody can take together."""
    if values["class_ids"]:
        offered = await repository.read_offered(
            work.transaction, session, values["offering_id"]
        )
        wish = Wish(values["course_offering_id"], values["class_ids"], True)
        decide(offered, wish, [])


async def _decided(
    work: Work,
    session: Keys,
    record: Record,
    values: Mapping[str, Any],
    held: set[str],
) -> tuple[Decision, Offered]:
    offered = await repository.read_offered(
        work.transaction, session, values["offering_id"]
    )
    taken = await repository.read_taken(
        work.transaction, session, values["student_id"], apart_from=record.id
    )
    return decide(offered, _wish(values), taken, held=held), offered


ENROLMENTS = Enrolments(waitlist.RECORDS, EnrolmentIn, cache_control=PRIVATE)
