"""Blobs that running jobs need only now: held in memory, gone when nobody uses them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


class Shelf:
    """Blobs by hash, each held by the jobs that use it.

    A walk of the solver lives for one lease; writing each into the database would cost
    more than losing it when the coordinator dies.
    """

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._holders: dict[str, set[str]] = {}

    def put(self, holder: str, data: bytes) -> str:
        """Keep bytes for a job; return their sha256 in hexadecimal."""
        sha256 = hashlib.sha256(data).hexdigest()
        self._blobs[sha256] = data
        self._holders.setdefault(sha256, set()).add(holder)
        return sha256

    def get(self, sha256: str) -> bytes | None:
        """Return the bytes, or None when nobody holds them."""
        return self._blobs.get(sha256)

    def keep_only(self, holder: str, wanted: Iterable[str]) -> None:
        """Let go of everything that a job holds but what it still wants."""
        wanted = frozenset(wanted)
        for sha256, holders in list(self._holders.items()):
            if holder in holders and sha256 not in wanted:
                holders.discard(holder)
                if not holders:
                    del self._holders[sha256], self._blobs[sha256]

    @property
    def size_bytes(self) -> int:
        """Bytes held in all."""
        return sum(map(len, self._blobs.values()))
