"""Enrol whoever a file names, whether or not it has named them before."""

from __future__ import annotations

from collegium.catalogue.nouns import referred
from collegium.db.addresses import Keys
from collegium.db.work import Work
from collegium.enrolments import repository
from collegium.enrolments.schemas import EnrolmentIn
from collegium.enrolments.service import ENROLMENTS, STUDENT, course_offering
from collegium.interchange.reports import Action


async def enrolled(work: Work, session: Keys, body: EnrolmentIn) -> Action:
    """Enrol a student, or exchange the classes of one who is enrolled.

    Parameters
    ----------
    session : ids of the university and of the session.

    Raises
    ------
    Malformed, Conflict
        As ``ENROLMENTS`` raises them.
    """
    owners = {"university_id": session[0], "session_id": session[1]}
    student = await referred(work, owners, STUDENT, body.student_id, "/student_id")
    at = "/course_offering_id"
    _, offering = await course_offering(work, session, body.course_offering_id, at)
    live = await repository.live_enrolment(work.transaction, session, student, offering)
    if live is None:
        await ENROLMENTS.add(work, session, body)
        return "create"
    before = await ENROLMENTS.find(work.transaction, (*session, live))
    held = sorted(before.value()["class_ids"])
    if body.class_ids is None or sorted(body.class_ids) == held:
        return "unchanged"
    after, _ = await ENROLMENTS.assign(work, _pass, (*session, live), body)
    return "unchanged" if after.version == before.version else "update"


def _pass(etag: str | None) -> None:
    """Let any state be changed: the file says what is to be."""
