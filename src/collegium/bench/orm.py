"""The obvious way to serve a course: what the catalogue on PostgreSQL is compared with.

Run as ``python -m collegium.bench.orm PORT URL``: a session of SQLAlchemy's ORM as a
dependency, an entity, and a response model, on the server that Collegium uses. It needs
``greenlet``, which nothing else here does.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import AsyncIterator

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from collegium.courses.schemas import Course
from collegium.db.tables import courses, universities
from collegium.rest.server import Server, bind


class _Base(DeclarativeBase):
    pass


class _University(_Base):
    __table__ = universities


class _Course(_Base):
    __table__ = courses


def orm_app(url: str) -> FastAPI:
    """Return the application that reads a course as most tutorials do.

    Parameters
    ----------
    url : of a PostgreSQL database with our schema.
    """
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    sessions = async_sessionmaker(engine)
    app = FastAPI(openapi_url=None)

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    @app.get("/v1/universities/{university}/courses/{course}", response_model=Course)
    async def show_course(
        university: str,
        course: str,
        # As a default: the name of an inner function cannot be read from a text.
        session: AsyncSession = Depends(session),  # noqa: B008
    ) -> dict[str, object]:
        wanted = (universities.c.code == university) & (courses.c.code == course)
        joined = universities.c.id == courses.c.university_id
        statement = select(_Course).join(_University, joined).where(wanted)
        found: _Course | None = (await session.execute(statement)).scalar()
        if found is None:
            raise HTTPException(404)
        return _members(found)

    return app


def _members(course: _Course) -> dict[str, object]:
    """Return an entity as its members, the structures decoded."""
    members: dict[str, object] = {}
    for column in courses.columns:
        value = getattr(course, column.name)
        is_json = column.info.get("json") and value is not None
        members[column.name] = json.loads(value) if is_json else value
    return members


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    Server(orm_app(sys.argv[2]), bind("127.0.0.1", int(sys.argv[1]))).run()
