"""The nouns of the catalogue, each with its URL."""

from __future__ import annotations

from fastapi import FastAPI

from collegium.courses.routes import router as courses
from collegium.organisations.routes import router as organisations
from collegium.sessions.routes import router as sessions
from collegium.universities.routes import router as universities

_UNIVERSITY = "/v1/universities/{university}"


def include_catalogue(app: FastAPI) -> None:
    """Serve the catalogue."""
    app.include_router(universities, prefix="/v1/universities")
    app.include_router(organisations, prefix=f"{_UNIVERSITY}/organisations")
    app.include_router(sessions, prefix=f"{_UNIVERSITY}/sessions")
    app.include_router(courses, prefix=f"{_UNIVERSITY}/courses")
