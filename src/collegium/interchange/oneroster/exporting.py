"""A university as a OneRoster archive: the same rows give the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import BinaryIO

from collegium import __version__
from collegium.db.database import Reader
from collegium.interchange.exports import revisions_of
from collegium.interchange.oneroster import questions
from collegium.interchange.oneroster.files import (
    ABSENT,
    BULK,
    CLASSES,
    COURSES,
    ENROLLMENTS,
    EVERY_NAME,
    MANIFEST,
    MANIFEST_COLUMNS,
    MANIFEST_VERSION,
    ORGS,
    ROLES,
    SESSIONS,
    USERS,
    VERSION,
    File,
)
from collegium.interchange.oneroster.written import (
    class_rows,
    course_rows,
    enrollment_rows,
    org_rows,
    role_rows,
    session_rows,
    user_rows,
)
from collegium.interchange.sheets.exporting import csv_writer

MEDIA_TYPE = "application/zip"
_ALWAYS = (1980, 1, 1, 0, 0, 0)
"""Time of all files in the archive, so that it tells nothing but its content."""
_OF_UNIVERSITY = (
    "organisations",
    "sessions",
    "courses",
    "people",
    "memberships",
)
_OF_SESSION = (
    "classes",
    "instructional_offerings",
    "enrolments",
    "teaching_assignments",
)

Rows = AsyncIterator[Mapping[str, str]]


class RosterExport:
    """All that OneRoster can say about a university."""

    media_type = MEDIA_TYPE
    filename = "oneroster.zip"
    is_private = True

    def __init__(self, university_id: str) -> None:
        self._university_id = university_id

    async def revisions(self, reader: Reader) -> Sequence[object]:
        """Return the revisions of all that is written."""
        of_sessions = await questions.session_revisions(
            reader, self._university_id, _OF_SESSION
        )
        own = await questions.university(reader, self._university_id)
        of_university = await revisions_of(reader, self._university_id, _OF_UNIVERSITY)
        return [own, of_university, of_sessions]

    async def write(self, reader: Reader, out: BinaryIO) -> None:
        """Write the archive; files without a row are left out, as the standard says."""
        names = await questions.read_names(reader, self._university_id)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            present = set()
            for file, rows in (
                (ORGS, org_rows(reader, names)),
                (SESSIONS, session_rows(reader, names)),
                (COURSES, course_rows(reader, names)),
                (USERS, user_rows(reader, names)),
                (ROLES, role_rows(reader, names)),
                (CLASSES, class_rows(reader, names)),
                (ENROLLMENTS, enrollment_rows(reader, names)),
            ):
                if await _write_file(archive, file, rows):
                    present.add(file.name)
            _write_manifest(archive, present, names.code)


async def _write_file(archive: zipfile.ZipFile, file: File, rows: Rows) -> bool:
    """Write a file row by row; tell whether it has any."""
    first = await anext(rows, None)
    if first is None:
        return False
    header = file.header
    with (
        archive.open(_entry(file.filename), "w") as member,
        io.BufferedWriter(member, 2**16) as buffered,
    ):
        put = csv_writer(buffered)
        put(header)
        put(first.get(column, "") for column in header)
        async for row in rows:
            put(row.get(column, "") for column in header)
    return True


def _write_manifest(
    archive: zipfile.ZipFile, present: set[str], university: str
) -> None:
    out = io.BytesIO()
    put = csv_writer(out)
    put(MANIFEST_COLUMNS)
    put(("manifest.version", MANIFEST_VERSION))
    put(("oneroster.version", VERSION))
    for name in EVERY_NAME:
        put((f"file.{name}", BULK if name in present else ABSENT))
    put(("source.systemName", f"Collegium {__version__}"))
    put(("source.systemCode", university))
    archive.writestr(_entry(MANIFEST), out.getvalue())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ALWAYS)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
