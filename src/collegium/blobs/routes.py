"""``/v1/blobs``."""

from __future__ import annotations

import base64
import re
from typing import Any, cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from collegium.blobs import repository
from collegium.blobs.repository import Blob
from collegium.blobs.store import BlobStore, digest
from collegium.catalogue.context import work_of
from collegium.errors import NotFound, Unreadable
from collegium.protocol import VIA_HEADER, via_of
from collegium.rest.access import Access, Area, guarded
from collegium.rest.answers import Answer
from collegium.rest.bodies import BodyLimits, read_body
from collegium.rest.etag import is_not_modified
from collegium.rest.headers import header
from collegium.rest.openapi import UNCONDITIONAL

IMMUTABLE = b"private, max-age=31536000, immutable"
"""What stands under a hash never changes; but it may tell who attends what."""
UPLOAD_S = 300.0
"""Longest time in which an upload must arrive."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}(; ?charset=[\w-]{1,20})?", re.A)
_DEFAULT_MEDIA_TYPE = "application/octet-stream"
_ANY_BYTES: dict[str, Any] = {
    _DEFAULT_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}},
    "*/*": {"schema": {"type": "string", "format": "binary"}},
}

# Who knows the hash of a blob has seen its content, or was told of it by what their
# university owns.
_ACCESS = Access(Area.BLOBS, limits_itself=True)

router = APIRouter(tags=["blobs"], default_response_class=Response)


def store_of(request: Request) -> BlobStore:
    """Return the blobs that the application of a request holds."""
    return cast(BlobStore, request.app.state.blobs)


@router.get("/{sha256}", responses={200: {"content": _ANY_BYTES}})
@guarded(_ACCESS)
async def show_blob(request: Request, sha256: str) -> Response:
    """Give out the bytes of a blob."""
    _refuse_other_names(sha256)
    etag = f'"{sha256}"'
    fields = [(b"etag", etag.encode()), (b"cache-control", IMMUTABLE)]
    blob = await store_of(request).find(
        sha256, via_of(header(request.scope, VIA_HEADER.encode()))
    )
    if is_not_modified(request.scope, etag):
        return Answer(304, b"", fields)
    encoded = base64.b64encode(bytes.fromhex(sha256))
    fields += [
        (b"content-type", blob.media_type.encode()),
        (b"repr-digest", b"sha-256=:%b:" % encoded),
        # Whatever a client has stored must not run as a page of ours.
        (b"content-disposition", b"attachment"),
    ]
    return Answer(200, blob.data, fields)


@router.put(
    "/{sha256}",
    status_code=201,
    responses={204: {"description": "It was there already."}},
    openapi_extra={
        "requestBody": {"required": True, "content": _ANY_BYTES},
        **UNCONDITIONAL,
    },
)
@guarded(_ACCESS)
async def put_blob(request: Request, sha256: str) -> Response:
    """Store a blob under the hash of its bytes."""
    _refuse_other_names(sha256)
    media_type = _media_type(request)
    store = store_of(request)
    data = await read_body(request, BodyLimits(store.limit_bytes, UPLOAD_S))
    found = await digest(data)
    if found != sha256:
        raise Unreadable(f"The sha256 of these bytes is {found}.")
    async with store.database.transaction() as transaction:
        work = work_of(request, transaction)
        is_new = await repository.add_uploaded(
            transaction, sha256, Blob(media_type, data), work.now
        )
    fields = [(b"etag", f'"{sha256}"'.encode())]
    if not is_new:
        return Answer(204, b"", fields)
    fields.append((b"location", request.scope["path"].encode()))
    return Answer(201, b"", fields)


def _refuse_other_names(sha256: str) -> None:
    if _SHA256.fullmatch(sha256) is None:
        raise NotFound("A blob's name is its sha256 in 64 hexadecimal digits.")


def _media_type(request: Request) -> str:
    text = header(request.scope, b"content-type") or _DEFAULT_MEDIA_TYPE
    if _MEDIA_TYPE.fullmatch(text) is None:
        raise Unreadable("Content-Type is not a media type.")
    return text
