from __future__ import annotations

import asyncio
import hashlib
import resource
from collections import Counter
from pathlib import Path

import pytest

from collegium.errors import NotFound, TaskLost
from collegium.workloads.blobs import BlobCache


class _Source:
    """Gives out blobs, and counts how often."""

    def __init__(self, *blobs: bytes) -> None:
        self.blobs = {hashlib.sha256(blob).hexdigest(): blob for blob in blobs}
        self.asked: Counter[str] = Counter()

    async def fetch(self, sha256: str) -> bytes:
        self.asked[sha256] += 1
        await asyncio.sleep(0.01)
        if sha256 not in self.blobs:
            raise NotFound(sha256)
        return self.blobs[sha256]


async def _read(cache: BlobCache, *hashes: str) -> list[bytes]:
    async with cache.held(hashes) as paths:
        return await asyncio.to_thread(
            lambda: [Path(paths[sha256]).read_bytes() for sha256 in hashes]
        )


def _kept(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


async def test_each_blob_is_fetched_once(tmp_path: Path) -> None:
    """However many tasks want a blob at once, also after a restart: one download."""
    source = _Source(b"a", b"b")
    first, second = source.blobs
    cache = BlobCache(tmp_path, 1000, source.fetch)
    found = await asyncio.gather(*(_read(cache, first, second) for _ in range(10)))
    assert found == [[b"a", b"b"]] * 10
    again = BlobCache(tmp_path, 1000, source.fetch)
    assert await _read(again, first) == [b"a"]
    assert set(source.asked.values()) == {1}


async def test_wrong_bytes_are_refused(tmp_path: Path) -> None:
    """What does not have its hash is neither kept nor given to a task."""
    source = _Source()
    sha256 = hashlib.sha256(b"right").hexdigest()
    source.blobs[sha256] = b"wrong"
    cache = BlobCache(tmp_path, 1000, source.fetch)
    with pytest.raises(TaskLost):  # another worker may get the right ones
        await _read(cache, sha256)
    assert _kept(tmp_path) == {}
    source.blobs[sha256] = b"right"
    assert await _read(cache, sha256) == [b"right"]


async def test_a_full_disk_is_a_task_for_others(tmp_path: Path) -> None:
    """Without room the task is lost here, nothing half written stays, and it passes."""
    source = _Source(b"x" * 10_000)
    (sha256,) = source.blobs
    cache = BlobCache(tmp_path, 100_000, source.fetch)
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, former[1]))
    try:
        with pytest.raises(TaskLost, match="disk"):
            await _read(cache, sha256)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert _kept(tmp_path) == {}
    assert await _read(cache, sha256) == [b"x" * 10_000]


async def test_missing_blob(tmp_path: Path) -> None:
    """A blob that nobody has is not found, and asked for again the next time."""
    source = _Source()
    cache = BlobCache(tmp_path, 1000, source.fetch)
    for _ in range(2):
        with pytest.raises(NotFound):
            await _read(cache, "0" * 64)
    assert source.asked["0" * 64] == 2


async def test_room_is_made_but_not_under_a_reader(tmp_path: Path) -> None:
    """The blob used longest ago goes when there is no room; one in use stays."""
    source = _Source(b"x" * 60, b"y" * 60, b"z" * 60)
    x, y, z = source.blobs
    cache = BlobCache(tmp_path, 130, source.fetch)
    async with cache.held([x]):
        await _read(cache, y)
        await _read(cache, z)
        assert set(_kept(tmp_path)) == {x, z}
    await _read(cache, y)
    assert set(_kept(tmp_path)) == {y, z}


async def test_giving_up_does_not_take_it_from_others(tmp_path: Path) -> None:
    """Cancelling one of two waiting tasks leaves the download to the other."""
    source = _Source(b"a")
    (sha256,) = source.blobs
    cache = BlobCache(tmp_path, 1000, source.fetch)
    one = asyncio.create_task(_read(cache, sha256))
    two = asyncio.create_task(_read(cache, sha256))
    await asyncio.sleep(0)
    one.cancel()
    assert await two == [b"a"]
    assert source.asked[sha256] == 1
