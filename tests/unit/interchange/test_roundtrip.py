"""What goes into a session comes out of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.work import Work
from collegium.errors import Malformed, StateForbids
from collegium.interchange.importing import ImportReport, import_problem
from collegium.interchange.snapshot import build_snapshot
from collegium.interchange.snapshot_rows import read_rows
from collegium.offerings.parts import read_document
from collegium.offerings.repository import Place
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import read_problem, write_problem
from collegium.timetabling.problem import Class, Problem, Room
from fixtures.problems import XML_TEXT, problems

NOW = "2030-01-01T00:00:00.000000Z"
UNIVERSITY = "u"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    """Return a context with an open database."""
    database = database_at(f"sqlite:///{path}")
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def add_session(database: Database, session: str, problem: Problem) -> None:
    """Add a session with the grid of a problem, and its university if need be."""
    async with database.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO universities (id, code, name, names, other_codes, version, "
            "created_at, updated_at) VALUES (?, 'U', 'U', '{}', '[]', 1, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (UNIVERSITY, NOW, NOW),
        )
        await transaction.execute(
            "INSERT INTO sessions (university_id, id, code, name, names, type, "
            "start_date, end_date, first_week_date, n_weeks, n_days, slots_per_day, "
            "holidays, state, other_codes, version, created_at, updated_at) VALUES "
            "(?, ?, ?, 'T', '{}', 'semester', '2030-01-07', '2030-06-01', "
            "'2030-01-07', ?, ?, ?, '[]', 'planning', '[]', 1, ?, ?)",
            (
                UNIVERSITY,
                session,
                session,
                problem.n_weeks,
                problem.n_days,
                problem.slots_per_day,
                NOW,
                NOW,
            ),
        )


async def taken_in(
    database: Database,
    session: str,
    problem: Problem,
    *,
    prefix: str = "",
    is_dry_run: bool = False,
) -> ImportReport:
    """Return the report of an import in a transaction of its own.

    It is committed whatever the report says: with faults nothing must be written.
    """
    async with database.transaction() as transaction:
        report = await import_problem(
            Work(transaction, NOW),
            UNIVERSITY,
            session,
            problem,
            prefix=prefix,
            is_dry_run=is_dry_run,
        )
    if not is_dry_run:
        report.require_faultless()
    return report


async def given_out(database: Database, session: str) -> Problem:
    """Return a session as a problem."""
    async with database.snapshot() as reader:
        rows = await read_rows(reader, UNIVERSITY, session)
    return build_snapshot(rows).problem


async def through(template: Path, problem: Problem) -> Problem:
    """Return a problem after it was in a session of a new database."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "x.db"
        shutil.copy(template, path)
        async with opened(path) as database:
            await add_session(database, "s", problem)
            await taken_in(database, "s", problem)
            return await given_out(database, "s")


def with_sound_parents(problem: Problem) -> Problem:
    """Return a problem whose classes have parents in one earlier subpart or none."""
    classes = list(problem.classes)
    for course in problem.courses:
        for configuration in course.configurations:
            above: Sequence[int] = ()
            for subpart in configuration.subparts:
                for number, index in enumerate(subpart.classes):
                    parent = problem.classes[index].parent
                    is_kept = parent is not None and bool(above)
                    classes[index] = replace(
                        classes[index],
                        parent=above[number % len(above)] if is_kept else None,
                    )
                above = subpart.classes
    return replace(problem, classes=tuple(classes))


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(problem=problems(names=XML_TEXT).map(with_sound_parents))
def test_nothing_is_lost(sqlite_template: Path, problem: Problem) -> None:
    """Any problem comes out of a session, and of its XML, as it went in."""
    after = asyncio.run(through(sqlite_template, problem))
    assert after == problem
    assert read_problem(write_problem(after)) == read_problem(write_problem(problem))


async def test_a_generated_university_comes_back(sqlite_template: Path) -> None:
    """A made-up university of all types of constraint goes in and out unchanged."""
    problem = generate(SampleSize(n_classes=80, n_students=200, n_rooms=15), seed=3)
    assert await through(sqlite_template, problem) == problem


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """Return an open database without rows."""
    path = tmp_path / "x.db"
    shutil.copy(sqlite_template, path)
    async with opened(path) as database:
        yield database


def sample() -> Problem:
    """Return a small university."""
    return generate(SampleSize(n_classes=20, n_students=30, n_rooms=6), seed=1)


async def counts(database: Database) -> list[int]:
    """Return how many rows the tables that an import fills have."""
    found = []
    for table in ("rooms", "courses", "people", "classes", "course_requests"):
        row = await database.fetch_one(f"SELECT count(*) FROM {table}")
        assert row is not None
        found.append(row[0])
    return found


async def test_a_dry_run_changes_nothing(database: Database) -> None:
    """A dry run tells how much there would be, and leaves it at that."""
    problem = sample()
    await add_session(database, "s", problem)
    before = await database.data_version()
    report = await taken_in(database, "s", problem, is_dry_run=True)
    assert report.faults == []
    assert report.added["classes"] == len(problem.classes)
    assert report.added["people"] == len(problem.students)
    assert await counts(database) == [0] * 5
    assert await database.data_version() == before


