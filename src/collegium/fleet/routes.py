"""Workers announce themselves here, and everybody sees how the fleet does."""

from __future__ import annotations

import math
import re
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from collegium.errors import Malformed
from collegium.fleet.overview import statistics, worker_view
from collegium.fleet.service import Fleet
from collegium.protocol import HEARTBEAT_HEADER, Announcement, WorkerList, WorkerView
from collegium.rest.access import Area, guarded
from collegium.rest.answers import Answer, location_in, shown
from collegium.rest.bodies import JSON, BodyLimits, read_body, require_media_type
from collegium.rest.openapi import UNCONDITIONAL
from collegium.rest.structs import answered, described_body, document_of, read_struct
from collegium.rest.traffic import Traffic

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ANNOUNCEMENT_LIMITS = BodyLimits(size_bytes=2**20, read_s=10.0)
_announcements = msgspec.json.Decoder(Announcement)
_encoder = msgspec.json.Encoder()
_JSON = (b"content-type", b"application/json")
_NO_STORE = (b"cache-control", b"no-store")


class Leaving(BaseModel):
    """Which start of a worker leaves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    incarnation: str | None = Field(default=None, max_length=64)


def workers_router() -> APIRouter:
    """Return the routes under ``/v1/workers``; the state holds the ``fleet``."""
    router = APIRouter(tags=["fleet"])

    @router.put(
        "/{worker_id}",
        openapi_extra=described_body(Announcement) | UNCONDITIONAL,
        responses=answered(WorkerView, "It is new here.", 201)
        | {204: {"description": "It was known; what it says was taken in."}},
    )
    @guarded(Area.MEMBERSHIP)
    async def announce_worker(request: Request, worker_id: str) -> Answer:
        """Register, report and stay registered: one idempotent announcement."""
        fleet: Fleet = request.app.state.fleet
        _require_id(worker_id)
        require_media_type(request.scope, (JSON,))
        raw = await read_body(request, _ANNOUNCEMENT_LIMITS)
        said = read_struct(_announcements, raw)
        is_new = fleet.announce(worker_id, said)
        heartbeat = b"%d" % int(1000.0 * fleet.heartbeat_s)
        fields = [_NO_STORE, (HEARTBEAT_HEADER.encode(), heartbeat)]
        if not is_new:
            return Answer(204, b"", fields)
        location = location_in(request, "/v1/workers", worker_id)
        fields += [_JSON, (b"location", location.encode())]
        return Answer(201, _encoder.encode(worker_view(fleet, worker_id)), fields)

    @router.delete("/{worker_id}", status_code=204, openapi_extra=UNCONDITIONAL)
    @guarded(Area.MEMBERSHIP)
    async def forget_worker(
        request: Request, worker_id: str, query: Annotated[Leaving, Query()]
    ) -> Answer:
        """Take a worker out; 204 also when it is not there."""
        fleet: Fleet = request.app.state.fleet
        _require_id(worker_id)
        fleet.leave(worker_id, query.incarnation)
        return Answer(204, b"", [_NO_STORE])

    @router.get("", responses=answered(WorkerList, "The workers."))
    @guarded(Area.FLEET)
    async def list_workers(request: Request) -> Answer:
        """List the workers that are known here, in the order of joining."""
        fleet: Fleet = request.app.state.fleet
        views = [worker_view(fleet, member.id) for member in fleet.registry.members]
        return shown(request, document_of(WorkerList(views)))

    @router.get("/{worker_id}", responses=answered(WorkerView, "The worker."))
    @guarded(Area.MEMBERSHIP)
    async def show_worker(request: Request, worker_id: str) -> Answer:
        """Show one worker: its state, what it runs, what it has done."""
        fleet: Fleet = request.app.state.fleet
        return shown(request, document_of(worker_view(fleet, worker_id)))

    return router


def stats_router(traffic: Traffic) -> APIRouter:
    """Return the routes under ``/v1/stats``; the state holds the ``fleet``.

    Parameters
    ----------
    traffic : what counts the requests of this coordinator.
    """
    router = APIRouter(tags=["fleet"])

    @router.get("")
    @guarded(Area.FLEET)
    async def show_statistics(request: Request) -> Answer:
        """Show what the fleet and this coordinator have done, and how fast."""
        fleet: Fleet = request.app.state.fleet
        # As fresh as what is in it: workers report once in a heartbeat.
        cache_control = b"private, max-age=%d" % math.ceil(fleet.heartbeat_s)
        view = document_of(statistics(fleet, traffic))
        return shown(request, view, cache_control=cache_control)

    return router


def _require_id(worker_id: str) -> None:
    if _ID.fullmatch(worker_id) is None:
        raise Malformed("A worker's id has at most 64 letters, digits, . _ and -.")
