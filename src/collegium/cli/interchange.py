"""``collegium import`` and ``collegium export``; here, whole sessions as ITC-2019."""

from __future__ import annotations

import asyncio
import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from collegium.cli.files import (
    ACTOR,
    EXIT_FAULTS,
    Session,
    University,
    export_csv,
    export_oneroster,
    import_csv,
    import_oneroster,
    opened_database,
)
from collegium.cli.migrate import Url
from collegium.cli.options import settings_from
from collegium.db.addresses import Keys
from collegium.db.work import Work, timestamp, utc_clock
from collegium.errors import Misconfigured
from collegium.interchange.importing import ImportReport, Observe, import_problem
from collegium.interchange.service import session_ids, written_problem
from collegium.sessions.schemas import SessionIn
from collegium.sessions.service import SESSIONS
from collegium.settings import CoordinatorSettings
from collegium.timetabling.itc2019 import read_problem, save
from collegium.timetabling.problem import Problem
from collegium.universities.schemas import UniversityIn
from collegium.universities.service import UNIVERSITIES

importing = typer.Typer(help="Take in a file of another program.")
exporting = typer.Typer(help="Write a file for another program.")
importing.command("csv")(import_csv)
importing.command("oneroster")(import_oneroster)
exporting.command("csv")(export_csv)
exporting.command("oneroster")(export_oneroster)


@importing.command("itc2019")
def import_itc2019(
    file: Annotated[Path, typer.Argument(help="ITC-2019 problem, .xml or .xml.gz")],
    university: University,
    session: Session,
    database: Url = None,
    prefix: Annotated[
        str, typer.Option(help="Before each code of rooms, courses and people")
    ] = "",
    start_date: Annotated[
        datetime.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="First day of a session that is not there yet"
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be done")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar")] = False,
) -> int:
    """Fill an empty academic session with an ITC-2019 problem: all of it, or nothing.

    Rooms, courses and people are those of the same code where there are some, and
    made otherwise; so are the university, and with --start-date the session. Prints
    one JSON object: what was added, what was there already, and what stops it. Exit
    code 1 when something does, 2 when the file cannot be read; either way nothing has
    been taken in.
    """
    problem = read_problem(file)
    settings = settings_from(CoordinatorSettings, {"database": database})
    first = None if start_date is None else start_date.date()
    with Progress(console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("importing", total=None)

        def observe(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        report = asyncio.run(
            _import(
                settings.database,
                problem,
                (university, session),
                prefix=prefix,
                first=first,
                is_dry_run=dry_run,
                observe=observe,
            )
        )
    print(json.dumps({"is_dry_run": dry_run, **asdict(report)}))
    return EXIT_FAULTS if report.faults else 0


@exporting.command("itc2019")
def export_itc2019(
    file: Annotated[Path, typer.Argument(help="Where to write, .xml or .xml.gz")],
    university: University,
    session: Session,
    database: Url = None,
) -> None:
    """Write an academic session as an ITC-2019 problem, with its students.

    Parts that came from a file have the ids of that file, others their codes. Prints
    one JSON object with its sizes.
    """
    settings = settings_from(CoordinatorSettings, {"database": database})
    xml, problem = asyncio.run(_export(settings.database, (university, session)))
    save(file, xml)
    sizes = {
        "name": problem.name,
        "classes": len(problem.classes),
        "courses": len(problem.courses),
        "rooms": len(problem.rooms),
        "students": len(problem.students),
        "distributions": len(problem.distributions),
    }
    print(json.dumps(sizes))


class _Rehearsed(Exception):
    """Undoes what shall not be, and carries the report out."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__()
        self.report = report


async def _import(
    url: str,
    problem: Problem,
    keys: Keys,
    *,
    prefix: str,
    first: datetime.date | None,
    is_dry_run: bool,
    observe: Observe,
) -> ImportReport:
    async with opened_database(url) as database:
        try:
            async with database.transaction() as transaction:
                work = Work(transaction, timestamp(utc_clock()), actor=ACTOR)
                ids = await _place(work, problem, keys, first)
                report = await import_problem(
                    work,
                    *ids,
                    problem,
                    prefix=prefix,
                    is_dry_run=is_dry_run,
                    observe=observe,
                )
                if is_dry_run or report.faults:
                    raise _Rehearsed(report)
        except _Rehearsed as rehearsed:
            return rehearsed.report
    return report


async def _place(
    work: Work, problem: Problem, keys: Keys, first: datetime.date | None
) -> tuple[str, str]:
    """Return the ids of the university and the session, made if they are missing."""
    university, session = keys
    found = await UNIVERSITIES.records.lookup(work.transaction, (university,))
    if found is None:
        body = UniversityIn(code=university, name=university)
        found = await UNIVERSITIES.add(work, (), body)
    owner = (found.id,)
    term = await SESSIONS.records.lookup(work.transaction, (*owner, session))
    if term is None:
        if first is None:
            raise Misconfigured(
                f"There is no session {session}; --start-date YYYY-MM-DD would make it."
            )
        term = await SESSIONS.add(work, owner, _session_body(session, problem, first))
    return found.id, term.id


def _session_body(code: str, problem: Problem, first: datetime.date) -> SessionIn:
    return SessionIn(
        code=code,
        name=problem.name if problem.name.strip() else code,
        start_date=first,
        end_date=first + datetime.timedelta(weeks=problem.n_weeks, days=-1),
        first_week_date=first,
        n_weeks=problem.n_weeks,
        n_days=problem.n_days,
        slots_per_day=problem.slots_per_day,
    )


async def _export(url: str, keys: Keys) -> tuple[bytes, Problem]:
    async with opened_database(url) as database:
        ids = await session_ids(database, keys)
        written = await written_problem(database, *ids)
        return written.xml, written.snapshot.problem
