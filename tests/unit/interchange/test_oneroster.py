"""OneRoster archives in and out."""

from __future__ import annotations

import asyncio
import copy
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.work import Work
from collegium.enrolments.schemas import EnrolmentIn
from collegium.enrolments.service import ENROLMENTS
from collegium.interchange.importing import import_problem
from collegium.interchange.oneroster.exporting import RosterExport
from collegium.offerings.distributions import (
    TEACHING_ASSIGNMENTS,
    TeachingAssignmentIn,
)
from collegium.organisations.schemas import OrganisationIn
from collegium.organisations.service import ORGANISATIONS
from collegium.people.schemas import MembershipIn, PersonIn
from collegium.people.service import MEMBERSHIPS, PEOPLE
from collegium.rest.patch import Patch
from collegium.sessions.schemas import SessionIn
from collegium.sessions.service import SESSIONS
from collegium.timetabling.generate import SampleSize, generate
from fixtures.bulk import NOW, files_of, given_out, taken_in, university
from fixtures.rosters import FOREIGN, roster

OPTIONS = {"format": "oneroster"}


@pytest.fixture
async def sqlite(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """Return an open SQLite database: for what is the same on either."""
    shutil.copy(sqlite_template, tmp_path / "x.db")
    database = database_at(f"sqlite:///{tmp_path / 'x.db'}")
    await database.open()
    yield database
    await database.close()


async def exported(database: Database, code: str = "U") -> bytes:
    """Return the archive of a university."""
    return await given_out(database, RosterExport(await university(database, code)))


def told(archive: bytes) -> dict[str, list[dict[str, str]]]:
    """Return what an archive says apart from which university it is."""
    files = files_of(archive)
    del files["manifest.csv"]
    root = files["orgs.csv"][0]
    root["name"] = root["identifier"] = ""
    return files


async def count(database: Database, table: str, code: str) -> int:
    """Return how many rows of a table a university has."""
    row = await database.fetch_one(
        f"SELECT count(*) FROM {table} t JOIN universities u "
        "ON u.id = t.university_id WHERE u.code = ?",
        (code,),
    )
    assert row is not None
    return int(row[0])


async def fill(database: Database) -> None:
    """Make a university with something of all that a roster can say."""
    id_ = await university(database)
    problem = generate(SampleSize(n_classes=40, n_students=60, n_rooms=8), seed=4)
    async with database.transaction() as transaction:
        work = Work(transaction, NOW)
        body = OrganisationIn.model_validate({"code": "FAC", "name": "Faculty,\n1",
                                              "type": "faculty"})  # fmt: skip
        await ORGANISATIONS.add(work, (id_,), body)
        body = OrganisationIn(code="DEP", name="Département", parent_id="FAC")
        await ORGANISATIONS.add(work, (id_,), body)
        for members in (
            {"code": "Y", "name": "Year", "type": "academic_year",
             "start_date": "2030-09-01", "end_date": "2031-08-31"},
            {"code": "T", "name": "Term", "type": "quarter", "parent_id": "Y",
             "start_date": "2030-09-02", "end_date": "2030-12-20",
             "n_weeks": problem.n_weeks, "n_days": problem.n_days,
             "slots_per_day": problem.slots_per_day},
        ):  # fmt: skip
            await SESSIONS.add(work, (id_,), SessionIn.model_validate(members))
        term = await SESSIONS.find(transaction, (id_, "T"))
        report = await import_problem(work, id_, term.id, problem)
        report.require_faultless()
        for members in (
            {"code": "T1", "name": "Ada Lovelace", "given_name": "Ada",
             "family_name": "Lovelace", "email": "ada@u.edu"},
            {"code": "T2", "name": "Plato"},
        ):  # fmt: skip
            await PEOPLE.add(work, (id_,), PersonIn.model_validate(members))
        for members in (
            {"person_id": "T1", "role": "lecturer", "organisation_id": "DEP",
             "start_date": "2030-01-01", "end_date": "2031-01-01"},
            {"person_id": "T1", "role": "assessor"},
            {"person_id": "1", "role": "student"},
        ):  # fmt: skip
            await MEMBERSHIPS.add(work, (id_,), MembershipIn.model_validate(members))
        await SESSIONS.change(
            work, lambda etag: None, (id_, "T"), Patch({"state": "registration"})
        )
        await populate(work, (id_, term.id))
        await SESSIONS.change(
            work, lambda etag: None, (id_, "T"), Patch({"state": "running"})
        )


async def populate(work: Work, session: tuple[str, str]) -> None:
    """Give the classes of a session students and teachers."""
    rows = await work.transaction.fetch_all("SELECT code FROM courses ORDER BY code")
    for number in range(1, 41):
        for course in rows[number % 3 :: 3]:
            body = EnrolmentIn(
                student_id=str(number),
                course_offering_id=course[0],
                is_waitlist_ok=True,
                is_overlap_allowed=True,
            )
            await ENROLMENTS.add(work, session, body)
    classes = await work.transaction.fetch_all("SELECT code FROM classes ORDER BY code")
    for number, (code,) in enumerate(classes[:10]):
        body_of = TeachingAssignmentIn(
            class_id=code, person_id="T1" if number % 2 else "T2", is_lead=number == 1
        )
        await TEACHING_ASSIGNMENTS.add(work, session, body_of)


async def test_nothing_is_lost_on_the_way(database: Database) -> None:
    """What one university gives out, an empty one takes in and gives out the same."""
    await fill(database)
    archive = await exported(database)
    assert {name for name, rows in told(archive).items() if rows} == {
        "orgs.csv",
        "academicSessions.csv",
        "courses.csv",
        "users.csv",
        "roles.csv",
        "classes.csv",
        "enrollments.csv",
    }
    report = await taken_in(database, archive, code="V", **OPTIONS)
    assert report.faults == []
    assert [n for n in report.notices if n.file != "orgs.csv"] == []
    assert told(await exported(database, "V")) == told(archive)
    for table in ("organisations", "sessions", "courses", "people", "memberships",
                  "classes", "teaching_assignments", "class_enrolments"):  # fmt: skip
        assert await count(database, table, "V") == await count(database, table, "U")
    again = await taken_in(database, archive, code="V", **OPTIONS)
    assert (again.faults, again.created, again.updated) == ([], {}, {})


async def test_its_own_archive_changes_nothing(database: Database) -> None:
    """A university that takes in what it has given out stays as it is."""
    await fill(database)
    archive = await exported(database)
    report = await taken_in(database, archive, **OPTIONS)
    assert (report.faults, report.created, report.updated) == ([], {}, {})
    assert await exported(database) == archive


async def test_a_foreign_school(database: Database) -> None:
    """Rows of another program keep their ids, and what has no place is said."""
    report = await taken_in(database, roster(), **OPTIONS)
    assert report.faults == []
    assert dict(report.created) == {
        "organisations": 1,
        "sessions": 2,
        "courses": 1,
        "people": 3,
        "memberships": 3,
        "classes": 2,
        "enrolments": 2,
        "teaching assignments": 1,
    }
    said = {(n.file, n.line, n.column) for n in report.notices}
    assert said == {
        ("orgs.csv", 2, "name"),
        ("courses.csv", 2, "grades"),
        ("courses.csv", 2, "subjectCodes"),
        ("classes.csv", 2, "location"),
    }
    files = told(await exported(database))
    for name, rows in FOREIGN.items():
        ids = {row["sourcedId"] for row in files[f"{name}.csv"]}
        if name not in ("roles", "enrollments"):
            assert ids == {row["sourcedId"] for row in rows}
    (term,) = (r for r in files["academicSessions.csv"] if r["sourcedId"] == "t-1")
    assert (term["startDate"], term["endDate"]) == ("2030-09-02", "2030-12-21")
    assert {
        (row["userSourcedId"], row["classSourcedId"], row["role"])
        for row in files["enrollments.csv"]
    } == {
        ("u-1", "k-1", "student"),
        ("u-2", "k-2", "student"),
        ("u-3", "k-2", "teacher"),
    }


async def test_a_second_delivery_changes_what_has_changed(database: Database) -> None:
    """Rows are known again by their sourcedIds, whatever else has changed."""
    await taken_in(database, roster(), **OPTIONS)
    rows: dict[str, Any] = copy.deepcopy(dict(FOREIGN))
    rows["users"][0]["familyName"] = "Renamed"
    rows["courses"][0]["courseCode"] = "MA102"
    report = await taken_in(database, roster(rows), **OPTIONS)
    assert report.faults == []
    assert dict(report.updated) == {"courses": 1, "people": 1}
    assert dict(report.created) == {}
    files = told(await exported(database))
    assert files["courses.csv"][0]["courseCode"] == "MA102"


async def test_a_trial_leaves_nothing(database: Database) -> None:
    """A dry run tells the same and changes nothing."""
    trial = await taken_in(database, roster(), **OPTIONS, dry_run=True)
    assert trial.created["people"] == 3
    assert await count(database, "people", "U") == 0
    report = await taken_in(database, roster(), **OPTIONS)
    assert report.created == trial.created


@pytest.mark.parametrize(
    ("file", "changes", "where"),
    [
        ("orgs", {"parentSourcedId": "nobody"}, (3, "parentSourcedId")),
        ("orgs", {"parentSourcedId": "o-2"}, (3, "parentSourcedId")),
        ("orgs", {"type": "club"}, (3, "type")),
        ("academicSessions", {"startDate": "2.9.2030"}, (3, "startDate")),
        ("courses", {"orgSourcedId": "o-9"}, (2, "orgSourcedId")),
        ("users", {"email": "nonsense"}, (4, "email")),
        ("users", {"givenName": ""}, (4, "givenName")),
        ("users", {"sourcedId": "u-1"}, (4, "sourcedId")),
        ("classes", {"termSourcedIds": "t-9"}, (3, "termSourcedIds")),
        ("classes", {"courseSourcedId": "c-9"}, (3, "courseSourcedId")),
        ("roles", {"userSourcedId": "u-9"}, (4, "userSourcedId")),
        ("enrollments", {"userSourcedId": "u-9"}, (4, "userSourcedId")),
    ],
)
async def test_a_wrong_row_stops_all(
    sqlite: Database, file: str, changes: dict[str, str], where: tuple[int, str]
) -> None:
    """A fault is told by file, line and column, and nothing has been taken in."""
    rows: dict[str, Any] = copy.deepcopy(dict(FOREIGN))
    rows[file][-1] |= changes
    report = await taken_in(sqlite, roster(rows), **OPTIONS)
    found = [(f.file, f.line, f.column) for f in report.faults]
    assert found[0] == (f"{file}.csv", *where)
    assert {name for name, _, _ in found} == {f"{file}.csv"}
    assert await count(sqlite, "people", "U") == 0


async def test_two_sections_of_a_course(sqlite: Database) -> None:
    """A student in two classes of one subpart cannot be represented, and it is said."""
    rows: dict[str, Any] = copy.deepcopy(dict(FOREIGN))
    twice = {**rows["enrollments"][0], "sourcedId": "e-9", "classSourcedId": "k-2"}
    rows["enrollments"].append(twice)
    report = await taken_in(sqlite, roster(rows), **OPTIONS)
    (fault,) = report.faults
    assert (fault.file, fault.line) == ("enrollments.csv", 2)


async def test_rows_to_be_deleted_stay(sqlite: Database) -> None:
    """Nothing is deleted by an import: it is said instead."""
    rows: dict[str, Any] = copy.deepcopy(dict(FOREIGN))
    rows["enrollments"] = [{**r, "status": "tobedeleted"} for r in rows["enrollments"]]
    report = await taken_in(sqlite, roster(rows), **OPTIONS)
    assert report.faults == []
    assert [
        (n.line, n.column) for n in report.notices if n.file == "enrollments.csv"
    ] == [
        (2, "status"),
        (3, "status"),
        (4, "status"),
    ]


TEXT = st.text(
    st.characters(exclude_characters="\0\r", exclude_categories=("Cs",)),
    min_size=1,
    max_size=20,
).map(str.strip).filter(bool)  # fmt: skip
CODES = st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True)


