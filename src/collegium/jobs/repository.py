"""SQL of jobs: every write of a running one is fenced by its epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from collegium.db.database import Database, Dialect, Reader, Row, Transaction
from collegium.db.work import Work
from collegium.errors import StateForbids

LEASE_S = 15.0
"""How long an owner may be silent before another coordinator takes its job."""

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})

_NOW_S: dict[Dialect, str] = {
    "sqlite": "unixepoch('subsec')",
    "postgresql": "extract(epoch from clock_timestamp())",
}
"""The database's clock, so that coordinators need not agree on the time."""

_SHOWN = (
    "id, workload, input, state, progress, error, result_sha256, result_media_type, "
    "is_cancel_requested, version, created_at, started_at, finished_at, updated_at"
)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as clients see it.

    Parameters
    ----------
    input, progress : JSON texts.
    version : differs whenever anything that is shown has changed.
    """

    id: str
    workload: str
    input: str
    state: JobState
    progress: str
    error: str | None
    result_sha256: str | None
    result_media_type: str | None
    is_cancel_requested: bool
    version: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    updated_at: str

    @property
    def etag(self) -> str:
        """Its strong entity tag."""
        return f'"{self.version}"'

    @property
    def is_final(self) -> bool:
        """Whether it will not change any more."""
        return self.state in FINAL_STATES

    def to_json(self) -> bytes:
        """Return its representation."""
        result = None
        if self.result_sha256 is not None:
            result = {
                "href": f"/v1/blobs/{self.result_sha256}",
                "media_type": self.result_media_type,
            }
        return msgspec.json.encode(
            {
                "id": self.id,
                "workload": self.workload,
                "state": self.state,
                "is_cancel_requested": self.is_cancel_requested,
                "input": msgspec.Raw(self.input.encode()),
                "progress": msgspec.Raw(self.progress.encode()),
                "error": self.error,
                "result": result,
                "created_at": self.created_at,
                "started_at": self.started_at,
                "finished_at": self.finished_at,
                "updated_at": self.updated_at,
            }
        )


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this coordinator owns until its lease ends.

    Parameters
    ----------
    epoch : number of this ownership; writes of earlier ones change nothing.
    plan : JSON of the plan, None when the job has not been started.
    elapsed_s : seconds that it has run under earlier owners.
    """

    id: str
    workload: str
    input: str
    epoch: int
    plan: str | None
    elapsed_s: float
    is_cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """What is written at the end of a job."""

    state: JobState
    error: str | None
    progress: str
    result_sha256: str | None
    result_media_type: str | None


async def find(
    reader: Reader, job_id: str, *, university_id: str | None = None
) -> Job | None:
    """Return a job, or None.

    Parameters
    ----------
    university_id : whose it must be; None for anybody's.
    """
    sql, params = f"SELECT {_SHOWN} FROM jobs WHERE id = ?", [job_id]
    if university_id is not None:
        sql += " AND university_id = ?"
        params.append(university_id)
    row = await reader.fetch_one(sql, params)
    return None if row is None else _job(row)


async def version(reader: Reader, job_id: str) -> int | None:
    """Return a job's version, or None; cheaper than the job."""
    row = await reader.fetch_one("SELECT version FROM jobs WHERE id = ?", (job_id,))
    return None if row is None else int(row[0])


async def page(
    reader: Reader,
    *,
    limit: int,
    state: str | None,
    after: str | None,
    is_backward: bool,
    university_id: str | None = None,
) -> list[Job]:
    """Return up to ``limit`` jobs behind an id, the latest first.

    Parameters
    ----------
    university_id : whose they must be; None for anybody's.
    is_backward : return those before the id instead, the earliest first.
    """
    wheres: list[str] = []
    params: list[Any] = []
    if state is not None:
        wheres.append("state = ?")
        params.append(state)
    if university_id is not None:
        wheres.append("university_id = ?")
        params.append(university_id)
    if after is not None:
        wheres.append(f"id {'>' if is_backward else '<'} ?")
        params.append(after)
    where = f"WHERE {' AND '.join(wheres)} " if wheres else ""
    way = "ASC" if is_backward else "DESC"
    rows = await reader.fetch_all(
        f"SELECT {_SHOWN} FROM jobs {where}ORDER BY id {way} LIMIT ?", (*params, limit)
    )
    return [_job(row) for row in rows]


async def last_version(reader: Reader) -> int:
    """Return the version of the latest change of any job, 0 without jobs."""
    row = await reader.fetch_one("SELECT max(version) FROM jobs")
    return 0 if row is None or row[0] is None else int(row[0])


async def add(
    work: Work,
    job_id: str,
    workload: str,
    job_input: str,
    *,
    university_id: str | None = None,
) -> Job:
    """Add a queued job.

    Parameters
    ----------
    university_id : whose keys may see it; None for operators only.
    """
    version = await work.transaction.next_revision()
    await work.transaction.execute(
        "INSERT INTO jobs (id, workload, input, state, progress, is_cancel_requested, "
        "version, epoch, lease_until_s, elapsed_s, created_at, updated_at, "
        "university_id) VALUES (?, ?, ?, 'queued', '{}', 0, ?, 0, 0, 0, ?, ?, ?)",
        (job_id, workload, job_input, version, work.now, work.now, university_id),
    )
    job = await find(work.transaction, job_id)
    assert job is not None
    return job


