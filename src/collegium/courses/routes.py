"""``/v1/universities/{university}/courses``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.requests import Request
from starlette.responses import Response

from collegium.catalogue import operations
from collegium.courses import service
from collegium.courses.repository import COURSES
from collegium.courses.schemas import Course, CourseIn, CoursePage, CourseQuery
from collegium.rest.patch import MEDIA_TYPE as MERGE_PATCH
from collegium.rest.patch import Patch

router = APIRouter(tags=["courses"])


@router.get("", response_model=CoursePage)
async def list_courses(
    request: Request, university: str, query: Annotated[CourseQuery, Query()]
) -> Response:
    """List the courses of a university."""
    return await operations.list_page(
        request,
        COURSES,
        (university,),
        query,
        filters={
            "code": query.code,
            "subject_code": query.subject_code,
            "level": query.level,
        },
        prefixes={"code": query.q},
    )


@router.post("", response_model=Course, status_code=201)
async def create_course(
    request: Request, university: str, body: Annotated[CourseIn, Body()]
) -> Response:
    """Add a course to a university's catalogue."""
    return await operations.create(request, service.add_course, university, body)


@router.get("/{course}", response_model=Course)
async def show_course(request: Request, university: str, course: str) -> Response:
    """Show a course, by its id or code."""
    return await operations.show(request, service.find_course, university, course)


@router.put("/{course}", response_model=Course)
async def put_course(
    request: Request, university: str, course: str, body: Annotated[CourseIn, Body()]
) -> Response:
    """Replace a course, or make it at an address by code."""
    return await operations.put(
        request, service.assign_course, university, course, body
    )


@router.patch("/{course}", response_model=Course)
async def patch_course(
    request: Request,
    university: str,
    course: str,
    body: Annotated[Patch[CourseIn], Body(media_type=MERGE_PATCH)],
) -> Response:
    """Change some members of a course (JSON Merge Patch)."""
    return await operations.patch(
        request, service.change_course, university, course, body
    )


@router.delete("/{course}", status_code=204)
async def delete_course(request: Request, university: str, course: str) -> Response:
    """Delete a course that nothing refers to any more."""
    return await operations.delete(request, service.remove_course, university, course)
