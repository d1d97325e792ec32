"""Take in enrolments from plain CSV, one by one by the rules of enrolling."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from pydantic import ValidationError

from collegium.db.addresses import Keys
from collegium.db.database import (
    CheckViolated,
    Reader,
    ReferenceViolated,
    UniqueViolated,
)
from collegium.db.work import Work
from collegium.enrolments.schemas import EnrolmentIn
from collegium.enrolments.service import ENROLMENTS
from collegium.errors import Conflict, Malformed, NotFound
from collegium.interchange.bulk import Observe
from collegium.interchange.delimited import Dialect, Line, read_lines
from collegium.interchange.enrolling import enrolled
from collegium.interchange.reports import Report, said
from collegium.interchange.sheets.columns import Chosen, read_cell
from collegium.interchange.sheets.headers import choose_columns
from collegium.interchange.sheets.kinds import ENROLMENT_COLUMNS, ENROLMENTS_KIND

LINES_AT_ONCE = 50
"""Between two looks at other requests."""


class EnrolmentImport:
    """One file of enrolments in a session.

    What one line may do depends on the seats that the lines before it have taken: so
    there is no check without doing it.

    Parameters
    ----------
    session : id or code of the academic session.
    """

    has_check = False

    def __init__(
        self,
        session: str,
        file: BinaryIO,
        dialect: Dialect,
        mapping: Mapping[str, str],
    ) -> None:
        self._session = session
        self._file = file
        self._dialect = dialect
        self._mapping = mapping

    async def check(
        self, reader: Reader, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Do nothing: only doing it tells."""

    async def write(
        self, work: Work, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Enrol the students of all lines."""
        keys = (university_id, self._session)
        session = await ENROLMENTS.records.scope(work.transaction, keys)
        self._file.seek(0)
        lines = read_lines(self._file, self._dialect)
        header = next(lines, None)
        cells = [] if header is None else header.cells
        chosen, left = choose_columns(cells, ENROLMENT_COLUMNS, self._mapping)
        for name in left:
            report.notice(1, name, "no column has this name: it is not read")
        for line in lines:
            report.lines += 1
            await _take_line(work, session, chosen, len(cells), line, report)
            if report.lines % LINES_AT_ONCE == 0:
                observe(report.lines, self._file.tell())
                await asyncio.sleep(0)  # let others read meanwhile

    def close(self) -> None:
        """Do nothing: nothing has been put aside."""


async def _take_line(
    work: Work,
    session: Keys,
    chosen: Sequence[Chosen],
    width: int,
    line: Line,
    report: Report,
) -> None:
    if len(line.cells) != width:
        detail = f"has {len(line.cells)} cells, the header {width}"
        report.fault(line.number, "", detail)
        return
    values: dict[str, Any] = {}
    for column in chosen:
        read_cell(column, line.cells[column.index], values)
    headers = {f"/{c.column.member}": c.header for c in chosen}
    given = {name: value for name, value in values.items() if value}
    try:
        body = EnrolmentIn.model_validate(given)
        action = await enrolled(work, session, body)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False):
            where = headers.get(f"/{item['loc'][0]}", "")
            report.fault(line.number, where, item["msg"])
    except (UniqueViolated, ReferenceViolated, CheckViolated) as error:
        raise Conflict(f"Line {line.number}: {error.detail}") from None
    except (Malformed, NotFound, Conflict) as error:
        pointer = next(iter(error.pointers), "")
        column_at = "/" + pointer.strip("/").partition("/")[0]
        report.fault(line.number, headers.get(column_at, ""), said(error))
    else:
        report.count(ENROLMENTS_KIND, action, line.number)
