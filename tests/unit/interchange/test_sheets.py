"""Rows from plain CSV, and back, on both databases."""

from __future__ import annotations

import asyncio
import csv
import io
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collegium.courses.service import COURSES, found_courses
from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.work import Work
from collegium.errors import Cancelled, Conflict, Malformed, NotFound, Unreadable
from collegium.interchange.reports import Report
from collegium.interchange.sheets import importing
from collegium.interchange.sheets.exporting import EnrolmentExport, SheetExport
from collegium.interchange.sheets.kinds import KINDS
from collegium.people.service import PEOPLE, email_hash
from collegium.rest.patch import Patch
from fixtures.asgi import AsgiClient
from fixtures.bulk import NOW, given_out, sheet, taken_in, university
from fixtures.world import HOME

THREE = sheet(
    "Course Code,Title,ECTS,title.de",
    "CS101,Programming,6,Programmieren",
    "CS102,Algorithms,7.5,",
    "MA101,Analysis,,Analysis",
)


async def courses(database: Database) -> dict[str, dict[str, Any]]:
    """Return the courses of the university by code."""
    rows = await database.fetch_all("SELECT code FROM courses ORDER BY code")
    found = [await COURSES.find(database, ("U", row[0])) for row in rows]
    return {record["code"]: record.value() for record in found}


def findings(report: Report) -> list[tuple[int, str, str]]:
    """Return line, column and detail of each fault."""
    return [(f.line, f.column, f.detail) for f in report.faults]


async def test_new_rows_are_made(database: Database) -> None:
    """Rows of new codes are there afterwards, and are found by their words."""
    report = await taken_in(database, THREE, kind="courses")
    assert (report.lines, dict(report.created)) == (3, {"courses": 3})
    found = await courses(database)
    assert found["CS101"]["titles"] == {"de": "Programmieren"}
    assert (found["CS102"]["credits"], found["CS102"]["titles"]) == (7.5, {})
    assert found["MA101"]["credits"] is None
    records, _ = await found_courses(database, "U", "programmieren", 5)
    assert [record["code"] for record in records] == ["CS101"]


async def test_an_import_is_recorded_once(database: Database) -> None:
    """One event tells of all rows; what changes nothing leaves none."""
    for _ in range(2):
        await taken_in(database, THREE, kind="courses")
    rows = await database.fetch_all(
        "SELECT action, entity, after FROM audit_events WHERE university_id = ?",
        (await university(database),),
    )
    assert [tuple(row) for row in rows if row[0] == "import"] == [
        ("import", "courses", '{"written":3}')
    ]


async def test_rows_that_are_there_are_changed(database: Database) -> None:
    """Only named columns change; a row that stays the same keeps its version."""
    await taken_in(database, THREE, kind="courses")
    before = await courses(database)
    again = sheet(
        "code,name,title.en", "CS101,Programming,", "CS102,Algorithms I,Algorithms I"
    )
    report = await taken_in(database, again, kind="courses")
    assert dict(report.unchanged) == dict(report.updated) == {"courses": 1}
    assert [(r.action, r.from_line, r.to_line) for r in report.runs] == [
        ("unchanged", 2, 2),
        ("update", 3, 3),
    ]
    after = await courses(database)
    assert after["CS101"] == before["CS101"]
    assert after["CS102"]["version"] > before["CS102"]["version"]
    assert after["CS102"]["credits"] == 7.5
    records, _ = await found_courses(database, "U", "algorithms i", 5)
    assert [record["code"] for record in records] == ["CS102"]


async def test_an_empty_cell_takes_the_value_away(database: Database) -> None:
    """A column that is there and empty means that there is no value."""
    await taken_in(database, THREE, kind="courses")
    gone = sheet("code,ects,title.de", "CS101,,")
    await taken_in(database, gone, kind="courses")
    found = (await courses(database))["CS101"]
    assert (found["credits"], found["titles"]) == (None, {})


