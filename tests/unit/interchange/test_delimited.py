"""CSV from anybody: read line by line, or refused in one sentence."""

from __future__ import annotations

import codecs
import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import Unreadable
from collegium.interchange.delimited import (
    DELIMITERS,
    LONGEST_LINE_BYTES,
    LONGEST_RECORD_BYTES,
    MOST_COLUMNS,
    Dialect,
    Line,
    read_lines,
)

CELL = st.text(
    st.characters(exclude_characters="\0\r", exclude_categories=("Cs",)), max_size=20
)


def lines_of(data: bytes, dialect: Dialect | None = None) -> list[Line]:
    """Return all records of a file."""
    return list(read_lines(io.BytesIO(data), dialect or Dialect()))


def refused(data: bytes, dialect: Dialect | None = None) -> str:
    """Return why a file is not read."""
    with pytest.raises(Unreadable) as caught:
        lines_of(data, dialect)
    assert "\n" not in caught.value.detail
    return caught.value.detail


@given(
    rows=st.lists(st.lists(CELL, min_size=2, max_size=5), min_size=1, max_size=8),
    delimiter=st.sampled_from(DELIMITERS),
    has_bom=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_was_written_is_read(
    rows: list[list[str]], delimiter: str, has_bom: bool, end: str
) -> None:
    """Cells come back as they were, each record with the line in which it begins."""
    rows = [["first", "second"], *rows]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    expected, at = [], 1
    for row in rows:
        writer.writerow(row)
        if any(cell.strip() for cell in row):
            expected.append(Line(at, row))
        at = 1 + out.getvalue().count("\n")
    data = (codecs.BOM_UTF8 if has_bom else b"") + out.getvalue().encode()
    assert lines_of(data) == expected


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_header_tells_the_delimiter(delimiter: str) -> None:
    """What splits the header into most cells splits all lines."""
    data = delimiter.join(("code", "name, or title", "ects")).encode() + b"\n"
    (line,) = lines_of(data.replace(b", or", b""))
    assert line.cells == ["code", "name title", "ects"]


def test_other_encodings_are_asked_for() -> None:
    """Latin-1 is read as such when it is said, and refused by line and byte else."""
    data = "code,name\nX,Ökonometrie\n".encode("latin-1")
    assert lines_of(data, Dialect("latin-1"))[1].cells == ["X", "Ökonometrie"]
    assert "line 2: is not UTF-8 at byte 3 (0xd6)" in refused(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "line 1: has no header"),
        (b"\n\ncode\n", "line 1: has no header"),
        ("code\nä\n".encode("utf-16"), "UTF-16"),
        ("code\nä\n".encode("utf-32"), "UTF-32"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"code\na\nb\0b\n", "line 3: has the character U+0000"),
        (b"code\n" + b"x" * (LONGEST_LINE_BYTES + 1), "line 2: is longer than 64 KiB"),
        (b"code\n" + b"x" * 2**20 + b"\n", "line 2: is longer than 64 KiB"),
        (b'code\n"' + b"x\n" * LONGEST_RECORD_BYTES, "is a quote missing"),
        (b'code\n"a', "line 2: has a quote that is never closed"),
        (b'code\n"a"b\n', "line 2: is not CSV"),
        (b"code\ra\rb\r", "carriage return"),
        (b"a," * MOST_COLUMNS + b"b\n", "has more than 200 cells"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(data: bytes, says: str) -> None:
    """Each kind of damage is named, with its line."""
    assert says in refused(data)


def test_no_more_than_a_record_is_held() -> None:
    """Reading a file of many megabytes takes no memory that grows with it."""

    class Endless(io.RawIOBase):
        """A file of a million lines that nobody has to hold."""

        def __init__(self) -> None:
            self._left = 60_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            if self._left == 0:
                return 0
            self._left -= 1
            data = b"CS101,Programming,6\n"
            buffer[: len(data)] = data
            return len(data)

    tracemalloc.start()
    count = sum(1 for _ in read_lines(io.BufferedReader(Endless()), Dialect()))  # type: ignore[arg-type]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000
    assert peak_bytes < 2**20
