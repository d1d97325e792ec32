"""``/v1/jobs``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Body, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from collegium.catalogue.context import catalogue_of, database_of, work_of
from collegium.catalogue.operations import repeatable
from collegium.db.database import Reader
from collegium.db.work import Work
from collegium.errors import NotFound
from collegium.interchange.formats import check_options
from collegium.interchange.schemas import FileOptions, ImportQuery
from collegium.interchange.service import university_id
from collegium.jobs import repository, service
from collegium.jobs.feed import Feed
from collegium.jobs.imports import submit
from collegium.jobs.repository import Job
from collegium.jobs.runner import Runner
from collegium.jobs.schemas import JobIn, JobOut, JobPage, JobQuery
from collegium.jobs.sessions import read_session
from collegium.jobs.uploads import MOST_BYTES, Upload
from collegium.rest.access import Access, Area, guarded, principal_of
from collegium.rest.answers import Answer, location_in, shown
from collegium.rest.bodies import BodyLimits, body_pieces, require_media_type
from collegium.rest.headers import header
from collegium.rest.openapi import UNCONDITIONAL
from collegium.rest.pages import links, not_modified, paged

HEARTBEAT_S = 10.0
"""Between two signs of life on a stream without news."""
LOOK_S = 1.0
"""Between two looks at a job that another coordinator may own."""

_ACCESS = Access(Area.JOBS, limits_itself=True)
UPLOAD_S = 600.0
"""Longest time in which a file must arrive."""
UPLOAD_TYPES = (
    "text/csv",
    "application/zip",
    "application/xml",
    "application/gzip",
    "application/octet-stream",
)

_EVENT = {
    "type": "object",
    "description": "One event: a job or its progress.",
    "properties": {
        "id": {"type": "string", "description": "Version of the job."},
        "event": {"type": "string", "enum": ["job", "progress"]},
        "data": {"type": "string", "description": "JSON: a JobOut, or its progress."},
    },
    "required": ["event", "data"],
}

router = APIRouter(tags=["jobs"])
imports_router = APIRouter(tags=["interchange"])


@dataclass(frozen=True, slots=True)
class Jobs:
    """What requests about jobs find in their application."""

    runner: Runner
    feed: Feed


def jobs_of(request: Request) -> Jobs:
    """Return the jobs of a request's application."""
    return cast(Jobs, request.app.state.jobs)


@router.get("", response_model=JobPage)
@guarded(_ACCESS)
async def list_jobs(request: Request, query: Annotated[JobQuery, Query()]) -> Response:
    """List jobs, the latest first."""
    catalogue = catalogue_of(request)
    own = _own(request)
    walk = f"jobs {query.state} {own}"
    position = None
    if query.cursor is not None:
        position = catalogue.seal.open(query.cursor, walk=walk)
    is_backward = position is not None and position.is_backward
    async with catalogue.database.snapshot() as reader:
        etag = f'"{await repository.last_version(reader)}"'
        unchanged = not_modified(request, etag)
        if unchanged is not None:
            return unchanged
        jobs = await repository.page(
            reader,
            limit=query.limit + 1,
            state=query.state,
            after=None if position is None else str(position.values[-1]),
            is_backward=is_backward,
            university_id=own,
        )
    page = _Page.of(jobs, etag, query.limit, position is not None, is_backward)
    return paged(page, links(request, page, catalogue.seal, walk=walk))


@router.post("", response_model=JobOut, status_code=202)
@guarded(_ACCESS)
async def submit_job(request: Request, body: Annotated[JobIn, Body()]) -> Response:
    """Take a job in; it is on disk before the answer is sent."""
    runner = jobs_of(request).runner
    own = _own(request)
    submission = await read_session(
        database_of(request), runner.workloads, body, university_id=own
    )

    async def act(work: Work) -> Answer:
        await submission.keep(work)
        job = await service.submit(
            work,
            runner.workloads,
            submission.body,
            university_id=own or submission.university_id,
        )
        location = location_in(request, request.scope["path"], job.id)
        return _accepted(job, [(b"location", location.encode())])

    answer = await repeatable(request, act)
    runner.wake()
    return answer


@imports_router.post(
    "",
    response_model=JobOut,
    status_code=202,
    openapi_extra={
        "requestBody": {
            "content": {
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in UPLOAD_TYPES
            }
        }
    },
)
@guarded(Area.INTERCHANGE)
async def submit_import(
    request: Request, university: str, query: Annotated[ImportQuery, Query()]
) -> Response:
    """Take a file in as a job that adds all of it or nothing.

    The body is the file, unless ``blob`` names it. The job's progress counts lines;
    its result is the report, line by line.
    """
    runner = jobs_of(request).runner
    check_options(query)
    id_ = await university_id(database_of(request), university)
    options = FileOptions(**query.model_dump(exclude={"blob"}))
    upload = None if query.blob else await _receive(request)
    # What tells a repeated request from another one with its Idempotency-Key.
    pieces = [] if upload is None else upload.pieces
    said = f"{query.model_dump_json()} {' '.join(pieces)}"
    request.scope["collegium.body"] = said.encode()

    async def act(work: Work) -> Answer:
        source = query.blob or upload
        assert source is not None
        job = await submit(work, id_, options, source)
        location = location_in(request, "/v1/jobs", job.id)
        return _accepted(job, [(b"location", location.encode())])

    try:
        answer = await repeatable(request, act)
    finally:
        if upload is not None:
            upload.close()
    runner.wake()
    return answer