async def test_a_dry_run_tells_and_changes_nothing(database: Database) -> None:
    """It says for each line what would be done, and leaves no trace."""
    await taken_in(database, sheet("code,name", "CS102,Algorithms"), kind="courses")
    before = await courses(database)
    report = await taken_in(database, THREE, kind="courses", dry_run=True)
    assert [(r.action, r.from_line, r.to_line) for r in report.runs] == [
        ("create", 2, 2),
        ("update", 3, 3),
        ("create", 4, 4),
    ]
    assert await courses(database) == before


async def test_one_wrong_line_stops_all(database: Database) -> None:
    """Every fault is told by line and column, and not even good lines are written."""
    bad = sheet(
        "code,name,ects,from,department,notes",
        "CS101,Programming,six,,,",
        "CS1/01,Programming,6,,,",
        ",Nameless,6,,,",
        "CS102,,6,,,",
        "CS103,Good,6,2030-01-01,,",
        "CS104,Bad,6,1.1.2030,NOWHERE,",
        "CS105,Short",
        "CS103,Again,6,,,",
    )
    report = await taken_in(database, bad, kind="courses")
    found = {(line, column) for line, column, _ in findings(report)}
    assert found == {
        (2, "ects"),
        (3, "code"),
        (4, "code"),
        (5, "name"),
        (7, "department"),
        (8, ""),
        (9, ""),
    }
    assert (9, "", "says again what line 6 is about") in findings(report)
    assert (7, "department", "there is no organisation 'NOWHERE'") in findings(report)
    assert [(n.line, n.column) for n in report.notices] == [(1, "notes")]
    assert await courses(database) == {}


async def test_faults_end_the_runs(database: Database) -> None:
    """A run of lines of one fate does not reach over a line that has none."""
    lines = ["code,name", "A,A", "B,B", "C,", "D,D"]
    report = await taken_in(database, sheet(*lines), kind="courses", dry_run=True)
    assert [(r.from_line, r.to_line) for r in report.runs] == [(2, 3), (5, 5)]


async def written_in(
    database: Database, file: importing.SheetImport, id_: str, report: Report
) -> None:
    """Write what a file was found to do."""
    with closing(file):
        async with database.transaction() as transaction:
            work = Work(transaction, NOW)
            await file.write(work, id_, report, lambda lines, size: None)


async def test_a_change_in_between_is_not_overwritten(database: Database) -> None:
    """Whoever changes a row after the check wins: the file is refused as a whole."""
    await taken_in(database, THREE, kind="courses")
    changes = sheet("code,ects", "CS101,1", "MA101,2")

    patch: Patch[Any] = Patch({"name": "Other"})
    id_ = await university(database)
    file = importing.SheetImport(
        KINDS["courses"], io.BytesIO(changes), importing.Dialect(), {}
    )
    report = Report()
    await file.check(database, id_, report, lambda lines, size: None)
    async with database.transaction() as transaction:
        work = Work(transaction, NOW)
        await COURSES.change(work, lambda etag: None, ("U", "MA101"), patch)
    with pytest.raises(Conflict, match="changed what the file is about"):
        await written_in(database, file, id_, report)
    found = await courses(database)
    assert (found["CS101"]["credits"], found["MA101"]["name"]) == (6.0, "Other")


async def test_a_code_taken_in_between_is_a_conflict(database: Database) -> None:
    """Whoever adds a code after the check wins."""
    id_ = await university(database)
    file = importing.SheetImport(
        KINDS["courses"], io.BytesIO(THREE), importing.Dialect(), {}
    )
    report = Report()
    await file.check(database, id_, report, lambda lines, size: None)
    await taken_in(database, sheet("code,name", "MA101,Mine"), kind="courses")
    with pytest.raises(Conflict, match="meanwhile"):
        await written_in(database, file, id_, report)
    assert set(await courses(database)) == {"MA101"}


async def test_stopped_while_writing_it_leaves_nothing(database: Database) -> None:
    """An import that is stopped after its first rows has written none."""
    is_writing = False

    def holding() -> None:
        nonlocal is_writing
        is_writing = True

    def observe(lines: int, size: int) -> None:
        if is_writing:
            raise Cancelled("Stop.")

    with pytest.raises(Cancelled):
        await taken_in(
            database, THREE, kind="courses", holding=holding, observe=observe
        )
    assert await courses(database) == {}


