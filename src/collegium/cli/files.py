"""``collegium import`` and ``export`` of plain CSV and OneRoster."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from collegium.cli.migrate import Url
from collegium.cli.options import settings_from
from collegium.db import migrate as schema
from collegium.db.connect import database_at
from collegium.db.database import Database, Transaction
from collegium.db.work import Work, timestamp, utc_clock
from collegium.errors import Malformed, Unreadable
from collegium.interchange.bulk import Hooks, Observe, take_in
from collegium.interchange.exports import Export, written
from collegium.interchange.formats import import_of
from collegium.interchange.oneroster.exporting import RosterExport
from collegium.interchange.reports import Report
from collegium.interchange.schemas import FileOptions, Format, Kind
from collegium.interchange.service import session_ids
from collegium.interchange.sheets.exporting import EnrolmentExport, SheetExport
from collegium.interchange.sheets.kinds import KINDS
from collegium.interchange.spool import spooled
from collegium.settings import CoordinatorSettings
from collegium.universities.schemas import UniversityIn
from collegium.universities.service import UNIVERSITIES

EXIT_FAULTS = 1
ACTOR = "command line"
SHOWN_FAULTS = 10
"""On stderr; the report has more."""

University = Annotated[str, typer.Option(help="Code of the university")]
Session = Annotated[str, typer.Option(help="Code of the academic session")]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only tell what would be done, line by line")
]
_Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar")]
_OptionalSession = Annotated[
    str | None,
    typer.Option(help="Code of the academic session; enrolments need it"),
]
_KindOption = Annotated[Kind, typer.Option(help="What the rows are")]


def import_csv(
    file: Annotated[Path, typer.Argument(help="A CSV file; - for standard input")],
    kind: _KindOption,
    university: University,
    session: _OptionalSession = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="'Header=column', as in --map 'Course Code=code'; nothing behind the "
            "= leaves a column out. May be repeated",
        ),
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option(help='JSON file {"header": "column", ...}')
    ] = None,
    encoding: Annotated[
        str, typer.Option(help="utf-8, latin-1 or windows-1252")
    ] = "utf-8",
    delimiter: Annotated[
        str | None,
        typer.Option(help="comma, semicolon, tab or bar; else the header tells"),
    ] = None,
    database: Url = None,
    dry_run: _DryRun = False,
    quiet: _Quiet = False,
) -> int:
    """Add and change rows by their codes: all of the file, or nothing.

    Columns are known by their headers. Prints one JSON object: what was created,
    updated and unchanged, what is wrong, line by line. Exit code 1 when something is
    wrong, 2 when the file cannot be read; either way nothing has been taken in.
    """
    options = _options(
        format=Format.CSV,
        kind=kind,
        session=session,
        map=_mapping(map_ or [], map_file),
        encoding=encoding,
        delimiter=delimiter,
        dry_run=dry_run,
    )
    return _import(file, university, options, database, quiet=quiet)


def import_oneroster(
    file: Annotated[Path, typer.Argument(help="A OneRoster 1.2 archive of CSV files")],
    university: University,
    database: Url = None,
    dry_run: _DryRun = False,
    quiet: _Quiet = False,
) -> int:
    """Add and change what a roster says of a university: all of it, or nothing.

    The university is made when it is not there. Prints one JSON object: what was
    created, updated and unchanged, what is wrong, and what has no place here, by file
    and line. Exit code 1 when something is wrong, 2 when the archive cannot be read;
    either way nothing has been taken in.
    """
    options = _options(format=Format.ONEROSTER, dry_run=dry_run)
    return _import(file, university, options, database, quiet=quiet)


def export_csv(
    file: Annotated[Path, typer.Argument(help="Where to write")],
    kind: _KindOption,
    university: University,
    session: _OptionalSession = None,
    database: Url = None,
) -> None:
    """Write rows as CSV that can be taken in again.

    A text that a spreadsheet would take for a formula gets an apostrophe in front,
    which an import takes off again. Prints one JSON object with the size.
    """
    if (kind is Kind.ENROLMENTS) != (session is not None):
        raise Malformed("Enrolments need --session, and nothing else has it.")

    async def make(database: Database) -> Export:
        if session is not None:
            return EnrolmentExport(*await session_ids(database, (university, session)))
        found = await UNIVERSITIES.find(database, (university,))
        return SheetExport(KINDS[kind.value], found.id)

    _export(file, database, make)


def export_oneroster(
    file: Annotated[Path, typer.Argument(help="Where to write, .zip")],
    university: University,
    database: Url = None,
) -> None:
    """Write a university as a OneRoster 1.2 archive of CSV files.

    Prints one JSON object with the size.
    """

    async def make(database: Database) -> Export:
        return RosterExport((await UNIVERSITIES.find(database, (university,))).id)

    _export(file, database, make)


@asynccontextmanager
async def opened_database(url: str) -> AsyncIterator[Database]:
    """Return a context with a database of the present schema."""
    database = database_at(url)
    await database.open()
    try:
        await schema.migrate(database)
        yield database
    finally:
        await database.close()


def _options(**given: Any) -> FileOptions:
    try:
        return FileOptions.model_validate(given)
    except ValidationError as error:
        item = error.errors(include_url=False, include_context=False)[0]
        raise Malformed(f"--{item['loc'][0]}: {item['msg']}.") from None


def _mapping(pairs: list[str], file: Path | None) -> str | None:
    """Return the mapping of headers as JSON, None without any."""
    mapping: dict[str, Any] = {}
    if file is not None:
        try:
            mapping = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise Unreadable(f"{file}: {error}.") from None
    for pair in pairs:
        header, sign, column = pair.rpartition("=")
        if not sign:
            raise Malformed(f"--map {pair!r} is not of the form 'Header=column'.")
        mapping[header] = column
    return json.dumps(mapping) if mapping else None


def _import(
    file: Path, university: str, options: FileOptions, url: str | None, *, quiet: bool
) -> int:
    settings = settings_from(CoordinatorSettings, {"database": url})
    with _readable(file) as opened, _progress(opened, quiet=quiet) as observe:
        report = asyncio.run(
            _take_in(settings.database, university, options, opened, observe)
        )
    shown = report.to_json(is_dry_run=options.dry_run)
    if not quiet:
        _show_faults(report)
    print(json.dumps(shown))
    return EXIT_FAULTS if report.fault_count else 0


async def _take_in(
    url: str,
    university: str,
    options: FileOptions,
    file: BinaryIO,
    observe: Observe,
) -> Report:
    async with opened_database(url) as database:
        found = await UNIVERSITIES.records.lookup(database, (university,))
        if found is None and options.format is not Format.ONEROSTER:
            await UNIVERSITIES.find(database, (university,))  # says what is missing

        async def place(work: Work) -> str:
            if found is not None:
                return found.id
            body = UniversityIn(code=university, name=university)
            return (await UNIVERSITIES.add(work, (), body)).id

        async def nothing_more(transaction: Transaction, report: Report) -> None:
            """Commit what the file brings, and nothing with it."""

        def work(transaction: Transaction) -> Work:
            return Work(transaction, timestamp(utc_clock()), actor=ACTOR)

        return await take_in(
            database,
            "" if found is None else found.id,
            import_of(options, file),
            Hooks(work, place, lambda: None, nothing_more),
            observe,
            is_dry_run=options.dry_run,
        )


@contextmanager
def _readable(path: Path) -> Iterator[BinaryIO]:
    """Give a file that can be read more than once."""
    if str(path) == "-":
        with spooled() as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
            file.seek(0)
            yield file
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}.") from None
    with file:
        yield file


@contextmanager
def _progress(file: BinaryIO, *, quiet: bool) -> Iterator[Observe]:
    """Show on stderr how far a file has been read."""
    size = file.seek(0, 2)
    file.seek(0)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("reading", total=size, lines=0)

        def observe(lines: int, seen_bytes: int) -> None:
            bar.update(task, completed=seen_bytes, lines=lines)

        yield observe
        bar.update(task, completed=size)


def _show_faults(report: Report) -> None:
    for found in report.faults[:SHOWN_FAULTS]:
        where = ", ".join(
            filter(None, (found.file, f"line {found.line}", found.column))
        )
        print(f"{where}: {found.detail}", file=sys.stderr)
    more = report.fault_count - SHOWN_FAULTS
    if more > 0:
        print(f"and {more} more", file=sys.stderr)


def _export(file: Path, url: str | None, make: Callable[[Database], Any]) -> None:
    settings = settings_from(CoordinatorSettings, {"database": url})

    async def run() -> int:
        async with opened_database(settings.database) as database:
            found = await written(database, await make(database))
            with found.file, file.open("wb") as out:
                shutil.copyfileobj(found.file, out)
            return found.size_bytes

    try:
        size = asyncio.run(run())
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}.") from None
    print(json.dumps({"file": str(file), "bytes": size}))