async def test_a_second_session_shares_what_is_the_same(database: Database) -> None:
    """The same file in another session meets its rooms, courses and people again."""
    problem = replace(sample(), students=sample().students[:20])
    open_rooms = tuple(replace(room, unavailable=()) for room in problem.rooms)
    problem = replace(problem, rooms=open_rooms)
    for session in ("s", "t"):
        await add_session(database, session, problem)
    await taken_in(database, "s", problem)
    report = await taken_in(database, "t", problem)
    assert report.added.get("rooms", 0) == report.added.get("people", 0) == 0
    assert report.met["rooms"] == len(problem.rooms)
    assert await given_out(database, "t") == problem
    assert await given_out(database, "s") == problem


async def test_a_prefix_keeps_files_apart(database: Database) -> None:
    """Behind a prefix, equal ids of another file mean other rooms and people."""
    problem = sample()
    other = replace(
        problem,
        rooms=tuple(replace(r, capacity=r.capacity + 1) for r in problem.rooms),
    )
    for session in ("s", "t"):
        await add_session(database, session, problem)
    await taken_in(database, "s", problem)
    report = await taken_in(database, "t", other, is_dry_run=True)
    assert {fault.where for fault in report.faults} >= {
        f"room {room.id}" for room in problem.rooms
    }
    await taken_in(database, "t", other, prefix="B-")
    assert await given_out(database, "t") == other
    assert await given_out(database, "s") == problem


async def test_a_full_session_takes_nothing(database: Database) -> None:
    """A second file for the same session is refused, and changes nothing."""
    problem = sample()
    await add_session(database, "s", problem)
    await taken_in(database, "s", problem)
    before = await counts(database)
    with pytest.raises(Malformed, match="has offerings already"):
        await taken_in(database, "s", problem, prefix="B-")
    assert await counts(database) == before


async def test_another_grid_is_refused(database: Database) -> None:
    """A session of other weeks or slots does not take the file."""
    problem = sample()
    await add_session(database, "s", replace(problem, n_weeks=problem.n_weeks + 1))
    with pytest.raises(Malformed, match="weeks"):
        await taken_in(database, "s", problem)
    assert await counts(database) == [0] * 5


async def test_a_closed_session_is_refused(database: Database) -> None:
    """Only while structure may change does a session take a file, even for trial."""
    problem = sample()
    await add_session(database, "s", problem)
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE sessions SET state = 'running'")
    with pytest.raises(StateForbids):
        await taken_in(database, "s", problem, is_dry_run=True)


async def test_strange_parents_are_refused(database: Database) -> None:
    """A parent outside the class's own configuration could never be attended."""
    problem = sample()
    first, last = problem.courses[0], problem.courses[-1]
    child = last.configurations[0].subparts[0].classes[0]
    stranger = first.configurations[0].subparts[0].classes[0]
    classes: list[Class] = list(problem.classes)
    classes[child] = replace(classes[child], parent=stranger)
    await add_session(database, "s", problem)
    with pytest.raises(Malformed, match="the parents of its classes"):
        await taken_in(database, "s", replace(problem, classes=tuple(classes)))
    assert await counts(database) == [0] * 5


async def test_imported_offerings_are_their_parts(database: Database) -> None:
    """The document of an imported offering says what the tables of its parts say."""
    problem = sample()
    await add_session(database, "s", problem)
    await taken_in(database, "s", problem)
    for row in await database.fetch_all(
        "SELECT id, configurations FROM instructional_offerings"
    ):
        place = Place(UNIVERSITY, "s", row[0])
        assert msgspec.json.decode(row[1]) == await read_document(database, place)


async def test_travel_between_buildings_counts_for_rooms(database: Database) -> None:
    """What no pair of rooms says is said by the pair of their buildings."""
    problem = sample()
    rooms = tuple(
        Room(room.id, room.capacity, {}, room.unavailable) for room in problem.rooms
    )
    problem = replace(problem, rooms=rooms)
    await add_session(database, "s", problem)
    await taken_in(database, "s", problem)
    async with database.transaction() as transaction:
        for building, codes in (("a", rooms[:2]), ("b", rooms[2:3])):
            await transaction.execute(
                "INSERT INTO buildings (university_id, id, code, name, names, "
                "other_codes, version, created_at, updated_at) "
                "VALUES ('u', ?, ?, 'B', '{}', '[]', 1, ?, ?)",
                (building, building, NOW, NOW),
            )
            for room in codes:
                await transaction.execute(
                    "UPDATE rooms SET building_id = ? WHERE code = ?",
                    (building, room.id),
                )
        await transaction.execute(
            "INSERT INTO travel_times (university_id, id, from_building_id, "
            "to_building_id, slots, version, created_at, updated_at) "
            "VALUES ('u', 'x', 'a', 'b', 4, 1, ?, ?)",
            (NOW, NOW),
        )
    found = (await given_out(database, "s")).rooms
    assert [dict(room.travel) for room in found[:3]] == [{2: 4}, {2: 4}, {0: 4, 1: 4}]
