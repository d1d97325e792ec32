"""The coordinator as one application: parts opened, routers under their URLs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request

from collegium.catalogue.context import Catalogue
from collegium.courses.routes import router as courses
from collegium.db.connect import database_at
from collegium.db.migrate import migrate
from collegium.db.secrets import shared_secret
from collegium.rest.application import Application
from collegium.rest.health import Check, health_router
from collegium.rest.pages import CursorSeal
from collegium.settings import CoordinatorSettings
from collegium.universities.routes import router as universities


def create_app(settings: CoordinatorSettings) -> Application:
    """Return the coordinator's application; its parts open when it starts.

    Parameters
    ----------
    settings : read once, by the command line.

    Raises
    ------
    Misconfigured
        When a setting makes a start impossible.
    """
    database = database_at(settings.database)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.open()
        try:
            await migrate(database)
            seal = CursorSeal(await shared_secret(database, "cursors"))
            app.state.catalogue = Catalogue(database, seal)
            yield
        finally:
            await database.close()

    def checks(request: Request) -> Mapping[str, Check]:
        return {"database": database.describe}

    app = Application(title="Collegium coordinator", lifespan=lifespan)
    app.include_router(health_router(checks), prefix="/health")
    app.include_router(universities, prefix="/v1/universities")
    app.include_router(courses, prefix="/v1/universities/{university}/courses")
    return app
