"""``/v1/universities/{university}/courses``."""

from __future__ import annotations

from collegium.catalogue.resources import resource_router
from collegium.courses.schemas import Course, CourseQuery
from collegium.courses.service import COURSES

router = resource_router(COURSES, shows=Course, query=CourseQuery, tag="courses")
