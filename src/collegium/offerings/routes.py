"""``offerings``, ``classes``, ``distributions`` and ``teaching-assignments``.

All are below ``/v1/universities/{university}/sessions/{session}``.
"""

from __future__ import annotations

from collegium.catalogue.resources import resource_router
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

offerings_router = resource_router(
    OFFERINGS, shows=Offering, query=OfferingQuery, tag="offerings"
)
classes_router = resource_router(
    CLASSES, shows=Class, query=ClassQuery, tag="offerings"
)
distributions_router = resource_router(
    DISTRIBUTIONS, shows=Distribution, query=DistributionQuery, tag="offerings"
)
teaching_assignments_router = resource_router(
    TEACHING_ASSIGNMENTS,
    shows=TeachingAssignment,
    query=TeachingAssignmentQuery,
    tag="offerings",
)
