"""``audit-events`` of a university, and those of none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from collegium.audit import repository
from collegium.audit.repository import Event
from collegium.audit.schemas import AuditEvent, AuditPage, AuditQuery
from collegium.catalogue.context import catalogue_of, database_of
from collegium.db.audit import NOWHERE
from collegium.errors import NotFound
from collegium.rest.access import Area, guarded
from collegium.rest.answers import PRIVATE, shown
from collegium.rest.pages import links, not_modified, paged

router = APIRouter(tags=["audit"])
university_router = APIRouter(tags=["audit"])
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


@router.get("", response_model=AuditPage)
@guarded(Area.AUDIT)
async def list_events(
    request: Request, query: Annotated[AuditQuery, Query()]
) -> Response:
    """List changes of what belongs to no university: keys of operators and workers."""
    return await _list(request, NOWHERE, query)


@router.get("/{seq}", response_model=AuditEvent)
@guarded(Area.AUDIT)
async def show_event(request: Request, seq: str) -> Response:
    """Show one such change."""
    return await _show(request, NOWHERE, seq)


@university_router.get("", response_model=AuditPage)
@guarded(Area.AUDIT)
async def list_university_events(
    request: Request, university: str, query: Annotated[AuditQuery, Query()]
) -> Response:
    """List changes in a university, the latest first, with the state before and after.

    Those of a university that was deleted are found by its id.
    """
    return await _list(request, await _id_of(request, university), query)


@university_router.get("/{seq}", response_model=AuditEvent)
@guarded(Area.AUDIT)
async def show_university_event(
    request: Request, university: str, seq: str
) -> Response:
    """Show one change in a university."""
    return await _show(request, await _id_of(request, university), seq)


async def _id_of(request: Request, university: str) -> str:
    found = await repository.find_university(database_of(request), university)
    if found is None:
        raise NotFound(f"There is no university {university!r}.")
    return found


async def _show(request: Request, university_id: str, seq: str) -> Response:
    found = None
    if _NUMBER.fullmatch(seq) is not None:
        found = await repository.find(database_of(request), university_id, int(seq))
    if found is None:
        raise NotFound(f"There is no audit event {seq!r}.")
    return shown(request, found, cache_control=PRIVATE)


async def _list(request: Request, university_id: str, query: AuditQuery) -> Response:
    catalogue = catalogue_of(request)
    filters = {
        "entity": query.entity,
        "entity_id": query.entity_id,
        "actor": query.actor,
        "action": query.action,
    }
    walk = f"audit {university_id} {filters} {query.since} {query.until}"
    position = None
    if query.cursor is not None:
        position = catalogue.seal.open(query.cursor, walk=walk)
    # Events are only added, so that up to a number they are always the same.
    last = await repository.last_seq(catalogue.database, university_id)
    etag = f'"{last}"'
    unchanged = not_modified(request, etag, cache_control=PRIVATE)
    if unchanged is not None:
        return unchanged
    is_backward = position is not None and position.is_backward
    events = await repository.page(
        catalogue.database,
        university_id,
        filters=filters,
        since=query.since,
        until=query.until,
        limit=query.limit + 1,
        after=None if position is None else int(position.values[-1]),
        is_backward=is_backward,
        last=last,
    )
    page = _Page.of(events, etag, query.limit, position is not None, is_backward)
    around = links(request, page, catalogue.seal, walk=walk)
    return paged(page, around, cache_control=PRIVATE)


@dataclass(slots=True)
class _Page:
    items: list[Event]
    etag: str
    has_before: bool
    has_after: bool

    @classmethod
    def of(
        cls,
        events: list[Event],
        etag: str,
        limit: int,
        is_inside: bool,
        is_backward: bool,
    ) -> _Page:
        """Make a page of one event more than it shows."""
        has_more = len(events) > limit
        del events[limit:]
        if is_backward:
            events.reverse()
            return cls(events, etag, has_more, bool(events))
        return cls(events, etag, is_inside and bool(events), has_more)

    def edge(self, item: Event) -> tuple[int]:
        return (item.seq,)
