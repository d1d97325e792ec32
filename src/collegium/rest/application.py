"""An application whose every route follows the uniform interface."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from collegium import __version__
from collegium.rest.access import OPEN, Admission, guarded, needs_of
from collegium.rest.answers import Answer, Document, shown
from collegium.rest.bodies import BodyLimits
from collegium.rest.guards import Gate, Guards, HeaderLimits, Observer
from collegium.rest.limits import RateLimits
from collegium.rest.openapi import described, secured
from collegium.rest.routing import Dispatcher


class Application(FastAPI):
    """FastAPI with our guards, routing and errors in place of its middleware.

    Routers are included as usual; what they may look like says ``rest.binding``.

    Parameters
    ----------
    title : name of the program, for the OpenAPI document.
    lifespan : opens and closes what the routes need.
    body_limits : bounds of request bodies that lean routes read.
    header_limits : bounds of request headers.
    observer : told of each answer, for metrics and logs.
    gate : lets requests in or turns them away before anything is known of them.
    admission : lets requests pass by what their routes declare; with it, a route that
        declares nothing keeps the application from starting.
    rates : how often anybody may ask; None for as often as they like.
    """

    def __init__(
        self,
        *,
        title: str,
        lifespan: Lifespan[Any] | None = None,
        body_limits: BodyLimits | None = None,
        header_limits: HeaderLimits | None = None,
        observer: Observer | None = None,
        gate: Gate | None = None,
        admission: Admission | None = None,
        rates: RateLimits | None = None,
    ) -> None:
        super().__init__(
            title=title,
            version=__version__,
            lifespan=lifespan,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        self._body_limits = body_limits or BodyLimits()
        self._header_limits = header_limits or HeaderLimits()
        self._observer = observer
        self._gate = gate
        self._admission = admission
        self._rates = rates
        self._is_traced: bool | None = None
        self._description: Document | None = None
        self._describing = asyncio.Lock()
        self.add_api_route("/openapi.json", _show_openapi, include_in_schema=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; traced when a provider was there at the first."""
        if self._is_traced is None and scope["type"] == "http":
            # The framework would ask the environment several times a request.
            self._is_traced = self._native_telemetry.enabled()
        if self._is_traced or scope["type"] != "http":
            await super().__call__(scope, receive, send)
        else:
            await Starlette.__call__(self, scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Return what serves every request; called once, at the first of them."""
        dispatcher = Dispatcher(self, self._body_limits, self._admission)
        return Guards(
            dispatcher, self._header_limits, self._observer, self._gate, self._rates
        )

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document: the framework's, with our errors in it."""
        if self.openapi_schema is None:
            document = super().openapi()
            if self._admission is not None:
                secured(document, needs_of(self.routes), self._admission.is_asking)
            is_limited = self._rates is not None
            self.openapi_schema = described(document, is_limited=is_limited)
        return self.openapi_schema

    async def openapi_document(self) -> Document:
        """Return the OpenAPI document as it is sent.

        Making it takes a second, so that a thread does it, the first time that somebody
        asks.
        """
        async with self._describing:
            if self._description is None:
                self._description = await asyncio.to_thread(self._write_description)
        return self._description

    def _write_description(self) -> Document:
        raw = msgspec.json.encode(self.openapi())
        return Document(raw, hashlib.sha256(raw).hexdigest()[:32])


@guarded(OPEN)
async def _show_openapi(request: Request) -> Answer:
    """Show the description of this interface."""
    return shown(request, await request.app.openapi_document())
