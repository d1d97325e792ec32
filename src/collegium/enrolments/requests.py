"""What may be done with course requests."""

from __future__ import annotations

from typing import Any

from collegium.catalogue.nouns import UNIVERSITY, Noun
from collegium.catalogue.states import Part, require_writable
from collegium.db.addresses import Keys
from collegium.db.records import Record, Records
from collegium.db.tables import course_offerings, course_requests
from collegium.db.work import Work
from collegium.enrolments.schemas import RequestIn
from collegium.enrolments.service import STUDENT, course_offering
from collegium.enrolments.waitlist import SESSION
from collegium.errors import Malformed
from collegium.rest.answers import PRIVATE


class Requests(Noun[RequestIn]):
    """What students want to take."""

    async def values(
        self, work: Work, ids: Keys, body: RequestIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get, with course offerings by id.

        Raises
        ------
        Malformed
            When a course offering is not of the session, or named twice.
        StateForbids
            When the session is not open for enrolment.
        """
        await require_writable(work, ids, Part.ENROLMENT)
        values = await super().values(work, ids, body, before)
        wanted, _ = await course_offering(
            work, ids, body.course_offering_id, "/course_offering_id"
        )
        found: list[str] = []
        for number, key in enumerate(body.alternatives):
            at = f"/alternatives/{number}"
            other, _ = await course_offering(work, ids, key, at)
            if other in (wanted, *found):
                raise Malformed(
                    "A course offering is named twice.", pointers={at: "again"}
                )
            found.append(other)
        return {**values, "course_offering_id": wanted, "alternatives": found}

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Keep which course offerings the alternatives name."""
        if before is not None and before["alternatives"] == after["alternatives"]:
            return
        owner = (after["university_id"], after.id)
        await work.transaction.execute(
            "DELETE FROM course_request_alternatives "
            "WHERE university_id = ? AND request_id = ?",
            owner,
        )
        await work.transaction.execute_many(
            "INSERT INTO course_request_alternatives "
            "(university_id, request_id, session_id, course_offering_id) "
            "VALUES (?, ?, ?, ?)",
            [
                (*owner, after["session_id"], id_)
                for id_ in after.value()["alternatives"]
            ],
        )

    async def let_go(self, work: Work, record: Record) -> None:
        """Refuse where the session forbids it."""
        session = (record["university_id"], record["session_id"])
        await require_writable(work, session, Part.ENROLMENT)


REQUESTS = Requests(
    Records(course_requests, noun="course request", parents=(UNIVERSITY, SESSION)),
    RequestIn,
    references=(STUDENT,),
    cache_control=PRIVATE,
)
COURSE_OFFERINGS = Records(
    course_offerings, noun="course offering", parents=(UNIVERSITY, SESSION)
)
