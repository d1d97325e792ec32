"""Which import or export a format and a kind mean."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import BinaryIO

import msgspec

from collegium.db.database import Reader
from collegium.db.work import Work
from collegium.errors import Malformed
from collegium.interchange import service
from collegium.interchange.bulk import Import, Observe
from collegium.interchange.delimited import Dialect
from collegium.interchange.importing import ImportReport, import_problem
from collegium.interchange.oneroster.importing import RosterImport
from collegium.interchange.reports import Report
from collegium.interchange.schemas import FileOptions, Format, Kind
from collegium.interchange.sheets.enrolments import EnrolmentImport
from collegium.interchange.sheets.importing import SheetImport
from collegium.interchange.sheets.kinds import KINDS
from collegium.timetabling.itc2019 import read_problem

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


def import_of(options: FileOptions, file: BinaryIO) -> Import:
    """Return the import of a file.

    Parameters
    ----------
    file : may be read more than once.

    Raises
    ------
    Malformed
        When the options do not say what is needed, or say more.
    """
    check_options(options)
    mapping = _mapping(options.map)
    if options.format is Format.ONEROSTER:
        return RosterImport(file)
    if options.format is Format.ITC2019:
        return ProblemImport(options.session or "", file, options.prefix)
    delimiter = options.delimiter and _DELIMITERS[options.delimiter]
    dialect = Dialect(options.encoding, delimiter)
    if options.kind is Kind.ENROLMENTS:
        return EnrolmentImport(options.session or "", file, dialect, mapping)
    kind = KINDS[str(options.kind)]
    return SheetImport(kind, file, dialect, mapping, is_dry_run=options.dry_run)


def check_options(options: FileOptions) -> None:
    """Refuse options that do not go together.

    Raises
    ------
    Malformed
        With a pointer to the option.
    """
    is_csv = options.format is Format.CSV
    needs_session = options.format is Format.ITC2019 or options.kind is Kind.ENROLMENTS
    wrong = {
        "/kind": "CSV needs it, and nothing else has it"
        if is_csv != (options.kind is not None)
        else "",
        "/session": "enrolments and ITC-2019 need it, and nothing else has it"
        if needs_session != (options.session is not None)
        else "",
        "/map": "only CSV has it" if options.map is not None and not is_csv else "",
    }
    pointers = {pointer: text for pointer, text in wrong.items() if text}
    if pointers:
        said = "; ".join(f"{name[1:]}: {text}" for name, text in pointers.items())
        raise Malformed(f"The options do not go together: {said}.", pointers=pointers)
    _mapping(options.map)


def _mapping(text: str | None) -> Mapping[str, str]:
    if text is None:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise Malformed(
            f"The mapping is not a JSON object of texts: {error}.",
            pointers={"/map": "not an object of texts"},
        ) from None


class ProblemImport:
    """An ITC-2019 problem on its way into an empty session.

    Parameters
    ----------
    session : id or code of the academic session.
    prefix : see ``import_problem``.
    """

    has_check = False

    def __init__(self, session: str, file: BinaryIO, prefix: str) -> None:
        self._session = session
        self._file = file
        self._prefix = prefix

    async def check(
        self, reader: Reader, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Do nothing: only doing it tells."""

    async def write(
        self, work: Work, university_id: str, report: Report, observe: Observe
    ) -> None:
        """Fill the session."""
        keys = (university_id, self._session)
        ids = await service.session_ids(work.transaction, keys)
        self._file.seek(0)
        problem = await asyncio.to_thread(lambda: read_problem(self._file.read()))
        found = await import_problem(
            work, *ids, problem, prefix=self._prefix, observe=observe
        )
        _note(found, report)

    def close(self) -> None:
        """Do nothing: nothing has been put aside."""


def _note(found: ImportReport, report: Report) -> None:
    report.created.update(found.added)
    report.unchanged.update(found.met)
    for fault in found.faults:
        report.fault(0, fault.where, fault.detail)
