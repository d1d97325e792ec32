"""Files and bytes, plain or gzip-compressed, within bounds."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from collegium.errors import TooLarge, Unreadable

GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31  # the deflate window with gzip's own header and trailer


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an input may be.

    Parameters
    ----------
    stored_bytes : as it lies on the disk or comes over the wire.
    xml_bytes : after decompression.
    tags : opening and closing tags together; bounds the memory of the parsed tree.
    attributes : in the whole document; bounds it too.
    class_pairs : pairs of classes, summed over all distributions; bounds the time
        that judging takes.
    """

    stored_bytes: int = 64 << 20
    xml_bytes: int = 128 << 20
    tags: int = 2_000_000
    attributes: int = 4_000_000
    class_pairs: int = 20_000_000


# The most that these allow takes about 1.1 GB while it is parsed; the largest public
# instance (8,813 classes, 38,437 students) is several times smaller.
DEFAULT_LIMITS = Limits()


def load(source: Path | bytes, limits: Limits) -> bytes:
    """Return the XML of a file or of bytes, decompressed when it is gzip.

    Raises
    ------
    Unreadable
        When there is no such file, or its compression is damaged.
    TooLarge
        When it passes a limit, before more than the limit is held in memory.
    """
    stored = source if isinstance(source, bytes) else _file(source, limits)
    _bound(len(stored), limits.stored_bytes, "bytes")
    if stored.startswith(GZIP_MAGIC):
        return _decompressed(stored, limits.xml_bytes)
    _bound(len(stored), limits.xml_bytes, "bytes of XML")
    return stored


def require_place(path: Path) -> None:
    """Make sure, before long work, that its file has a place.

    Raises
    ------
    Unreadable
        When it is a folder, or in none.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise Unreadable(f"{path}: cannot be written there")


def save(path: Path, xml: bytes) -> None:
    """Write a file whole or not at all; compressed when its name ends in ``.gz``.

    The same bytes always give the same file: gzip's time stamp is left out.

    Raises
    ------
    Unreadable
        When the file cannot be written.
    """
    data = gzip.compress(xml, mtime=0) if path.suffix == ".gz" else xml
    try:
        if path.exists() and not path.is_file():  # a pipe, a terminal
            path.write_bytes(data)
            return
        path = path.resolve()  # a link stays a link
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        partial = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            partial.chmod(0o644)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Unreadable(f"{path}: cannot be written: {error.strerror}") from error


def _file(path: Path, limits: Limits) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limits.stored_bytes + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Unreadable(f"cannot be read: {reason}") from error


def _decompressed(stored: bytes, limit: int) -> bytes:
    """Return all members of a gzip stream, holding never more than the limit."""
    members: list[bytes] = []
    size = 0
    rest = stored
    while rest.startswith(GZIP_MAGIC):
        member = zlib.decompressobj(_GZIP_WINDOW_BITS)
        try:
            xml = member.decompress(rest, limit - size + 1)
        except zlib.error as error:
            raise Unreadable(f"damaged gzip: {error}") from error
        size += len(xml)
        _bound(size, limit, "bytes of XML")
        if not member.eof:
            raise Unreadable("truncated gzip: the end of the stream is missing")
        members.append(xml)
        rest = member.unused_data
    if rest.strip(b"\0"):
        raise Unreadable("damaged gzip: something follows the end of the stream")
    return b"".join(members)


def _bound(value: int, limit: int, what: str) -> None:
    if value > limit:
        raise TooLarge(f"more than {limit} {what}")
