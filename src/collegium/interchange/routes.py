"""``exports`` of a university, and what goes in and out of an academic session.

A session has ``imports``, ``problem``, ``snapshots`` and ``exports``. What takes longer
is a job: see ``collegium.jobs.routes``.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Body as FromBody
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from collegium.blobs.routes import store_of
from collegium.catalogue.context import database_of
from collegium.catalogue.operations import repeatable
from collegium.db.work import Work
from collegium.interchange import service
from collegium.interchange.exports import Export, state_of, written
from collegium.interchange.importing import import_problem
from collegium.interchange.oneroster.exporting import RosterExport
from collegium.interchange.repository import problem_state
from collegium.interchange.schemas import ImportIn, ImportResult, SnapshotResult
from collegium.interchange.sheets.exporting import EnrolmentExport, SheetExport
from collegium.interchange.sheets.kinds import KINDS
from collegium.rest.access import Area, guarded
from collegium.rest.answers import PRIVATE, REVALIDATE, Answer, json_answer
from collegium.rest.etag import is_not_modified
from collegium.rest.openapi import UNCONDITIONAL
from collegium.timetabling.itc2019 import read_problem

router = APIRouter(tags=["interchange"])
exports_router = APIRouter(tags=["interchange"])

_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/zip": {"schema": {"type": "string"}}},
        "description": "OneRoster 1.2 CSV files.",
    }
}


@router.post("/imports", response_model=ImportResult)
@guarded(Area.INTERCHANGE)
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
        if not body.is_dry_run:
            report.require_faultless()
        return json_answer({"is_dry_run": body.is_dry_run, **asdict(report)})

    return await repeatable(request, act)


@router.get(
    "/problem",
    response_class=Response,
    responses={200: {"content": {"application/xml": {"schema": {"type": "string"}}}}},
)
@guarded(Area.INTERCHANGE)
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


@exports_router.get("/oneroster", response_class=Response, responses=_ZIP)
@guarded(Area.INTERCHANGE)
async def export_roster(request: Request, university: str) -> Response:
    """Give out a university as a OneRoster 1.2 archive of CSV files."""
    id_ = await service.university_id(database_of(request), university)
    return await _sent(request, RosterExport(id_))


@exports_router.get("/courses", response_class=Response, responses=_CSV)
@guarded(Area.INTERCHANGE)
async def export_courses(request: Request, university: str) -> Response:
    """Give out the courses of a university as CSV."""
    id_ = await service.university_id(database_of(request), university)
    return await _sent(request, SheetExport(KINDS["courses"], id_))


@exports_router.get("/rooms", response_class=Response, responses=_CSV)
@guarded(Area.INTERCHANGE)
async def export_rooms(request: Request, university: str) -> Response:
    """Give out the rooms of a university as CSV."""
    id_ = await service.university_id(database_of(request), university)
    return await _sent(request, SheetExport(KINDS["rooms"], id_))


@exports_router.get("/people", response_class=Response, responses=_CSV)
@guarded(Area.INTERCHANGE)
async def export_people(request: Request, university: str) -> Response:
    """Give out the people of a university as CSV."""
    id_ = await service.university_id(database_of(request), university)
    return await _sent(request, SheetExport(KINDS["people"], id_))


@router.get("/exports/enrolments", response_class=Response, responses=_CSV)
@guarded(Area.INTERCHANGE)
async def export_enrolments(
    request: Request, university: str, session: str
) -> Response:
    """Give out the enrolments of a session as CSV."""
    keys = (university, session)
    ids = await service.session_ids(database_of(request), keys)
    return await _sent(request, EnrolmentExport(*ids))


async def _sent(request: Request, export: Export) -> Response:
    """Answer with a file, piece by piece, or with 304 to who has it."""
    database = database_of(request)
    cache_control = PRIVATE if export.is_private else REVALIDATE
    state = await state_of(database, export)
    if is_not_modified(request.scope, f'"{state}"'):
        fields = [(b"etag", f'"{state}"'.encode()), (b"cache-control", cache_control)]
        return Answer(304, b"", fields)
    found = await written(database, export)
    return StreamingResponse(
        found.pieces(),
        media_type=export.media_type,
        headers={
            "etag": f'"{found.state}"',
            "cache-control": cache_control.decode(),
            "content-length": str(found.size_bytes),
            "content-disposition": f'attachment; filename="{export.filename}"',
        },
    )


def _validators(state: str) -> list[tuple[bytes, bytes]]:
    return [(b"etag", f'"{state}"'.encode()), (b"cache-control", PRIVATE)]


@router.post(
    "/snapshots",
    response_model=SnapshotResult,
    status_code=201,
    openapi_extra=UNCONDITIONAL,
)
@guarded(Area.INTERCHANGE)
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