async def test_people_by_given_and_family_name(database: Database) -> None:
    """Without a column for the whole name it is made of its parts."""
    data = sheet("Student ID;First Name;Surname;E-Mail", "S1;Ada;Lovelace;a@b.org")
    report = await taken_in(database, data, kind="people")
    assert not report.faults
    ada = await PEOPLE.find(database, ("U", "S1"))
    assert (ada["name"], ada["email"]) == ("Ada Lovelace", "a@b.org")
    assert ada["email_hash"] == email_hash("A@B.org")


async def test_rooms_share_no_number(database: Database) -> None:
    """A number that occurs twice in a building is found before anything is written."""
    async with database.transaction() as transaction:
        id_ = await university_in(transaction, database)
        await transaction.execute(
            "INSERT INTO buildings (university_id, id, code, name, names, other_codes, "
            "version, created_at, updated_at) "
            "VALUES (?, 'b', 'MAIN', 'B', '{}', '[]', 1, ?, ?)",
            (id_, NOW, NOW),
        )
    data = sheet(
        "room,building,number,seats,features",
        "R1,MAIN,1,30,projector;wifi",
        "R2,MAIN,1,30,",
    )
    report = await taken_in(database, data, kind="rooms")
    assert findings(report) == [(3, "", "says again what line 2 is about")]
    report = await taken_in(database, data.replace(b"R2,MAIN,1", b"R2,MAIN,2"),
                            kind="rooms")  # fmt: skip
    assert dict(report.created) == {"rooms": 2}


async def university_in(transaction: Any, database: Database) -> str:
    """Return the id of a university that is made in a transaction."""
    await transaction.execute(
        "INSERT INTO universities (id, code, name, names, other_codes, version, "
        "created_at, updated_at) VALUES ('u', 'U', 'U', '{}', '[]', 1, ?, ?)",
        (NOW, NOW),
    )
    return "u"


@pytest.mark.parametrize(
    "options",
    [
        {"kind": None},
        {"kind": "enrolments"},
        {"kind": "courses", "session": "T"},
        {"format": "oneroster", "kind": "courses"},
        {"format": "itc2019"},
        {"kind": "courses", "map": "[1]"},
        {"kind": "courses", "map": '{"a": 1}'},
    ],
)
async def test_options_that_do_not_go_together(
    database: Database, options: dict[str, Any]
) -> None:
    """Options that say too little or too much are refused before the file is read."""
    with pytest.raises(Malformed):
        await taken_in(database, b"", **options)


async def test_what_cannot_be_read_changes_nothing(database: Database) -> None:
    """A file that breaks off in the middle leaves nothing of its good lines."""
    lines = [f"C{i},Course" for i in range(3000)]
    data = sheet("code,name", *lines) + b"C,\0\n"
    with pytest.raises(Unreadable, match="line 3002"):
        await taken_in(database, data, kind="courses")
    assert await courses(database) == {}


NAMES = st.text(
    st.characters(exclude_characters="\0\r\n", exclude_categories=("Cs", "Zs", "Cc")),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.dictionaries(
        st.from_regex(r"[A-Z]{1,3}[0-9]{1,4}", fullmatch=True),
        st.tuples(NAMES, st.dictionaries(st.sampled_from(["de", "fr"]), NAMES)),
        max_size=8,
    )
)
def test_what_is_given_out_goes_in_again(
    sqlite_template: Path, rows: dict[str, tuple[str, dict[str, str]]]
) -> None:
    """Exported rows are, taken in again, what they were; in another place as well."""
    asyncio.run(_there_and_back(sqlite_template, rows))


