"""``requests``, ``enrolments`` and ``course-offerings``.

All are below ``/v1/universities/{university}/sessions/{session}``.
"""

# Annotations are not postponed here: FastAPI reads them where they stand.

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from collegium.catalogue import operations
from collegium.catalogue.resources import page_model, resource_router
from collegium.db.addresses import Keys
from collegium.db.database import Reader
from collegium.db.records import Record
from collegium.enrolments import repository
from collegium.enrolments.requests import COURSE_OFFERINGS, REQUESTS
from collegium.enrolments.schemas import (
    CourseOffering,
    CourseOfferingQuery,
    Enrolment,
    EnrolmentQuery,
    RequestQuery,
)
from collegium.enrolments.schemas import Request as CourseRequest
from collegium.enrolments.service import ENROLMENTS
from collegium.rest.access import Area, guarded

requests_router = resource_router(
    REQUESTS,
    shows=CourseRequest,
    query=RequestQuery,
    tag="enrolments",
    area=Area.ENROLMENTS,
)
enrolments_router = resource_router(
    ENROLMENTS,
    shows=Enrolment,
    query=EnrolmentQuery,
    tag="enrolments",
    area=Area.ENROLMENTS,
)
course_offerings_router = APIRouter(tags=["enrolments"])


@course_offerings_router.get("", response_model=page_model(CourseOffering))
@guarded(Area.OFFERINGS)
async def list_course_offerings(
    request: Request,
    university: str,
    session: str,
    query: Annotated[CourseOfferingQuery, Query()],
) -> Response:
    """List the courses of a session, and how many take each."""
    return await operations.list_page(
        request,
        COURSE_OFFERINGS,
        (university, session),
        query,
        filters={"offering_id": query.offering_id, "course_id": query.course_id},
    )


@course_offerings_router.get("/{course_offering}", response_model=CourseOffering)
@guarded(Area.OFFERINGS)
async def show_course_offering(
    request: Request, university: str, session: str, course_offering: str
) -> Response:
    """Show a course offering, by its id or by the id or code of its course."""
    keys = (university, session, course_offering)
    return await operations.show(request, _find, keys)


async def _find(reader: Reader, keys: Keys) -> Record:
    ids = await COURSE_OFFERINGS.scope(reader, keys[:-1])
    found = await repository.find_course_offering(reader, ids, keys[-1])
    return await COURSE_OFFERINGS.find(
        reader, (*ids, keys[-1] if found is None else found[0])
    )
