"""Take in a roster: file by file, each behind what it names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import BinaryIO

from collegium.db.database import (
    CheckViolated,
    Reader,
    ReferenceViolated,
    UniqueViolated,
)
from collegium.db.work import Work
from collegium.errors import Conflict
from collegium.interchange.bulk import Observe
from collegium.interchange.oneroster.archives import Archive
from collegium.interchange.oneroster.catalogue import take_courses, take_users
from collegium.interchange.oneroster.classes import take_classes
from collegium.interchange.oneroster.enrollments import take_enrollments
from collegium.interchange.oneroster.files import (
    CLASSES,
    COURSES,
    ENROLLMENTS,
    ORGS,
    ROLES,
    SESSIONS,
    USERS,
)
from collegium.interchange.oneroster.roles import take_roles
from collegium.interchange.oneroster.roster import Roster
from collegium.interchange.oneroster.rows import Row, present_files, read_rows
from collegium.interchange.oneroster.structure import (
    settle_sessions,
    take_orgs,
    take_sessions,
)
from collegium.interchange.reports import Report

_TAKE: Mapping[str, Callable[[Roster, Iterable[Row]], Awaitable[object]]] = {
    ORGS.name: take_orgs,
    SESSIONS.name: take_sessions,
    COURSES.name: take_courses,
    USERS.name: take_users,
    ROLES.name: take_roles,
    CLASSES.name: take_classes,
}


class RosterImport:
    """A OneRoster archive on its way in.

    What a row may do depends on the rows before it: so there is no check without doing
    it.
    """

    has_check = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    async def check(
        self, reader: Reader, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Do nothing: only doing it tells."""

    async def write(
        self, work: Work, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Take in all files that the manifest names.

        Raises
        ------
        Unreadable, TooLarge, Malformed
            When the archive cannot be read, or is no OneRoster archive.
        Conflict
            When the database has something that must be unique already.
        """
        archive = Archive(self._file)
        roster = Roster(work, university_id, archive, report, observe)
        with_students: set[str] = set()
        for file in present_files(archive, report):
            rows = read_rows(archive, file, report)
            try:
                if file is ENROLLMENTS:
                    with_students = await take_enrollments(roster, rows)
                else:
                    await _TAKE[file.name](roster, rows)
            except (UniqueViolated, ReferenceViolated, CheckViolated) as error:
                raise Conflict(f"{file.filename}: {error.detail}") from None
            if report.fault_count:
                return  # what comes after would only say that it is missing
        await settle_sessions(roster, with_students)

    def close(self) -> None:
        """Do nothing: nothing has been put aside."""
