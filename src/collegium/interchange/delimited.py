"""Lines of CSV from bytes that nobody vouches for: one record at a time, all bounded.

No more than one record is held. Whatever cannot be read at all is one error that names
the line; what is in the cells is for others to judge.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from collegium.errors import Unreadable

LONGEST_LINE_BYTES = 64 * 2**10
LONGEST_RECORD_BYTES = 256 * 2**10
"""A record whose quoted cells have line breaks is as long as all its lines."""
MOST_COLUMNS = 200
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = {"utf-8": "utf-8", "latin-1": "iso-8859-1", "windows-1252": "cp1252"}
"""Those that can be asked for, and what the language calls them."""

_BOM = codecs.BOM_UTF8
_OTHER_BOMS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written.

    Parameters
    ----------
    encoding : one of ``ENCODINGS``.
    delimiter : between cells; None finds it in the header.
    name : of the file, for what is said about it; empty when there is only one.
    """

    encoding: str = "utf-8"
    delimiter: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One record.

    Parameters
    ----------
    number : of the line in which it begins, from 1.
    cells : as they are written, without their quotes.
    """

    number: int
    cells: list[str]


def read_lines(file: BinaryIO, dialect: Dialect) -> Iterator[Line]:
    """Yield the records of a file, the header first; blank lines are left out.

    Parameters
    ----------
    file : from its beginning.
    dialect : how it is written.

    Raises
    ------
    Unreadable
        When it is not CSV in that encoding, has U+0000, or has a line or a record that
        is longer than allowed.
    """
    source = _Source(file, dialect)
    first = source.first_line()
    delimiter = dialect.delimiter or found_delimiter(first)
    reader = csv.reader(source.lines(first), delimiter=delimiter, strict=True)
    before = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            source.refuse(before + 1, _said(error))
        if cells is None:
            return
        number, before = before + 1, reader.line_num
        source.record_ends()
        if len(cells) > MOST_COLUMNS:
            source.refuse(number, f"has more than {MOST_COLUMNS} cells")
        if any(cell.strip() for cell in cells):
            yield Line(number, cells)


def found_delimiter(header: str) -> str:
    """Return the one of ``DELIMITERS`` that splits a header into most cells."""

    def count(delimiter: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=count)


def batches(lines: Iterator[Line], size: int) -> Iterator[Sequence[Line]]:
    """Yield lines several at a time."""
    batch: list[Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


class _Source:
    """The physical lines of a file, decoded one by one so that each has its number."""

    def __init__(self, file: BinaryIO, dialect: Dialect) -> None:
        self._file = file
        self._encoding = dialect.encoding
        self._codec = ENCODINGS[dialect.encoding]
        self._name = f"{dialect.name}, " if dialect.name else ""
        self._number = 0
        self._record_bytes = 0

    def first_line(self) -> str:
        """Return the first line, without the mark of its encoding."""
        raw = self._next()
        for bom, name in _OTHER_BOMS.items():
            if raw.startswith(bom):
                self.refuse(1, f"is in {name}: save the file as UTF-8")
        if raw.startswith(_ZIP):
            self.refuse(1, "is not text: this is a zip archive or a spreadsheet")
        text = self._decoded(raw.removeprefix(_BOM))
        if not text.strip():
            self.refuse(1, "has no header")
        return text

    def lines(self, first: str) -> Iterator[str]:
        """Yield all lines, the first as it has been read."""
        yield first
        while raw := self._next():
            yield self._decoded(raw)

    def record_ends(self) -> None:
        """Begin to count the bytes of another record."""
        self._record_bytes = 0

    def refuse(self, number: int, detail: str) -> NoReturn:
        """Say what is wrong with a line."""
        raise Unreadable(f"{self._name}line {number}: {detail}.")

    def _next(self) -> bytes:
        raw = self._file.readline(LONGEST_LINE_BYTES + 1)
        self._number += 1
        self._record_bytes += len(raw)
        if len(raw) > LONGEST_LINE_BYTES:
            self.refuse(
                self._number, f"is longer than {LONGEST_LINE_BYTES // 2**10} KiB"
            )
        if self._record_bytes > LONGEST_RECORD_BYTES:
            self.refuse(
                self._number,
                "belongs to a record that does not end: is a quote missing",
            )
        return raw

    def _decoded(self, raw: bytes) -> str:
        if b"\0" in raw:
            self.refuse(self._number, "has the character U+0000")
        try:
            return raw.decode(self._codec)
        except UnicodeDecodeError as error:
            self.refuse(
                self._number,
                f"is not {self._encoding.upper()} at byte {error.start + 1} "
                f"(0x{raw[error.start]:02x}): say which encoding it is, or save it as "
                "UTF-8",
            )


def _said(error: csv.Error) -> str:
    text = str(error)
    if "new-line character" in text:
        return "ends with a carriage return alone: save the file with usual line ends"
    if "field larger" in text:
        return "has a cell that is too long: is a quote missing"
    if "end of data" in text:
        return "has a quote that is never closed"
    return f"is not CSV: {text}"
