"""Blobs wherever they are: on the shelf of this process, or in the database."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence

from collegium.blobs import repository
from collegium.blobs.repository import Blob
from collegium.blobs.shelf import Shelf
from collegium.db.database import Database
from collegium.errors import NotFound

UPLOAD_LIMIT_BYTES = 64 << 20
_QUICK_BYTES = 1 << 18
"""Up to this size hashing takes less time than asking a thread to do it."""
_ANY_MEDIA_TYPE = "application/octet-stream"


class BlobStore:
    """What this coordinator can give out by hash.

    Parameters
    ----------
    limit_bytes : largest blob that a client may store.

    Attributes
    ----------
    elsewhere : asks somebody else for a blob that is not here, and checks its hash;
        takes the coordinators that the question has passed. None asks nobody.
    """

    elsewhere: Callable[[str, Sequence[str]], Awaitable[bytes]] | None = None

    def __init__(
        self, database: Database, shelf: Shelf, limit_bytes: int = UPLOAD_LIMIT_BYTES
    ) -> None:
        self.database = database
        self.shelf = shelf
        self.limit_bytes = limit_bytes

    async def find(self, sha256: str, via: Sequence[str] = ()) -> Blob:
        """Return a blob.

        Parameters
        ----------
        via : coordinators that the question has passed.

        Raises
        ------
        NotFound
            When it is neither stored nor held.
        """
        data = self.shelf.get(sha256)
        if data is not None:
            return Blob(_ANY_MEDIA_TYPE, data)
        blob = await repository.find(self.database, sha256)
        if blob is not None:
            return blob
        if self.elsewhere is None:
            raise NotFound(f"There is no blob {sha256}.")
        return Blob(_ANY_MEDIA_TYPE, await self.elsewhere(sha256, via))

    async def fetch(self, sha256: str) -> bytes:
        """Return the bytes of a blob.

        Raises
        ------
        NotFound
            When it is neither stored nor held.
        """
        return (await self.find(sha256)).data


async def digest(data: bytes) -> str:
    """Return the sha256 in hexadecimal; a long one is computed off the event loop."""
    if len(data) <= _QUICK_BYTES:
        return hashlib.sha256(data).hexdigest()
    return await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
