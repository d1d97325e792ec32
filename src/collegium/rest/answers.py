"""The answers that resources give: ready bytes with their validators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from collegium.rest.etag import is_not_modified
from collegium.rest.headers import header

REVALIDATE = b"no-cache"
"""For what may change at any time: keep it, but ask before each use."""
PRIVATE = b"private, no-cache"
"""As above, for what only the person who asked may keep."""
IMMUTABLE = b"public, max-age=31536000, immutable"
"""For what never changes under its address."""

_JSON = (b"content-type", b"application/json")


class Represented(Protocol):
    """A state of a resource that can be shown."""

    @property
    def id(self) -> str:
        """The last part of its own address."""

    @property
    def etag(self) -> str:
        """Its strong entity tag, quotes included."""

    def to_json(self) -> bytes:
        """Return its representation."""


@dataclass(frozen=True, slots=True)
class Document:
    """A ready JSON document whose id, a digest of its content, is also its tag."""

    raw: bytes
    id: str

    @property
    def etag(self) -> str:
        """The digest in quotes."""
        return f'"{self.id}"'

    def to_json(self) -> bytes:
        """Return the document."""
        return self.raw


class Answer(Response):
    """A response whose body and header fields are ready as they go to the wire.

    Parameters
    ----------
    status : HTTP status code.
    body : content; its length becomes Content-Length.
    fields : header fields, names in lower case.
    """

    def __init__(
        self,
        status: int,
        body: bytes,
        fields: list[tuple[bytes, bytes]],
    ) -> None:
        # The base class would encode each field again.
        self.status_code = status
        self.body = body
        self.background = None
        if status != 204 and status != 304:
            fields.append((b"content-length", b"%d" % len(body)))
        self.raw_headers = fields


def shown(
    request: Request, state: Represented, *, cache_control: bytes = REVALIDATE
) -> Answer:
    """Answer a GET of one resource: 200, or 304 when the client has it already."""
    etag = state.etag
    fields = [(b"etag", etag.encode()), (b"cache-control", cache_control)]
    if is_not_modified(request.scope, etag):
        return Answer(304, b"", fields)
    fields.append(_JSON)
    return Answer(200, state.to_json(), fields)


def created(request: Request, state: Represented, *, location: str) -> Answer:
    """Answer a write that made a resource: 201 with its address and tag."""
    return _written(request, 201, state, [(b"location", location.encode())])


def changed(request: Request, state: Represented) -> Answer:
    """Answer a write that changed a resource: 200 with its new representation."""
    return _written(request, 200, state, [])


def deleted() -> Answer:
    """Answer a DELETE: 204."""
    return Answer(204, b"", [])


def location_in(request: Request, collection: str, name: str) -> str:
    """Return the address of a member of a collection.

    Parameters
    ----------
    request : any request of the application.
    collection : path, not escaped.
    name : last part of the member's path, not escaped.
    """
    path: str = request.scope.get("root_path", "") + collection
    return f"{quote(path.rstrip('/'))}/{quote(name, safe='')}"


def listed(
    items: Sequence[Represented], members: Mapping[str, Any], *, etag: str | None
) -> Answer:
    """Answer a GET with the resources that it found.

    Parameters
    ----------
    items : the resources.
    members : further members of the answer.
    etag : of the state in which they were found, None when that is not certain.
    """
    ends = msgspec.json.encode(members)
    body = b'{"items":[%b],%b' % (b",".join(i.to_json() for i in items), ends[1:])
    fields = [_JSON, (b"cache-control", REVALIDATE)]
    if etag is not None:
        fields.append((b"etag", etag.encode()))
    return Answer(200, body, fields)


def json_answer(
    body: Any, *, status: int = 200, cache_control: bytes = b"no-store"
) -> Answer:
    """Answer with any value that JSON can hold."""
    fields = [(b"cache-control", cache_control), _JSON]
    return Answer(status, msgspec.json.encode(body), fields)


def _written(
    request: Request,
    status: int,
    state: Represented,
    fields: list[tuple[bytes, bytes]],
) -> Answer:
    """Answer a write with the new state, or without it when the client prefers so."""
    fields.append((b"etag", state.etag.encode()))
    preferences = header(request.scope, b"prefer")
    if preferences is not None:
        fields.append((b"vary", b"prefer"))
        wished = {part.strip().lower() for part in preferences.split(",")}
        if "return=minimal" in wished:
            fields.append((b"preference-applied", b"return=minimal"))
            return Answer(204 if status == 200 else status, b"", fields)
        if "return=representation" in wished:
            fields.append((b"preference-applied", b"return=representation"))
    fields.append(_JSON)
    return Answer(status, state.to_json(), fields)
