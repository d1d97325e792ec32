"""The rows of the files of an archive, each with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collegium.errors import Malformed
from collegium.interchange.delimited import Dialect, read_lines
from collegium.interchange.oneroster.archives import Archive
from collegium.interchange.oneroster.files import (
    ABSENT,
    BULK,
    DELTA,
    EVERY_NAME,
    MANIFEST,
    MANIFEST_COLUMNS,
    OURS,
    READ,
    VERSION,
    File,
)
from collegium.interchange.reports import Report

_LEFT = "left as it is: nothing is deleted by an import"
_TO_BE_DELETED = "tobedeleted"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file.

    Parameters
    ----------
    line : its number.
    values : by column; without a value, empty.
    """

    line: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")

    def ours(self, column: str) -> str:
        """Return the value of a column that only Collegium writes."""
        return self.values.get(OURS + column, "")

    def several(self, column: str) -> list[str]:
        """Return the values of a cell that holds a list."""
        return [part.strip() for part in self[column].split(",") if part.strip()]


def present_files(archive: Archive, report: Report) -> list[File]:
    """Return the files to be read, as the manifest says them.

    Raises
    ------
    Malformed
        When the manifest is missing, is of another version, asks for changes only, or
        does not say what the archive has.
    """
    if MANIFEST not in archive.names:
        raise Malformed(f"The archive has no {MANIFEST}.")
    declared = _manifest(archive)
    version = declared.get("oneroster.version")
    if version != VERSION:
        raise Malformed(
            f"{MANIFEST}: oneroster.version is {version!r}; {VERSION} is read here."
        )
    for name in EVERY_NAME:
        _check_declared(name, declared.get(f"file.{name}", ABSENT), archive)
    strange = archive.names - {MANIFEST} - {f"{name}.csv" for name in EVERY_NAME}
    if strange:
        raise Malformed(f"OneRoster knows no file {min(strange)!r}.")
    ours = {file.name for file in READ}
    report.file = MANIFEST
    for name in EVERY_NAME:
        if name not in ours and declared.get(f"file.{name}") == BULK:
            report.notice(0, f"file.{name}", "has no place here: it is not read")
    return [file for file in READ if declared.get(f"file.{file.name}") == BULK]


def _manifest(archive: Archive) -> dict[str, str]:
    with archive.opened(MANIFEST) as file:
        lines = read_lines(file, Dialect(delimiter=",", name=MANIFEST))
        header = next(lines, None)
        if header is None or tuple(header.cells) != MANIFEST_COLUMNS:
            raise Malformed(f"{MANIFEST} begins with propertyName,value.")
        found: dict[str, str] = {}
        for line in lines:
            if len(line.cells) != len(MANIFEST_COLUMNS) or line.cells[0] in found:
                raise Malformed(f"{MANIFEST}, line {line.number}: says nothing new.")
            found[line.cells[0]] = line.cells[1].strip()
    return found


def _check_declared(name: str, mode: str, archive: Archive) -> None:
    is_there = f"{name}.csv" in archive.names
    if mode == DELTA:
        raise Malformed(
            f"{MANIFEST}: file.{name} is delta; only whole sets (bulk) are read here."
        )
    if mode not in (BULK, ABSENT):
        raise Malformed(f"{MANIFEST}: file.{name} is {mode!r}, not bulk or absent.")
    if is_there != (mode == BULK):
        verb = "is missing" if mode == BULK else "is there"
        raise Malformed(f"{MANIFEST} says that {name}.csv is {mode}, but it {verb}.")


def read_rows(archive: Archive, file: File, report: Report) -> Iterator[Row]:
    """Yield the rows of a file that have what they must have.

    Raises
    ------
    Malformed
        When its header lacks a column, or names one twice.
    """
    report.file = file.filename
    with archive.opened(file.filename) as opened:
        lines = read_lines(opened, Dialect(delimiter=",", name=file.filename))
        first = next(lines, None)
        header = [] if first is None else first.cells
        _check_header(file, header, report)
        for line in lines:
            report.lines += 1
            if len(line.cells) != len(header):
                detail = f"has {len(line.cells)} cells, the header {len(header)}"
                report.fault(line.number, "", detail)
                continue
            pairs = zip(header, line.cells, strict=True)
            row = Row(line.number, {name: cell.strip() for name, cell in pairs})
            missing = [name for name in file.required if not row[name]]
            for name in missing:
                report.fault(line.number, name, "is empty")
            if row["status"] == _TO_BE_DELETED:
                report.notice(line.number, "status", _LEFT)
            elif not missing:
                yield row


def _check_header(file: File, header: list[str], report: Report) -> None:
    for number, name in enumerate(header):
        if name in header[:number]:
            raise Malformed(f"{file.filename}: the header {name!r} stands twice.")
    missing = [name for name in file.required if name not in header]
    if missing:
        raise Malformed(f"{file.filename} has no column {missing[0]}.")
    for name in header:
        if name not in file.columns and not name.startswith("metadata."):
            report.notice(1, name, "no such column in OneRoster 1.2: it is not read")


def note_unread(row: Row, columns: tuple[str, ...], report: Report) -> None:
    """Note the values that have no place here."""
    for name in columns:
        if row[name]:
            report.notice(row.line, name, "has no place here: it is not read")
