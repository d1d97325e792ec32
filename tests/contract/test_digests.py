"""Bodies that come with a digest, on their way into the catalogue."""

from __future__ import annotations

import base64
import hashlib

import pytest

from collegium.blobs.routes import router as blobs
from collegium.blobs.shelf import Shelf
from collegium.blobs.store import BlobStore
from collegium.catalogue.context import Catalogue
from collegium.db.database import Database
from collegium.rest.application import Application
from collegium.rest.pages import CursorSeal
from fixtures.asgi import AsgiClient

BODY = b'{"code": "CS101", "name": "Programming"}'
JSON = {"content-type": "application/json"}
FIELDS = ["content-digest", "repr-digest"]


def digest(data: bytes) -> str:
    """Return the digest of some bytes as a field says it."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


@pytest.mark.parametrize("field", FIELDS)
async def test_what_has_changed_on_its_way_is_refused(
    catalogue: AsgiClient, nowhere: str, field: str
) -> None:
    """With the digest of other bytes nothing is made, with its own it is."""
    headers = {**JSON, field: digest(BODY + b" ")}
    reply = await catalogue.post(nowhere, None, content=BODY, headers=headers)
    assert (reply.status, reply.json()["type"]) == (400, "/problems/wrong-digest")
    assert (await catalogue.get(nowhere)).json()["items"] == []
    headers = {**JSON, field: digest(BODY)}
    reply = await catalogue.post(nowhere, None, content=BODY, headers=headers)
    assert reply.status == 201


@pytest.mark.parametrize("field", FIELDS)
async def test_blobs_are_compared_too(database: Database, field: str) -> None:
    """A blob whose name is right and whose digest is wrong is refused."""
    app = Application(title="Blobs")
    app.include_router(blobs, prefix="/v1/blobs")
    app.state.blobs = BlobStore(database, Shelf())
    app.state.catalogue = Catalogue(database, CursorSeal(b"key"))
    client = AsgiClient(app)
    path = f"/v1/blobs/{hashlib.sha256(BODY).hexdigest()}"
    wrong = {field: digest(b"")}
    reply = await client.put(path, None, content=BODY, headers=wrong)
    assert (reply.status, reply.json()["type"]) == (400, "/problems/wrong-digest")
    assert (await client.get(path)).status == 404
    right = {field: digest(BODY)}
    reply = await client.put(path, None, content=BODY, headers=right)
    assert reply.status == 201
    shown = await client.get(path)
    assert shown.headers["repr-digest"] == digest(BODY)
