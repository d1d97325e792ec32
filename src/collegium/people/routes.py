"""``people`` and ``memberships`` of ``/v1/universities/{university}``."""

from __future__ import annotations

from collegium.catalogue.resources import resource_router
from collegium.people.schemas import (
    Membership,
    MembershipQuery,
    Person,
    PersonQuery,
)
from collegium.people.service import MEMBERSHIPS, PEOPLE
from collegium.rest.access import Area

people_router = resource_router(
    PEOPLE, shows=Person, query=PersonQuery, tag="people", area=Area.PEOPLE
)
memberships_router = resource_router(
    MEMBERSHIPS, shows=Membership, query=MembershipQuery, tag="people", area=Area.PEOPLE
)
