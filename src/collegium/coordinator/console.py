"""Serve the console's static pages, with a policy that lets nothing else in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from collegium.errors import NotFound
from collegium.rest.access import OPEN, guarded
from collegium.rest.answers import REVALIDATE, Answer
from collegium.rest.etag import is_not_modified

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    b"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline, nothing in a frame."""
_MEDIA_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _Page:
    body: bytes
    media_type: bytes
    etag: str


def console_router() -> APIRouter:
    """Return the routes of the pages, which are read once."""
    pages = _pages()
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    @guarded(OPEN)
    async def show_console(request: Request) -> Response:
        """Show the console."""
        return _answer(request, pages["index.html"])

    @router.get("/ui/{name}")
    @guarded(OPEN)
    async def show_part(request: Request, name: str) -> Response:
        """Show a part of the console."""
        page = pages.get(name)
        if page is None:
            raise NotFound(f"The console has no part {name!r}.")
        return _answer(request, page)

    return router


def _pages() -> dict[str, _Page]:
    found: dict[str, _Page] = {}
    for file in files("collegium.ui").iterdir():
        media_type = _MEDIA_TYPES.get("." + file.name.rpartition(".")[2])
        if media_type is not None:
            body = file.read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            found[file.name] = _Page(body, media_type, etag)
    return found


def _answer(request: Request, page: _Page) -> Answer:
    fields = [
        (b"etag", page.etag.encode()),
        (b"cache-control", REVALIDATE),
        (b"content-security-policy", POLICY),
    ]
    if is_not_modified(request.scope, page.etag):
        return Answer(304, b"", fields)
    fields.append((b"content-type", page.media_type))
    return Answer(200, page.body, fields)
