"""Big payloads on disk: fetched once by hash, checked, kept while there is room."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from collegium.errors import TaskLost


class BlobCache:
    """The blobs that tasks in this process read.

    Parameters
    ----------
    directory : where the files live; whatever lies there from earlier is used again.
    limit_bytes : size above which the blobs used longest ago are dropped, unless a
        task is reading them.
    fetch : returns the bytes for a sha256 in hexadecimal, or raises NotFound.
    """

    def __init__(
        self,
        directory: Path,
        limit_bytes: int,
        fetch: Callable[[str], Awaitable[bytes]],
    ) -> None:
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._fetch = fetch
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._uses: Counter[str] = Counter()
        self._fetching: dict[str, asyncio.Task[None]] = {}
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(directory.glob("?" * 64), key=lambda p: p.stat().st_mtime):
            self._sizes[path.name] = path.stat().st_size

    @asynccontextmanager
    async def held(self, hashes: Sequence[str]) -> AsyncIterator[dict[str, str]]:
        """Give the file of each blob, and keep them all until the end of the block.

        Raises
        ------
        TaskLost
            When what was fetched does not have its hash, or finds no room on the
            disk: another worker may do better.
        NotFound
            When no source has a blob.
        """
        self._uses.update(hashes)
        try:
            for sha256 in hashes:
                await self._ensure(sha256)
            yield {sha256: str(self._directory / sha256) for sha256 in hashes}
        finally:
            self._uses.subtract(hashes)
            self._uses += Counter()  # drops those at zero
            self._make_room()

    async def _ensure(self, sha256: str) -> None:
        if sha256 in self._sizes and (self._directory / sha256).exists():
            self._sizes.move_to_end(sha256)
            return
        running = self._fetching.get(sha256)
        if running is None:
            running = asyncio.create_task(self._get(sha256))
            self._fetching[sha256] = running
            running.add_done_callback(lambda _: self._fetching.pop(sha256, None))
        # Whoever gives up must not take the download from the others.
        await asyncio.shield(running)

    async def _get(self, sha256: str) -> None:
        data = await self._fetch(sha256)
        await asyncio.to_thread(self._store, sha256, data)
        self._sizes[sha256] = len(data)
        self._make_room()

    def _store(self, sha256: str, data: bytes) -> None:
        if hashlib.sha256(data).hexdigest() != sha256:
            raise TaskLost(f"The source of the blob {sha256} gave other bytes.")
        part = self._directory / f"{sha256}.{os.getpid()}.part"
        try:
            part.write_bytes(data)
            part.replace(self._directory / sha256)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise TaskLost(f"The disk does not take {sha256}: {error}") from error

    def _make_room(self) -> None:
        excess = sum(self._sizes.values()) - self._limit_bytes
        for sha256 in list(self._sizes):
            if excess <= 0:
                return
            if self._uses[sha256] > 0:
                continue
            excess -= self._sizes.pop(sha256)
            (self._directory / sha256).unlink(missing_ok=True)
