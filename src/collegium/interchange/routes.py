"""``imports``, ``problem`` and ``snapshots`` of an academic session."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter
from fastapi import Body as FromBody
from starlette.requests import Request
from starlette.responses import Response

from collegium.blobs.routes import store_of
from collegium.catalogue.context import database_of
from collegium.catalogue.operations import repeatable
from collegium.db.work import Work
from collegium.interchange import service
from collegium.interchange.importing import import_problem
from collegium.interchange.repository import problem_state
from collegium.interchange.schemas import ImportIn, ImportResult, SnapshotResult
from collegium.rest.answers import PRIVATE, Answer, json_answer
from collegium.rest.etag import is_not_modified
from collegium.rest.openapi import UNCONDITIONAL
from collegium.timetabling.itc2019 import read_problem

router = APIRouter(tags=["interchange"])


@router.post("/imports", response_model=ImportResult)
async def import_file(
    request: Request,
    university: str,
    session: str,
    body: Annotated[ImportIn, FromBody()],
) -> Response:
    """Fill an empty session with a file: all of it, or nothing."""
    ids = await service.session_ids(database_of(request), (university, session))
    data = await store_of(request).fetch(body.blob)
    problem = await asyncio.to_thread(read_problem, data)

    async def act(work: Work) -> Answer:
        report = await import_problem(
            work, *ids, problem, prefix=body.prefix, is_dry_run=body.is_dry_run
        )
        return json_answer({"is_dry_run": body.is_dry_run, **asdict(report)})

    return await repeatable(request, act)


@router.get(
    "/problem",
    response_class=Response,
    responses={200: {"content": {"application/xml": {"schema": {"type": "string"}}}}},
)
async def show_problem(request: Request, university: str, session: str) -> Response:
    """Give out a session as an ITC-2019 problem, with its students."""
    database = database_of(request)
    ids = await service.session_ids(database, (university, session))
    state = await problem_state(database, *ids)
    if is_not_modified(request.scope, f'"{state}"'):
        return Answer(304, b"", _validators(state))
    written = await service.written_problem(database, *ids)
    media_type = (b"content-type", service.PROBLEM_MEDIA_TYPE.encode())
    return Answer(200, written.xml, [*_validators(written.state), media_type])


def _validators(state: str) -> list[tuple[bytes, bytes]]:
    return [(b"etag", f'"{state}"'.encode()), (b"cache-control", PRIVATE)]


@router.post(
    "/snapshots",
    response_model=SnapshotResult,
    status_code=201,
    openapi_extra=UNCONDITIONAL,
)
async def take_snapshot(request: Request, university: str, session: str) -> Response:
    """Store a session as it is now as a problem for a timetable job."""
    database = database_of(request)
    ids = await service.session_ids(database, (university, session))
    stored, blob = await service.store_snapshot(database, *ids)

    async def act(work: Work) -> Answer:
        await service.keep_snapshot(work, stored, blob)
        problem = stored.snapshot.problem
        answer = json_answer(
            {
                "problem": stored.sha256,
                "classes": len(problem.classes),
                "rooms": len(problem.rooms),
                "students": len(problem.students),
                "unplaceable": stored.unplaceable[: service.SHOWN],
            },
            status=201,
        )
        location = f"/v1/blobs/{stored.sha256}".encode()
        answer.raw_headers += [
            (b"location", location),
            (b"etag", f'"{stored.sha256}"'.encode()),
        ]
        return answer

    return await repeatable(request, act)
