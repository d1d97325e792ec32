"""``publications`` of an academic session."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter
from fastapi import Body as FromBody
from fastapi import Query as FromQuery
from starlette.requests import Request
from starlette.responses import Response

from collegium.blobs.routes import store_of
from collegium.catalogue.context import database_of
from collegium.catalogue.operations import list_page, repeatable
from collegium.db.work import Work
from collegium.errors import NotFound
from collegium.interchange.service import session_ids
from collegium.publications import service
from collegium.publications.schemas import (
    Publication,
    PublicationIn,
    PublicationPage,
    PublicationQuery,
)
from collegium.rest.access import Area, guarded, principal_of
from collegium.rest.answers import IMMUTABLE, Answer, created, location_in, shown
from collegium.rest.etag import Preconditions

router = APIRouter(tags=["publications"])
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@router.get("", response_model=PublicationPage)
@guarded(Area.PUBLICATIONS)
async def list_publications(
    request: Request,
    university: str,
    session: str,
    query: Annotated[PublicationQuery, FromQuery()],
) -> Response:
    """List publications, the latest first, without their placements."""
    return await list_page(request, service.PUBLICATIONS, (university, session), query)


@router.post("", response_model=Publication, status_code=201)
@guarded(Area.PUBLICATIONS)
async def publish_timetable(
    request: Request,
    university: str,
    session: str,
    body: Annotated[PublicationIn, FromBody()],
) -> Response:
    """Publish a timetable; If-Match names the publication that it replaces."""
    database = database_of(request)
    ids = await session_ids(database, (university, session))
    guard = Preconditions.of(request.scope)
    is_bound = principal_of(request.scope).university_id is not None
    candidate = await service.prepare(
        database, store_of(request), *ids, body, is_bound=is_bound
    )

    async def act(work: Work) -> Answer:
        record = await service.publish(work, guard, *ids, candidate)
        document = await service.find_publication(
            work.transaction, *ids, record["number"]
        )
        location = location_in(request, request.scope["path"], document.id)
        return created(request, document, location=location)

    return await repeatable(request, act)


@router.get("/current", response_model=Publication)
@guarded(Area.PUBLICATIONS)
async def show_current_publication(
    request: Request, university: str, session: str
) -> Response:
    """Show the timetable in force."""
    database = database_of(request)
    ids = await session_ids(database, (university, session))
    return shown(request, await service.find_publication(database, *ids, None))


@router.get("/{number}", response_model=Publication)
@guarded(Area.PUBLICATIONS)
async def show_publication(
    request: Request, university: str, session: str, number: str
) -> Response:
    """Show a published timetable; it never changes."""
    database = database_of(request)
    ids = await session_ids(database, (university, session))
    if _NUMBER.fullmatch(number) is None:
        raise NotFound(f"There is no publication {number!r}.")
    found = await service.find_publication(database, *ids, int(number))
    return shown(request, found, cache_control=IMMUTABLE)
