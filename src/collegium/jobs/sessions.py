"""Jobs about an academic session: they read it as it is when they are submitted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from collegium.blobs.repository import Blob
from collegium.db.database import Database
from collegium.db.work import Work
from collegium.errors import Conflict, Malformed, NotFound
from collegium.interchange import service as interchange
from collegium.interchange.service import StoredSnapshot
from collegium.jobs.schemas import JobIn
from collegium.workloads.base import JobWorkload

MEMBER = "session"
PROBLEM = "problem"
_ADDRESS = re.compile(r"/v1/universities/([^/?#]+)/sessions/([^/?#]+)")


@dataclass(frozen=True, slots=True)
class Submission:
    """A job as it is to be submitted, and the snapshot that it reads.

    Parameters
    ----------
    snapshot : None when the job is not about a session.
    university_id : whose session it is, None without one.
    """

    body: JobIn
    snapshot: tuple[StoredSnapshot, Blob] | None = None
    university_id: str | None = None

    async def keep(self, work: Work) -> None:
        """Store the snapshot, so that the job finds it."""
        if self.snapshot is not None:
            await interchange.keep_snapshot(work, *self.snapshot)


async def read_session(
    database: Database,
    workloads: Mapping[str, JobWorkload],
    body: JobIn,
    *,
    university_id: str | None = None,
) -> Submission:
    """Put a snapshot for the session that a job names.

    A workload that takes a problem may be given ``{"session": address}`` instead, where
    the address is that of an academic session of this coordinator.

    Parameters
    ----------
    database : where the session is.
    workloads : what can be done.
    body : what a client wants done.
    university_id : the only one whose sessions may be named; None for any.

    Raises
    ------
    Malformed
        When there is no such session.
    Conflict
        When some of its classes have no time or no room to choose from.
    """
    workload = workloads.get(body.workload)
    given = body.input
    if workload is None or not isinstance(given, dict) or MEMBER not in given:
        return Submission(body)
    members = workload.JobInput.model_fields
    if MEMBER in members or PROBLEM not in members or PROBLEM in given:
        return Submission(body)
    keys = _keys(given[MEMBER])
    try:
        ids = await interchange.session_ids(database, keys)
    except NotFound as error:
        raise _no_session(error.detail) from None
    if university_id not in (None, ids[0]):
        # In the words for one that is not there.
        raise _no_session(f"There is no university {keys[0]!r}.")
    stored, blob = await interchange.store_snapshot(database, *ids)
    if stored.unplaceable:
        shown = ", ".join(stored.unplaceable[: interchange.SHOWN])
        raise Conflict(
            f"These classes have no time, or no room, to choose from: {shown}."
        )
    rest = {name: value for name, value in given.items() if name != MEMBER}
    changed = body.model_copy(update={"input": {**rest, PROBLEM: stored.sha256}})
    return Submission(changed, (stored, blob), ids[0])


def _keys(address: object) -> tuple[str, str]:
    match = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if match is None:
        raise _no_session("The session is named by its address, as in a Location.")
    return unquote(match[1]), unquote(match[2])


def _no_session(detail: str) -> Malformed:
    return Malformed(detail, pointers={f"/input/{MEMBER}": "no such session"})
