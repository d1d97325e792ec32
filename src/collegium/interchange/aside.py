"""Values that are put aside until all have been seen: on disk, not in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from collegium.interchange.spool import spooled

_LENGTH_BYTES = 4

_T = TypeVar("_T")


class Aside(Generic[_T]):
    """A queue of values of one type, in a file that nobody else sees.

    Parameters
    ----------
    kind : type of the values.
    """

    def __init__(self, kind: type[_T]) -> None:
        self._file = spooled()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(kind).decode

    def put(self, value: _T) -> None:
        """Add a value behind the others."""
        data = self._encode(value)
        self._file.write(len(data).to_bytes(_LENGTH_BYTES, "big"))
        self._file.write(data)

    def __iter__(self) -> Iterator[_T]:
        """Yield the values in order."""
        self._file.seek(0)
        while length := self._file.read(_LENGTH_BYTES):
            yield self._decode(self._file.read(int.from_bytes(length, "big")))

    def close(self) -> None:
        """Let the values go."""
        self._file.close()