async def _there_and_back(
    template: Path, rows: dict[str, tuple[str, dict[str, str]]]
) -> None:
    with TemporaryDirectory() as directory:
        path = f"{directory}/x.db"
        shutil.copy(template, path)
        database = database_at(f"sqlite:///{path}")
        await database.open()
        try:
            lines = [["code", "name", "title.de", "title.fr"]]
            for code, (name, titles) in rows.items():
                lines.append([code, name, titles.get("de", ""), titles.get("fr", "")])
            out = io.StringIO(newline="")
            csv.writer(out).writerows(lines)
            first = await taken_in(database, out.getvalue().encode(), kind="courses")
            assert findings(first) == []
            export = SheetExport(KINDS["courses"], await university(database))
            data = await given_out(database, export)
            again = await taken_in(database, data, kind="courses")
            assert again.unchanged.total() == len(rows)
            await taken_in(database, data, kind="courses", code="V")
            other = SheetExport(KINDS["courses"], await university(database, "V"))
            assert await given_out(database, other) == data
        finally:
            await database.close()


async def test_a_spreadsheet_runs_nothing(database: Database) -> None:
    """A name that is a formula is kept as it is, and given out as a text."""
    evil = '=HYPERLINK("http://evil","x")'
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["code", "name"], ["X", evil]])
    await taken_in(database, out.getvalue().encode(), kind="courses")
    assert (await courses(database))["X"]["name"] == evil
    export = SheetExport(KINDS["courses"], await university(database))
    text = (await given_out(database, export)).decode()
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert f"'{evil}" in cells
    assert not any(cell.startswith("=") for cell in cells)


async def test_enrolments_follow_the_rules(
    world: AsgiClient, world_database: Database
) -> None:
    """Students are enrolled, exchanged and refused as one by one; a trial is undone."""
    term = f"{HOME}/sessions/TERM"
    session = await world.get(term)
    opened = {"state": "registration"}
    reply = await world.patch(term, opened, headers={"if-match": session.etag})
    assert reply.status == 200, reply.body
    limit = f"{term}/classes/OFFERING-1-LEC-0/limit"
    before = await world.get(limit)
    reply = await world.put(limit, {"limit": 1}, headers={"if-match": before.etag})
    assert reply.status == 200, reply.body
    for code in ("S1", "S2"):
        body = {"code": code, "name": code}
        assert (await world.post(f"{HOME}/people", body)).status == 201
    lab = {"offering_id": "OFFERING", "configuration": "1", "subpart": "LAB"}
    made = await world.post(f"{term}/classes", {**lab, "suffix": "0"})
    assert made.status == 201, made.body
    data = sheet(
        "student,course,classes",
        "S1,COURSE,OFFERING-1-LEC-0;OFFERING-1-LAB-0",
        "S2,COURSE,OFFERING-1-LEC-0;OFFERING-1-LAB-0",
        "S3,COURSE,",
        "S1,COURSE1,",
    )
    options = {"kind": "enrolments", "session": "TERM", "code": "HOME"}
    report = await taken_in(world_database, data, **options)
    assert [(line, column) for line, column, _ in findings(report)] == [
        (3, "classes"),
        (4, "student"),
        (5, "course"),
    ]
    assert (await world.get(f"{term}/enrolments")).json()["items"] == []
    good = sheet(
        "student,course,classes",
        "S1,COURSE,OFFERING-1-LEC-0;OFFERING-1-LAB-0",
        "S2,COURSE,OFFERING-1-LEC-1;OFFERING-1-LAB-0",
    )
    trial = await taken_in(world_database, good, **options, dry_run=True)
    assert trial.created.total() == 2
    assert (await world.get(f"{term}/enrolments")).json()["items"] == []
    await taken_in(world_database, good, **options)
    other = good.replace(b"LEC-1", b"LEC-2")
    report = await taken_in(world_database, other, **options)
    assert dict(report.unchanged) == dict(report.updated) == {"enrolments": 1}
    home = (await world.get(HOME)).json()["id"]
    export = EnrolmentExport(home, session.json()["id"])
    assert b"S2,COURSE,OFFERING-1-LEC-2;OFFERING-1-LAB-0,no,no" in await given_out(
        world_database, export
    )


async def test_a_missing_session_is_said(database: Database) -> None:
    """Enrolments for a session that is not there are refused."""
    with pytest.raises(NotFound):
        await taken_in(
            database, sheet("student,course"), kind="enrolments", session="T"
        )
