"""What may be done with publications."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.blobs.store import BlobStore
from collegium.catalogue.nouns import UNIVERSITY
from collegium.catalogue.states import Part, require_writable
from collegium.db.database import Database, Reader
from collegium.db.records import Guard, Record, Records
from collegium.db.tables import publications
from collegium.db.work import Work
from collegium.errors import (
    AlreadyExists,
    Conflict,
    Malformed,
    NotFound,
    PreconditionFailed,
)
from collegium.interchange.repository import problem_state
from collegium.interchange.service import SESSION
from collegium.interchange.snapshot_rows import SessionRows, read_rows
from collegium.publications import repository
from collegium.publications.checking import Checked, check_timetable
from collegium.publications.schemas import PublicationIn

PUBLICATIONS = Records(publications, noun="publication", parents=(UNIVERSITY, SESSION))
_TIMETABLE = "timetable"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a timetable comes from: hashes of its problem and of itself."""

    problem: str
    solution: str
    job_id: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A timetable that has been judged, and the state of the session that it fits."""

    source: Source
    checked: Checked
    session_state: str
    rows: SessionRows


@dataclass(frozen=True, slots=True)
class PublicationDocument:
    """A publication with its placements."""

    record: Record
    placements: bytes

    @property
    def id(self) -> str:
        """Its number: the last part of its address."""
        return str(self.record["number"])

    @property
    def etag(self) -> str:
        """Never changes."""
        return self.record.etag

    def to_json(self) -> bytes:
        """Return the representation."""
        return b'%b,"placements":%b}' % (self.record.to_json()[:-1], self.placements)


async def prepare(
    database: Database,
    store: BlobStore,
    university_id: str,
    session_id: str,
    body: PublicationIn,
    *,
    is_bound: bool = False,
) -> Candidate:
    """Judge a timetable outside of any transaction.

    Parameters
    ----------
    database, store : where everything is.
    university_id, session_id : what the timetable is for.
    body : names the timetable.
    is_bound : whether the client may see only this university.

    Raises
    ------
    Malformed, NotFound
        When there is no such timetable.
    Conflict
        When it breaks a rule.
    """
    source = await _source(database, body, university_id, is_bound=is_bound)
    problem = await store.fetch(source.problem)
    solution = await store.fetch(source.solution)
    async with database.snapshot() as reader:
        state = await problem_state(reader, university_id, session_id)
        rows = await read_rows(reader, university_id, session_id, with_students=False)
    checked = await asyncio.to_thread(check_timetable, problem, solution, rows)
    return Candidate(source, checked, state, rows)


async def _source(
    reader: Reader, body: PublicationIn, university_id: str, *, is_bound: bool
) -> Source:
    if body.job is None:
        assert body.problem is not None
        assert body.solution is not None
        return Source(body.problem, body.solution, None)
    row = await repository.find_job(reader, body.job)
    visible = (university_id,) if is_bound else (university_id, None)
    if row is None or row[0] != _TIMETABLE or row[4] not in visible:
        raise Malformed(
            f"There is no timetable job {body.job!r}.",
            pointers={"/job": "no such job"},
        )
    _, state, text, result, _ = row
    if state != "succeeded" or result is None:
        raise Conflict(f"The job has no timetable: it is {state}.")
    return Source(msgspec.json.decode(text)["problem"], result, body.job)


async def publish(
    work: Work,
    guard: Guard,
    university_id: str,
    session_id: str,
    candidate: Candidate,
) -> Record:
    """Put a judged timetable in force.

    Raises
    ------
    PreconditionFailed, PreconditionRequired
        When If-Match does not name the publication in force.
    StateForbids
        When the session is closed.
    Conflict
        When the session has changed since the timetable was judged.
    """
    await repository.hold_session(work, university_id, session_id)
    await require_writable(work, (university_id, session_id), Part.TIMETABLE)
    before = await repository.current_number(
        work.transaction, university_id, session_id
    )
    guard(await _etag(work.transaction, university_id, session_id, before))
    await _require_unchanged(work, university_id, session_id, candidate)
    number = await repository.next_number(work.transaction, university_id, session_id)
    checked, source = candidate.checked, candidate.source
    values: dict[str, Any] = {
        "number": number,
        "problem_sha256": source.problem,
        "solution_sha256": source.solution,
        "job_id": source.job_id,
        "score": checked.score,
        "n_classes": len(checked.rows),
        "published_by": work.actor,
    }
    try:
        record = await PUBLICATIONS.add(work, (university_id, session_id), values)
    except AlreadyExists:
        raise PreconditionFailed from None
    await repository.keep_blobs(work, (source.problem, source.solution))
    await repository.add_placements(work, record, checked.rows)
    await repository.put_in_force(work, university_id, session_id, before, number)
    return record


async def _require_unchanged(
    work: Work, university_id: str, session_id: str, candidate: Candidate
) -> None:
    """Refuse a timetable of a session whose classes are others by now.

    Counters change with every enrolment, and with them the collections: only when they
    have changed is it worth to look at what matters.
    """
    state = await problem_state(work.transaction, university_id, session_id)
    if state == candidate.session_state:
        return
    rows = await read_rows(
        work.transaction, university_id, session_id, with_students=False
    )
    if rows != candidate.rows:
        raise Conflict(
            "The session was changed while the timetable was being checked: "
            "publish it again."
        )


async def _etag(
    reader: Reader, university_id: str, session_id: str, number: int | None
) -> str | None:
    if number is None:
        return None
    return (await _record(reader, university_id, session_id, number)).etag


async def _record(
    reader: Reader, university_id: str, session_id: str, number: int
) -> Record:
    id_ = await repository.find_id(reader, university_id, session_id, number)
    if id_ is None:
        raise NotFound(f"There is no publication {number}.")
    return await PUBLICATIONS.find(reader, (university_id, session_id, id_))


async def find_publication(
    reader: Reader, university_id: str, session_id: str, number: int | None
) -> PublicationDocument:
    """Return a publication by its number, or the one in force.

    Raises
    ------
    NotFound
        When there is none.
    """
    if number is None:
        number = await repository.current_number(reader, university_id, session_id)
        if number is None:
            raise NotFound("Nothing has been published in this session.")
    record = await _record(reader, university_id, session_id, number)
    return PublicationDocument(record, await repository.placements_json(reader, record))
