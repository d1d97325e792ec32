"""Zip archives from anybody: nothing is unpacked, and no member is believed."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from collegium.errors import TooLarge, Unreadable

MOST_MEMBERS = 100
MOST_MEMBER_BYTES = 512 * 2**20
MOST_BYTES = 2**30
"""Of all members together."""
MOST_RATIO = 200
"""A text of repeated lines becomes a hundredth; what shrinks further is a bomb."""
_FREE_BYTES = 2**20
"""Members up to this size may shrink as they like."""
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1


class Archive:
    """A zip archive of CSV files that has passed all checks.

    Parameters
    ----------
    file : the archive.

    Raises
    ------
    Unreadable
        When it is no such archive.
    TooLarge
        When its members would be too large.
    """

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise Unreadable(f"This is not a zip archive: {error}.") from None
        self._members = _checked(self._zip.infolist())

    @property
    def names(self) -> frozenset[str]:
        """Names of the files in it."""
        return frozenset(self._members)

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Give a file of the archive to be read.

        Raises
        ------
        Unreadable
            When what is stored is damaged.
        """
        try:
            with self._zip.open(self._members[name]) as member:
                yield cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, member)))
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise Unreadable(f"{name} in the archive is damaged: {error}.") from None

    def position(self) -> int:
        """Return how many bytes of the archive have been passed."""
        return self._file.tell()


def _checked(found: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(found) > MOST_MEMBERS:
        raise TooLarge(f"An archive may have {MOST_MEMBERS} files.")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in found:
        _refuse_strange(info)
        if info.filename in members:
            raise Unreadable(f"The archive has two files called {info.filename}.")
        members[info.filename] = info
    total = sum(info.file_size for info in found)
    if total > MOST_BYTES:
        raise TooLarge(
            f"The files of an archive may have {MOST_BYTES // 2**20} MiB together."
        )
    return members


def _refuse_strange(info: zipfile.ZipInfo) -> None:
    name = info.filename
    shown = name[:80].encode("unicode_escape").decode()
    if not name.endswith(".csv") or "/" in name or "\\" in name or name[0] == ".":
        raise Unreadable(
            f"The archive has {shown!r}: only CSV files belong into it, and none in a "
            "folder."
        )
    if info.flag_bits & _ENCRYPTED:
        raise Unreadable(f"{shown} in the archive is encrypted.")
    if info.compress_type not in _METHODS:
        raise Unreadable(f"{shown} in the archive is compressed in an unusual way.")
    if info.file_size > MOST_MEMBER_BYTES:
        raise TooLarge(
            f"{shown} in the archive would have {info.file_size} bytes: a file may "
            f"have {MOST_MEMBER_BYTES // 2**20} MiB."
        )
    if (
        info.file_size > _FREE_BYTES
        and info.file_size > MOST_RATIO * info.compress_size
    ):
        raise TooLarge(
            f"{shown} in the archive would be {info.file_size} bytes out of "
            f"{info.compress_size}: that is not a list of people."
        )
