"""``/v1/universities``."""

from __future__ import annotations

from collegium.catalogue.resources import resource_router
from collegium.rest.access import Access, Area
from collegium.universities.schemas import University, UniversityQuery
from collegium.universities.service import UNIVERSITIES

router = resource_router(
    UNIVERSITIES,
    shows=University,
    query=UniversityQuery,
    tag="universities",
    area=Access(Area.UNIVERSITIES, limits_itself=True),
)
