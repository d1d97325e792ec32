"""Say whether this process lives, and whether it can serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from collegium import __version__
from collegium.errors import CollegiumError
from collegium.rest.access import OPEN, guarded
from collegium.rest.answers import json_answer
from collegium.rest.openapi import UNCONDITIONAL

Check = Callable[[], Awaitable[Mapping[str, Any]]]
"""Returns facts worth knowing, or raises what makes this process not ready."""


class Liveness(BaseModel):
    """The process lives and its event loop turns."""

    status: str = Field(description="Always ok.")
    version: str = Field(description="Version of the program.")


class Readiness(BaseModel):
    """Whether requests can be served now."""

    status: str = Field(description="ok or unavailable.")
    version: str = Field(description="Version of the program.")
    checks: dict[str, dict[str, Any]] = Field(description="What each part says.")


def health_router(checks: Callable[[Request], Mapping[str, Check]]) -> APIRouter:
    """Return the routes ``/live`` and ``/ready``.

    Parameters
    ----------
    checks : named parts that must work for this process to be ready; a part whose
        check raises an error makes it unready and is shown with the reason.
    """
    router = APIRouter(tags=["health"])

    @router.get("/live", response_model=Liveness, openapi_extra=UNCONDITIONAL)
    @guarded(OPEN)
    async def show_liveness() -> Response:
        """Show that the process lives; nothing else is asked."""
        return json_answer({"status": "ok", "version": __version__})

    @router.get("/ready", response_model=Readiness, openapi_extra=UNCONDITIONAL)
    @guarded(OPEN)
    async def show_readiness(request: Request) -> Response:
        """Show whether the process can serve, with what each part says."""
        found: dict[str, dict[str, Any]] = {}
        is_ready = True
        for name, check in checks(request).items():
            try:
                found[name] = {"status": "ok", **await check()}
            except CollegiumError as error:
                is_ready = False
                found[name] = {"status": "unavailable", "detail": error.detail}
        body = {
            "status": "ok" if is_ready else "unavailable",
            "version": __version__,
            "checks": found,
        }
        answer = json_answer(body, status=200 if is_ready else 503)
        if not is_ready:
            answer.raw_headers.append((b"retry-after", b"1"))
        return answer

    return router