async def _receive(request: Request) -> Upload:
    """Return the body, kept on disk as it arrives."""
    require_media_type(request.scope, UPLOAD_TYPES)
    upload = Upload()
    try:
        async for data in body_pieces(request, BodyLimits(MOST_BYTES, UPLOAD_S)):
            upload.add(data)
    except BaseException:
        upload.close()
        raise
    upload.end()
    return upload


@router.get("/{job}", response_model=JobOut)
@guarded(_ACCESS)
async def show_job(request: Request, job: str) -> Response:
    """Show a job."""
    return shown(request, await _find(request, job))


@router.delete(
    "/{job}", response_model=JobOut, status_code=202, openapi_extra=UNCONDITIONAL
)
@guarded(_ACCESS)
async def cancel_job(request: Request, job: str) -> Response:
    """Ask a job to end; it keeps the best that it has made so far."""
    await _find(request, job)
    jobs_of(request).runner.cancel_resident(job)
    async with database_of(request).transaction() as transaction:
        work = work_of(request, transaction)
        changed = await service.cancel(work, job, university_id=_own(request))
    jobs_of(request).runner.cancel(job)
    jobs_of(request).feed.wake(job)
    return _accepted(changed, [])


@router.get("/{job}/result", status_code=303, openapi_extra=UNCONDITIONAL)
@guarded(_ACCESS)
async def show_result(request: Request, job: str) -> Response:
    """Lead to the blob that a job has made."""
    found = await _find(request, job)
    if found.result_sha256 is None:
        raise NotFound(
            f"The job has no result: it is {found.state}."
            if found.is_final
            else f"The job has no result yet: it is {found.state}."
        )
    location = f"/v1/blobs/{found.result_sha256}"
    fields = [(b"location", location.encode()), (b"cache-control", b"no-cache")]
    return Answer(303, b"", fields)


@router.get(
    "/{job}/events",
    openapi_extra=UNCONDITIONAL,
    responses={200: {"content": {"text/event-stream": {"schema": _EVENT}}}},
)
@guarded(_ACCESS)
async def follow_job(request: Request, job: str) -> Response:
    """Follow a job as server-sent events, until it has ended.

    An event ``job`` has the whole job and, as its id, the job's version; an event
    ``progress`` has progress that need not have been stored yet.
    """
    database = database_of(request)
    await _find(request, job)
    last = header(request.scope, b"last-event-id")
    stream = _events(database, jobs_of(request).feed, job, last or "")
    return StreamingResponse(
        stream,
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def _own(request: Request) -> str | None:
    """Return the only university whose jobs a client may see, None for all."""
    return principal_of(request.scope).university_id


async def _find(request: Request, job_id: str) -> Job:
    database = database_of(request)
    return await service.find_job(database, job_id, university_id=_own(request))


async def _events(
    reader: Reader, feed: Feed, job_id: str, last_id: str
) -> AsyncIterator[bytes]:
    """Yield the job whenever it has changed, and signs of life in between."""
    loop = asyncio.get_running_loop()
    said_s = loop.time()
    shown_progress = None
    with feed.watch(job_id) as news:
        while not feed.is_closed:
            news.clear()
            job = await repository.find(reader, job_id)
            if job is None:
                return
            progress = feed.progress(job_id)
            if str(job.version) != last_id:
                last_id, said_s = str(job.version), loop.time()
                yield _event("job", job.to_json(), last_id)
            elif progress is not None and progress is not shown_progress:
                shown_progress, said_s = progress, loop.time()
                yield _event("progress", msgspec.json.encode(progress))
            elif loop.time() - said_s >= HEARTBEAT_S:
                said_s = loop.time()
                yield b": still here\n\n"
            if job.is_final:
                return
            await _wait(news)


async def _wait(news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_S):
            await news.wait()
    except TimeoutError:
        return  # another coordinator may have changed the job: look


def _event(kind: str, data: bytes, event_id: str | None = None) -> bytes:
    name = b"" if event_id is None else b"id: %b\n" % event_id.encode()
    return b"%bevent: %b\ndata: %b\n\n" % (name, kind.encode(), data)


def _accepted(job: Job, fields: list[tuple[bytes, bytes]]) -> Answer:
    fields += [
        (b"etag", job.etag.encode()),
        (b"cache-control", b"no-store"),
        (b"content-type", b"application/json"),
    ]
    return Answer(202, job.to_json(), fields)


@dataclass(slots=True)
class _Page:
    items: list[Job]
    etag: str
    has_before: bool
    has_after: bool

    @classmethod
    def of(
        cls, jobs: list[Job], etag: str, limit: int, is_inside: bool, is_backward: bool
    ) -> _Page:
        """Make a page of one job more than it shows."""
        has_more = len(jobs) > limit
        del jobs[limit:]
        if is_backward:
            jobs.reverse()
            return cls(jobs, etag, has_more, bool(jobs))
        return cls(jobs, etag, is_inside and bool(jobs), has_more)

    def edge(self, item: Job) -> tuple[str]:
        return (item.id,)
