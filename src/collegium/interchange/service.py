"""Sessions in and out over blobs and files."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from collegium.blobs import repository as blobs
from collegium.blobs.repository import Blob
from collegium.blobs.store import digest
from collegium.catalogue.nouns import UNIVERSITY
from collegium.db.addresses import Keys, Parent
from collegium.db.database import Database, Reader
from collegium.db.records import Records
from collegium.db.tables import instructional_offerings
from collegium.db.work import Work
from collegium.interchange.repository import problem_state
from collegium.interchange.snapshot import Snapshot, build_snapshot
from collegium.interchange.snapshot_rows import SessionRows, read_rows
from collegium.timetabling.itc2019 import write_problem
from collegium.universities.service import UNIVERSITIES

SESSION = Parent("session_id", "sessions", "session")
PROBLEM_MEDIA_TYPE = "application/xml"
SHOWN = 50
"""Of the classes that cannot be placed."""
OFFERINGS = Records(
    instructional_offerings, noun="offering", parents=(UNIVERSITY, SESSION)
)


@dataclass(frozen=True, slots=True)
class WrittenProblem:
    """A session as a file.

    Parameters
    ----------
    state : differs from that of any other content, as ``problem_state`` has it.
    """

    xml: bytes
    snapshot: Snapshot
    state: str


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot as a blob."""

    sha256: str
    snapshot: Snapshot
    unplaceable: list[str]


async def university_id(reader: Reader, key: str) -> str:
    """Return the id of a university by its id or code.

    Raises
    ------
    NotFound
        When it is not there.
    """
    return (await UNIVERSITIES.find(reader, (key,))).id


async def session_ids(reader: Reader, keys: Keys) -> tuple[str, str]:
    """Return the ids of a university and a session by their ids or codes.

    Raises
    ------
    NotFound
        When one of them is not there.
    """
    university_id, session_id = await OFFERINGS.scope(reader, keys)
    return university_id, session_id


async def written_problem(
    database: Database, university_id: str, session_id: str
) -> WrittenProblem:
    """Return a session as ITC-2019 XML."""
    async with database.snapshot() as reader:
        state = await problem_state(reader, university_id, session_id)
        rows = await read_rows(reader, university_id, session_id)
    return await asyncio.to_thread(_written, rows, state)


def _written(rows: SessionRows, state: str) -> WrittenProblem:
    snapshot = build_snapshot(rows)
    return WrittenProblem(write_problem(snapshot.problem), snapshot, state)


async def store_snapshot(
    database: Database, university_id: str, session_id: str
) -> tuple[StoredSnapshot, Blob]:
    """Return a session's problem as a blob that is to be stored."""
    written = await written_problem(database, university_id, session_id)
    snapshot = written.snapshot
    unplaceable = [
        class_.id
        for class_ in snapshot.problem.classes
        if not class_.times or (class_.needs_room and not class_.rooms)
    ]
    blob = Blob(PROBLEM_MEDIA_TYPE, written.xml)
    return StoredSnapshot(await digest(written.xml), snapshot, unplaceable), blob


async def keep_snapshot(work: Work, stored: StoredSnapshot, blob: Blob) -> None:
    """Store a snapshot for good; once more is the same as once."""
    await blobs.add_uploaded(work.transaction, stored.sha256, blob, work.now)
