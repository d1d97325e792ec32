"""``offerings``, ``classes``, ``distributions`` and ``teaching-assignments``.

All are below ``/v1/universities/{university}/sessions/{session}``.
"""

# Annotations are not postponed here: FastAPI reads them where they stand.

from typing import Annotated

from fastapi import APIRouter
from fastapi import Body as FromBody
from starlette.requests import Request
from starlette.responses import Response

from collegium.catalogue import operations
from collegium.catalogue.reach import require_reach
from collegium.catalogue.resources import resource_router
from collegium.db.records import Guard, Record
from collegium.db.work import Work
from collegium.offerings import limits
from collegium.offerings.distributions import (
    DISTRIBUTIONS,
    TEACHING_ASSIGNMENTS,
    Distribution,
    DistributionQuery,
    TeachingAssignment,
    TeachingAssignmentQuery,
)
from collegium.offerings.schemas import Class, ClassQuery, Offering, OfferingQuery
from collegium.offerings.service import CLASSES, OFFERINGS
from collegium.rest.access import Area, guarded, principal_of

offerings_router = resource_router(
    OFFERINGS, shows=Offering, query=OfferingQuery, tag="offerings", area=Area.OFFERINGS
)
classes_router = resource_router(
    CLASSES, shows=Class, query=ClassQuery, tag="offerings", area=Area.OFFERINGS
)
distributions_router = resource_router(
    DISTRIBUTIONS,
    shows=Distribution,
    query=DistributionQuery,
    tag="offerings",
    area=Area.PLANNING,
)
teaching_assignments_router = resource_router(
    TEACHING_ASSIGNMENTS,
    shows=TeachingAssignment,
    query=TeachingAssignmentQuery,
    tag="offerings",
    area=Area.PLANNING,
)

limits_router = APIRouter(tags=["offerings"])


@limits_router.get("/{class_}/limit", response_model=limits.LimitOf)
@guarded(Area.OFFERINGS)
async def show_limit(
    request: Request, university: str, session: str, class_: str
) -> Response:
    """Show how many may be in a class, and how many are."""
    return await operations.show(request, limits.find, (university, session, class_))


@limits_router.put("/{class_}/limit", response_model=limits.LimitOf)
@guarded(Area.OFFERINGS)
async def put_limit(
    request: Request,
    university: str,
    session: str,
    class_: str,
    body: Annotated[limits.LimitIn, FromBody()],
) -> Response:
    """Change how many may be in a class; forced, the last of them wait for a seat."""
    keys = (university, session, class_)
    principal = principal_of(request.scope)

    async def assign(work: Work, guard: Guard) -> tuple[Record, bool]:
        if principal.is_limited:
            class_of = await CLASSES.find(work.transaction, keys)
            await require_reach(work.transaction, principal, class_of)
        return await limits.assign(work, guard, keys, body)

    return await operations.put(request, assign)
