"""``/v1/universities``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.requests import Request
from starlette.responses import Response

from collegium.catalogue import operations
from collegium.rest.patch import MEDIA_TYPE as MERGE_PATCH
from collegium.rest.patch import Patch
from collegium.universities import service
from collegium.universities.repository import UNIVERSITIES
from collegium.universities.schemas import (
    University,
    UniversityIn,
    UniversityPage,
    UniversityQuery,
)

router = APIRouter(tags=["universities"])


@router.get("", response_model=UniversityPage)
async def list_universities(
    request: Request, query: Annotated[UniversityQuery, Query()]
) -> Response:
    """List universities."""
    return await operations.list_page(
        request,
        UNIVERSITIES,
        (),
        query,
        filters={"code": query.code},
        prefixes={"code": query.q},
    )


@router.post("", response_model=University, status_code=201)
async def create_university(
    request: Request, body: Annotated[UniversityIn, Body()]
) -> Response:
    """Add a university."""
    return await operations.create(request, service.add_university, body)


@router.get("/{university}", response_model=University)
async def show_university(request: Request, university: str) -> Response:
    """Show a university, by its id or code."""
    return await operations.show(request, service.find_university, university)


@router.put("/{university}", response_model=University)
async def put_university(
    request: Request, university: str, body: Annotated[UniversityIn, Body()]
) -> Response:
    """Replace a university, or make it at an address by code."""
    return await operations.put(request, service.assign_university, university, body)


@router.patch("/{university}", response_model=University)
async def patch_university(
    request: Request,
    university: str,
    body: Annotated[Patch[UniversityIn], Body(media_type=MERGE_PATCH)],
) -> Response:
    """Change some members of a university (JSON Merge Patch)."""
    return await operations.patch(request, service.change_university, university, body)


@router.delete("/{university}", status_code=204)
async def delete_university(request: Request, university: str) -> Response:
    """Delete a university that nothing belongs to any more."""
    return await operations.delete(request, service.remove_university, university)
