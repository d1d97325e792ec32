"""The nouns of the catalogue, each with its URL."""

from __future__ import annotations

from fastapi import FastAPI

from collegium.audit.routes import router as audit_events
from collegium.audit.routes import university_router as university_audit_events
from collegium.courses.routes import router as courses
from collegium.courses.routes import search_router as search
from collegium.enrolments.routes import (
    course_offerings_router,
    enrolments_router,
    requests_router,
)
from collegium.interchange.routes import exports_router as exports
from collegium.interchange.routes import router as interchange
from collegium.keys.routes import router as keys
from collegium.keys.routes import university_router as university_keys
from collegium.offerings.routes import (
    classes_router,
    distributions_router,
    limits_router,
    offerings_router,
    teaching_assignments_router,
)
from collegium.organisations.routes import router as organisations
from collegium.people.routes import memberships_router, people_router
from collegium.publications.routes import router as publications
from collegium.rooms.routes import buildings_router, rooms_router, travel_times_router
from collegium.sessions.routes import router as sessions
from collegium.universities.routes import router as universities

_UNIVERSITY = "/v1/universities/{university}"
_SESSION = f"{_UNIVERSITY}/sessions/{{session}}"


def include_catalogue(app: FastAPI) -> None:
    """Serve the catalogue."""
    app.include_router(universities, prefix="/v1/universities")
    app.include_router(university_keys, prefix=f"{_UNIVERSITY}/keys")
    app.include_router(university_audit_events, prefix=f"{_UNIVERSITY}/audit-events")
    app.include_router(keys, prefix="/v1/keys")
    app.include_router(audit_events, prefix="/v1/audit-events")
    app.include_router(organisations, prefix=f"{_UNIVERSITY}/organisations")
    app.include_router(sessions, prefix=f"{_UNIVERSITY}/sessions")
    app.include_router(buildings_router, prefix=f"{_UNIVERSITY}/buildings")
    app.include_router(rooms_router, prefix=f"{_UNIVERSITY}/rooms")
    app.include_router(travel_times_router, prefix=f"{_UNIVERSITY}/travel-times")
    app.include_router(people_router, prefix=f"{_UNIVERSITY}/people")
    app.include_router(memberships_router, prefix=f"{_UNIVERSITY}/memberships")
    app.include_router(courses, prefix=f"{_UNIVERSITY}/courses")
    app.include_router(search, prefix=f"{_UNIVERSITY}/search")
    app.include_router(offerings_router, prefix=f"{_SESSION}/offerings")
    app.include_router(classes_router, prefix=f"{_SESSION}/classes")
    app.include_router(limits_router, prefix=f"{_SESSION}/classes")
    app.include_router(distributions_router, prefix=f"{_SESSION}/distributions")
    app.include_router(
        teaching_assignments_router, prefix=f"{_SESSION}/teaching-assignments"
    )
    app.include_router(course_offerings_router, prefix=f"{_SESSION}/course-offerings")
    app.include_router(requests_router, prefix=f"{_SESSION}/requests")
    app.include_router(enrolments_router, prefix=f"{_SESSION}/enrolments")
    app.include_router(interchange, prefix=_SESSION)
    app.include_router(exports, prefix=f"{_UNIVERSITY}/exports")
    app.include_router(publications, prefix=f"{_SESSION}/publications")
