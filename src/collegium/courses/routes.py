"""``/v1/universities/{university}/courses``, and ``/search`` for them by words."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from collegium.catalogue.context import database_of
from collegium.catalogue.resources import resource_router
from collegium.courses.schemas import Course, CourseQuery, FoundCourses, SearchQuery
from collegium.courses.service import COURSES, found_courses
from collegium.rest.access import Area, guarded
from collegium.rest.answers import REVALIDATE, listed
from collegium.rest.pages import not_modified

router = resource_router(
    COURSES, shows=Course, query=CourseQuery, tag="courses", area=Area.COURSES
)
search_router = APIRouter(tags=["courses"])


@search_router.get("", response_model=FoundCourses)
@guarded(Area.COURSES)
async def search_courses(
    request: Request, university: str, query: Annotated[SearchQuery, Query()]
) -> Response:
    """Find courses by words in code, name and description, the best match first."""
    database = database_of(request)
    ids = await COURSES.records.scope(database, (university,))
    etag = await COURSES.records.revision(database, ids)
    known = not_modified(request, etag, cache_control=REVALIDATE)
    if known is not None:
        return known
    found, is_complete = await found_courses(database, ids[0], query.q, query.limit)
    # A tag only for what was found in one state: something may have changed meanwhile.
    is_same = etag == await COURSES.records.revision(database, ids)
    members = {"is_complete": is_complete}
    return listed(found, members, etag=etag if is_same else None)