@st.composite
def schools(draw: st.DrawFn) -> dict[str, list[dict[str, str]]]:
    """Return rosters of any names."""
    n_orgs, n_users = draw(st.integers(0, 4)), draw(st.integers(1, 5))
    org_codes = draw(st.lists(CODES, min_size=n_orgs, max_size=n_orgs, unique=True))
    user_codes = draw(st.lists(CODES, min_size=n_users, max_size=n_users, unique=True))
    course_codes = draw(st.lists(CODES, max_size=3, unique=True))
    orgs = [{"sourcedId": "root", "name": "U", "type": "district"}]
    for code in org_codes:
        parent = draw(st.sampled_from(orgs))["sourcedId"]
        orgs.append(
            {"sourcedId": f"o {code}", "name": draw(TEXT), "identifier": code,
             "type": draw(st.sampled_from(["department", "school"])),
             "parentSourcedId": parent}
        )  # fmt: skip
    users = [
        {"sourcedId": f"ü{code}", "enabledUser": "true", "username": code,
         "identifier": code, "givenName": draw(TEXT), "familyName": draw(TEXT)}
        for code in user_codes
    ]  # fmt: skip
    return {
        "orgs": orgs,
        "users": users,
        "courses": [
            {"sourcedId": f"c/{code}", "title": draw(TEXT), "courseCode": code,
             "orgSourcedId": draw(st.sampled_from(orgs))["sourcedId"]}
            for code in course_codes
        ],
        "roles": [
            {"sourcedId": f"r{number}", "userSourcedId": user["sourcedId"],
             "roleType": "primary",
             "role": draw(st.sampled_from(["student", "teacher", "aide", "proctor"])),
             "orgSourcedId": draw(st.sampled_from(orgs))["sourcedId"]}
            for number, user in enumerate(users)
        ],
    }  # fmt: skip


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=schools())
def test_any_names_survive(
    sqlite_template: Path, rows: dict[str, list[dict[str, str]]]
) -> None:
    """Every value of a column that we read comes out as it went in, under its id."""
    asyncio.run(_through(sqlite_template, rows))


async def _through(template: Path, rows: dict[str, list[dict[str, str]]]) -> None:
    with TemporaryDirectory() as directory:
        path = f"{directory}/x.db"
        shutil.copy(template, path)
        database = database_at(f"sqlite:///{path}")
        await database.open()
        try:
            report = await taken_in(database, roster(rows), **OPTIONS)
            assert report.faults == []
            files = files_of(await exported(database))
            for name in ("orgs", "users", "courses"):
                found = {row["sourcedId"]: row for row in files.get(f"{name}.csv", [])}
                for row in rows[name]:
                    kept = found.pop(row["sourcedId"])
                    if row["sourcedId"] != "root":
                        assert {column: kept[column] for column in row} == row
                assert found == {}
            said = {(r["userSourcedId"], r["role"], r["orgSourcedId"])
                    for r in files["roles.csv"]}  # fmt: skip
            assert said == {(r["userSourcedId"], r["role"], r["orgSourcedId"])
                            for r in rows["roles"]}  # fmt: skip
        finally:
            await database.close()
