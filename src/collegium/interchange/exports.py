"""What all exports have in common: one state of the database, on disk, then sent."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from collegium.db.database import Database, Reader
from collegium.interchange.spool import spooled

TRIES = 3
"""So often rows are read without keeping anybody waiting."""
PIECE_BYTES = 2**16


class Export(Protocol):
    """One file on its way out.

    Attributes
    ----------
    media_type : of the file.
    filename : what to save it as.
    is_private : whether it tells about people.
    """

    media_type: str
    filename: str
    is_private: bool

    async def revisions(self, reader: Reader) -> Sequence[object]:
        """Return numbers that differ when what the file says does."""

    async def write(self, reader: Reader, out: BinaryIO) -> None:
        """Write the file."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is ready.

    Parameters
    ----------
    file : at its beginning; closing it deletes it.
    state : differs from that of any other content.
    """

    file: BinaryIO
    size_bytes: int
    state: str

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file, then delete it."""
        with self.file:
            while piece := self.file.read(PIECE_BYTES):
                yield piece


async def state_of(reader: Reader, export: Export) -> str:
    """Return a short text that differs once the file would be another."""
    revisions = await export.revisions(reader)
    text = f"{export.filename} {export.media_type} {revisions}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


async def written(database: Database, export: Export) -> Written:
    """Write a file out of rows that were all there at the same time.

    Rows are read a page at a time while others write; when they have, it is done
    again, and at last from a snapshot.
    """
    for _ in range(TRIES):
        before = await state_of(database, export)
        found = await _written(database, export, before)
        if await state_of(database, export) == before:
            return found
        found.file.close()
    async with database.snapshot() as reader:
        return await _written(reader, export, await state_of(reader, export))


async def _written(reader: Reader, export: Export, state: str) -> Written:
    file = spooled()
    try:
        await export.write(reader, file)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    return Written(file, size, state)


async def revisions_of(
    reader: Reader, scope: str, tables: Sequence[str]
) -> list[tuple[str, int]]:
    """Return the revision of each of these collections of one owner."""
    places = ", ".join("?" for _ in tables)
    rows = await reader.fetch_all(
        f"SELECT name, revision FROM collections WHERE scope = ? "
        f"AND name IN ({places}) ORDER BY name",
        (scope, *tables),
    )
    return [(name, revision) for name, revision in rows]
