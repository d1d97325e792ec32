"""``/v1/universities/{university}/sessions``."""

from __future__ import annotations

from collegium.catalogue.resources import resource_router
from collegium.rest.access import Area
from collegium.sessions.schemas import Session, SessionQuery
from collegium.sessions.service import SESSIONS

router = resource_router(
    SESSIONS, shows=Session, query=SessionQuery, tag="sessions", area=Area.CATALOGUE
)