async def ask_to_cancel(work: Work, job: Job) -> Job:
    """Note that a job shall end; one that nobody has started ends at once."""
    version = await work.transaction.next_revision()
    await work.transaction.execute(
        "UPDATE jobs SET is_cancel_requested = 1, version = ?, updated_at = ?, "
        "finished_at = CASE WHEN state = 'queued' THEN ? END, "
        "state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END "
        "WHERE id = ?",
        (version, work.now, work.now, job.id),
    )
    changed = await find(work.transaction, job.id)
    assert changed is not None
    return changed


async def claim(
    database: Database, owner: str, now: str, *, lease_s: float = LEASE_S
) -> Claimed | None:
    """Take over the oldest job that nobody holds; None when there is none."""
    now_s = _NOW_S[database.dialect]
    waiting = (
        "SELECT id, workload, input, epoch, plan, elapsed_s, is_cancel_requested "
        f"FROM jobs WHERE state IN ('queued', 'running') AND lease_until_s < {now_s} "
        "ORDER BY id LIMIT 1"
    )
    # Most looks find nothing: they need no transaction.
    if await database.fetch_one(waiting) is None:
        return None
    async with database.transaction() as transaction:
        row = await transaction.fetch_one(waiting)
        if row is None:
            return None
        job_id, workload, job_input, epoch, plan, elapsed_s, is_cancel_requested = row
        count = await transaction.execute(
            "UPDATE jobs SET state = 'running', owner = ?, epoch = epoch + 1, "
            f"lease_until_s = {now_s} + ?, version = ?, updated_at = ?, "
            "started_at = coalesce(started_at, ?) WHERE id = ? AND epoch = ?",
            (
                owner,
                lease_s,
                await transaction.next_revision(),
                now,
                now,
                job_id,
                epoch,
            ),
        )
    if count != 1:
        return None
    return Claimed(
        job_id,
        workload,
        job_input,
        epoch + 1,
        plan,
        elapsed_s,
        bool(is_cancel_requested),
    )


async def save(
    transaction: Transaction,
    dialect: Dialect,
    claimed: Claimed,
    *,
    plan: str,
    progress: str,
    elapsed_s: float,
    now: str,
    lease_s: float = LEASE_S,
) -> bool:
    """Store a running job's state and hold it for longer.

    Returns whether somebody has asked to cancel it.

    Raises
    ------
    StateForbids
        When another coordinator holds it now.
    """
    count = await transaction.execute(
        "UPDATE jobs SET plan = ?, progress = ?, elapsed_s = ?, version = ?, "
        f"updated_at = ?, lease_until_s = {_NOW_S[dialect]} + ? "
        "WHERE id = ? AND epoch = ? AND state = 'running'",
        (
            plan,
            progress,
            elapsed_s,
            await transaction.next_revision(),
            now,
            lease_s,
            claimed.id,
            claimed.epoch,
        ),
    )
    _refuse_fenced(count, claimed)
    row = await transaction.fetch_one(
        "SELECT is_cancel_requested FROM jobs WHERE id = ?", (claimed.id,)
    )
    return row is not None and bool(row[0])


async def finish(
    transaction: Transaction, claimed: Claimed, end: Finish, now: str
) -> None:
    """Store how a job ended.

    Raises
    ------
    StateForbids
        When another coordinator holds it now.
    """
    count = await transaction.execute(
        "UPDATE jobs SET state = ?, error = ?, progress = ?, result_sha256 = ?, "
        "result_media_type = ?, version = ?, updated_at = ?, finished_at = ?, "
        "lease_until_s = 0, plan = NULL "
        "WHERE id = ? AND epoch = ? AND state = 'running'",
        (
            end.state,
            end.error,
            end.progress,
            end.result_sha256,
            end.result_media_type,
            await transaction.next_revision(),
            now,
            now,
            claimed.id,
            claimed.epoch,
        ),
    )
    _refuse_fenced(count, claimed)


async def let_go(transaction: Transaction, claimed: Claimed) -> None:
    """Give a job up, so that the next coordinator need not wait for the lease's end."""
    await transaction.execute(
        "UPDATE jobs SET lease_until_s = 0 WHERE id = ? AND epoch = ?",
        (claimed.id, claimed.epoch),
    )


def _refuse_fenced(count: int, claimed: Claimed) -> None:
    if count != 1:
        raise StateForbids(f"Another coordinator holds the job {claimed.id} now.")


def _job(row: Row) -> Job:
    fields = dict(zip(_SHOWN.split(", "), row, strict=True))
    fields["is_cancel_requested"] = bool(fields["is_cancel_requested"])
    return Job(**fields)
