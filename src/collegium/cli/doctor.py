"""``collegium doctor``: whether a database is sound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from collegium.audit.repository import audit_findings
from collegium.cli.migrate import Url
from collegium.cli.options import settings_from
from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.migrate import migration_script, schema_version
from collegium.db.soundness import schema_findings
from collegium.enrolments.soundness import findings as enrolment_findings
from collegium.errors import CollegiumError, Misconfigured
from collegium.offerings.soundness import offering_findings
from collegium.settings import CoordinatorSettings

EXIT_UNSOUND = 1
MOST_SHOWN = 20
LONGEST_CHECK_S = 3600.0
_SQLITE = "sqlite:///"


def doctor(database: Url = None) -> int:
    """Tell whether a database is sound.

    Checks that it answers, that its pages and indexes are whole, that every
    reference leads somewhere, that its schema is the one that this program needs,
    that no job lacks what it reads, that nothing is there twice or above itself, that
    no event of the record of changes is missing, and that seats, classes, times and
    turns of students are what they must be, counted anew. Run it while nobody writes:
    it asks one question after the other. Prints one line for each check. Exit code 0
    when all is well, 1 when not, 2 when there is no such database.
    """
    settings = settings_from(CoordinatorSettings, {"database": database})
    _refuse_absent(settings.database)
    faults = asyncio.run(_examine(settings.database))
    return EXIT_UNSOUND if faults else 0


def _refuse_absent(url: str) -> None:
    """Stop before opening makes an empty file."""
    if url.startswith(_SQLITE):
        path = Path(url[len(_SQLITE) :])
        if not path.is_file():
            raise Misconfigured(f"{path}: there is no such database")


async def _examine(url: str) -> int:
    """Print what each check says; return the number of faults."""
    database = database_at(url, scan_limit_s=LONGEST_CHECK_S)
    await database.open()
    faults = 0
    try:
        async for name, fault, note in _checks(database):
            faults += fault is not None
            print(f"{'ok   ' if fault is None else 'FAULT'} {name}: {fault or note}")
    finally:
        await database.close()
    return faults


async def _checks(
    database: Database,
) -> AsyncIterator[tuple[str, str | None, str]]:
    """Yield the name of each check, its fault or None, and a remark."""
    facts = await database.describe()
    shown = ", ".join(f"{key} {value}" for key, value in facts.items())
    yield "database", None, shown
    if database.dialect == "sqlite":
        rows = await database.scan(f"PRAGMA integrity_check({MOST_SHOWN})")
        found = [str(row[0]) for row in rows if row[0] != "ok"]
        yield "integrity", "; ".join(found) or None, "all pages and indexes are whole"
        rows = await database.scan("PRAGMA foreign_key_check")
        dangling = [f"{row[0]} row {row[1]} to {row[2]}" for row in rows[:MOST_SHOWN]]
        yield "references", "; ".join(dangling) or None, "all lead somewhere"
    yield "schema", *await _schema(database)
    version = await schema_version(database)
    if version is not None:
        yield "jobs", *await _jobs(database)
    if version is not None and not migration_script(database.dialect, version, "head"):
        for findings in (
            schema_findings,
            audit_findings,
            offering_findings,
            enrolment_findings,
        ):
            async for finding in findings(database):
                fault = "; ".join(finding.breaches) or None
                yield finding.name, fault, finding.note


async def _schema(database: Database) -> tuple[str | None, str]:
    version = await schema_version(database)
    try:
        script = migration_script(database.dialect, version, "head")
    except CollegiumError as error:
        return error.detail, ""
    if script:
        return f"version {version or 'none'} is out of date: collegium migrate", ""
    return None, f"version {version}"


async def _jobs(database: Database) -> tuple[str | None, str]:
    """Check that whatever a job has named is stored."""
    rows = await database.scan(
        "SELECT id FROM jobs WHERE state = 'succeeded' AND result_sha256 IS NULL "
        f"LIMIT {MOST_SHOWN}"
    )
    fault = None
    if rows:
        fault = "succeeded without a result: " + ", ".join(str(row[0]) for row in rows)
    counts = await database.scan("SELECT state, count(*) FROM jobs GROUP BY state")
    return fault, ", ".join(f"{count} {state}" for state, count in counts) or "none"
