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
from collegium.jobs import repository, service
from collegium.jobs.feed import Feed
from collegium.jobs.repository import Job
from collegium.jobs.runner import Runner
from collegium.jobs.schemas import JobIn, JobOut, JobPage, JobQuery
from collegium.jobs.sessions import read_session
from collegium.rest.answers import Answer, location_in, shown
from collegium.rest.headers import header
from collegium.rest.openapi import UNCONDITIONAL
from collegium.rest.pages import links, not_modified, paged

HEARTBEAT_S = 10.0
"""Between two signs of life on a stream without news."""
LOOK_S = 1.0
"""Between two looks at a job that another coordinator may own."""

router = APIRouter(tags=["jobs"])


@dataclass(frozen=True, slots=True)
class Jobs:
    """What requests about jobs find in their application."""

    runner: Runner
    feed: Feed


def jobs_of(request: Request) -> Jobs:
    """Return the jobs of a request's application."""
    return cast(Jobs, request.app.state.jobs)


@router.get("", response_model=JobPage)
async def list_jobs(request: Request, query: Annotated[JobQuery, Query()]) -> Response:
    """List jobs, the latest first."""
    catalogue = catalogue_of(request)
    walk = f"jobs {query.state}"
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
        )
    page = _Page.of(jobs, etag, query.limit, position is not None, is_backward)
    return paged(page, links(request, page, catalogue.seal, walk=walk))


@router.post("", response_model=JobOut, status_code=202)
async def submit_job(request: Request, body: Annotated[JobIn, Body()]) -> Response:
    """Take a job in; it is on disk before the answer is sent."""
    runner = jobs_of(request).runner

    submission = await read_session(database_of(request), runner.workloads, body)

    async def act(work: Work) -> Answer:
        await submission.keep(work)
        job = await service.submit(work, runner.workloads, submission.body)
        location = location_in(request, request.scope["path"], job.id)
        return _accepted(job, [(b"location", location.encode())])

    answer = await repeatable(request, act)
    runner.wake()
    return answer


@router.get("/{job}", response_model=JobOut)
async def show_job(request: Request, job: str) -> Response:
    """Show a job."""
    return shown(request, await service.find_job(database_of(request), job))


@router.delete(
    "/{job}", response_model=JobOut, status_code=202, openapi_extra=UNCONDITIONAL
)
async def cancel_job(request: Request, job: str) -> Response:
    """Ask a job to end; it keeps the best that it has made so far."""
    async with database_of(request).transaction() as transaction:
        changed = await service.cancel(work_of(request, transaction), job)
    jobs_of(request).runner.cancel(job)
    jobs_of(request).feed.wake(job)
    return _accepted(changed, [])


@router.get("/{job}/result", status_code=303, openapi_extra=UNCONDITIONAL)
async def show_result(request: Request, job: str) -> Response:
    """Lead to the blob that a job has made."""
    found = await service.find_job(database_of(request), job)
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
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def follow_job(request: Request, job: str) -> Response:
    """Follow a job as server-sent events, until it has ended.

    An event ``job`` has the whole job and, as its id, the job's version; an event
    ``progress`` has progress that need not have been stored yet.
    """
    database = database_of(request)
    await service.find_job(database, job)
    last = header(request.scope, b"last-event-id")
    stream = _events(database, jobs_of(request).feed, job, last or "")
    return StreamingResponse(
        stream,
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


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
