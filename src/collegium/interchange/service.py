"""Sessions in and out over blobs and files."""

from __future__ import annotations

import asyncio
import hashlib
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
from collegium.interchange.snapshot import Snapshot, build_snapshot
from collegium.interchange.snapshot_rows import SessionRows, read_rows
from collegium.timetabling.itc2019 import write_problem

SESSION = Parent("session_id", "sessions", "session")
PROBLEM_MEDIA_TYPE = "application/xml"
SHOWN = 50
"""Of the classes that cannot be placed."""
OFFERINGS = Records(
    instructional_offerings, noun="offering", parents=(UNIVERSITY, SESSION)
)
_OF_SESSION = (
    "instructional_offerings",
    "classes",
    "distributions",
    "course_requests",
)
_OF_UNIVERSITY = ("rooms", "travel_times")


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot as a blob."""

    sha256: str
    snapshot: Snapshot
    unplaceable: list[str]


async def session_ids(reader: Reader, keys: Keys) -> tuple[str, str]:
    """Return the ids of a university and a session by their ids or codes.

    Raises
    ------
    NotFound
        When one of them is not there.
    """
    university_id, session_id = await OFFERINGS.scope(reader, keys)
    return university_id, session_id


async def problem_state(reader: Reader, university_id: str, session_id: str) -> str:
    """Return a text that differs once the session's problem may have changed."""
    rows = await reader.fetch_all(
        "SELECT scope, name, revision FROM collections "
        "WHERE scope IN (?, ?) ORDER BY scope, name",
        (university_id, session_id),
    )
    session = await reader.fetch_one(
        "SELECT version FROM sessions WHERE university_id = ? AND id = ?",
        (university_id, session_id),
    )
    known = {
        university_id: _OF_UNIVERSITY,
        session_id: _OF_SESSION,
    }
    parts = [f"{name} {value}" for scope, name, value in rows if name in known[scope]]
    text = f"{session_id} {session and session[0]} {'; '.join(parts)}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


async def written_problem(
    database: Database, university_id: str, session_id: str
) -> tuple[bytes, Snapshot]:
    """Return a session as ITC-2019 XML."""
    async with database.snapshot() as reader:
        rows = await read_rows(reader, university_id, session_id)
    return await asyncio.to_thread(_written, rows)


def _written(rows: SessionRows) -> tuple[bytes, Snapshot]:
    snapshot = build_snapshot(rows)
    return write_problem(snapshot.problem), snapshot


async def store_snapshot(
    database: Database, university_id: str, session_id: str
) -> tuple[StoredSnapshot, Blob]:
    """Return a session's problem as a blob that is to be stored."""
    xml, snapshot = await written_problem(database, university_id, session_id)
    unplaceable = [
        class_.id
        for class_ in snapshot.problem.classes
        if not class_.times or (class_.needs_room and not class_.rooms)
    ]
    blob = Blob(PROBLEM_MEDIA_TYPE, xml)
    return StoredSnapshot(await digest(xml), snapshot, unplaceable), blob


async def keep_snapshot(work: Work, stored: StoredSnapshot, blob: Blob) -> None:
    """Store a snapshot for good; once more is the same as once."""
    await blobs.add_uploaded(work.transaction, stored.sha256, blob, work.now)
