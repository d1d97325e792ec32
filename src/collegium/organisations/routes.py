"""``/v1/universities/{university}/organisations``."""

from __future__ import annotations

from collegium.catalogue.resources import resource_router
from collegium.organisations.schemas import Organisation, OrganisationQuery
from collegium.organisations.service import ORGANISATIONS
from collegium.rest.access import Area

router = resource_router(
    ORGANISATIONS,
    shows=Organisation,
    query=OrganisationQuery,
    tag="organisations",
    area=Area.CATALOGUE,
)
