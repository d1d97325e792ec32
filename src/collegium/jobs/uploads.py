"""Files that jobs read: kept in pieces, so that nobody has to hold a whole one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import BinaryIO

from collegium.blobs import repository as blobs
from collegium.blobs.repository import Blob
from collegium.db.database import Reader
from collegium.db.work import Work
from collegium.errors import NotFound, TooLarge
from collegium.interchange.spool import spooled

MOST_BYTES = 256 * 2**20
PIECE_BYTES = 2**20
_MEDIA_TYPE = "application/octet-stream"


class Upload:
    """A file as it arrives: on disk when it is long, gone when it is closed.

    Attributes
    ----------
    pieces : sha256 of each piece that is whole, in order; of all once it has ended.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self.pieces: list[str] = []
        self._file = spooled()
        self._piece = hashlib.sha256()
        self._room_bytes = PIECE_BYTES

    def add(self, data: bytes) -> None:
        """Add what has arrived.

        Raises
        ------
        TooLarge
            When it is more than allowed.
        """
        self.size_bytes += len(data)
        if self.size_bytes > MOST_BYTES:
            raise TooLarge(f"A file may have {MOST_BYTES} bytes.")
        self._file.write(data)
        while len(data) >= self._room_bytes:
            self._piece.update(data[: self._room_bytes])
            data = data[self._room_bytes :]
            self._end_piece()
        self._piece.update(data)
        self._room_bytes -= len(data)

    def end(self) -> None:
        """Note that all has arrived."""
        if self._room_bytes < PIECE_BYTES or not self.pieces:
            self._end_piece()

    async def keep(self, work: Work, job_id: str) -> None:
        """Store the pieces for as long as a job needs them."""
        self._file.seek(0)
        for sha256 in self.pieces:
            blob = Blob(_MEDIA_TYPE, self._file.read(PIECE_BYTES))
            await blobs.add_for_job(work.transaction, job_id, sha256, blob, work.now)
            await asyncio.sleep(0)  # let others read meanwhile

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _end_piece(self) -> None:
        self.pieces.append(self._piece.hexdigest())
        self._piece = hashlib.sha256()
        self._room_bytes = PIECE_BYTES


async def put_together(reader: Reader, pieces: Sequence[str]) -> BinaryIO:
    """Return a file of these blobs, one behind the other, at its beginning.

    Raises
    ------
    NotFound
        When one is not there any more.
    """
    file = spooled()
    async for data in _found(reader, pieces):
        file.write(data)
    file.seek(0)
    return file


async def _found(reader: Reader, pieces: Sequence[str]) -> AsyncIterator[bytes]:
    for sha256 in pieces:
        blob = await blobs.find(reader, sha256)
        if blob is None:
            raise NotFound(f"There is no blob {sha256} any more.")
        yield blob.data
        await asyncio.sleep(0)  # let others read meanwhile
