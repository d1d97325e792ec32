"""``collegium import`` and ``collegium export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collegium.cli.app import main
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import read_problem, save, write_problem
from fixtures.rosters import roster

PROBLEM = generate(SampleSize(n_classes=20, n_students=30, n_rooms=6), seed=5)


class Place:
    """A file with a problem, and a database that is not there yet."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "problem.xml.gz"
        self.out = directory / "again.xml"
        self.url = f"sqlite:///{directory / 'x.db'}"
        save(self.file, write_problem(PROBLEM))
        self.names = ["--university", "U", "--session", "T", "--database", self.url]

    def import_(self, *more: str) -> int:
        """Return the exit code of an import."""
        return main(
            ["import", "itc2019", str(self.file), *self.names, "--quiet", *more]
        )

    def export(self, *more: str) -> int:
        """Return the exit code of an export."""
        return main(["export", "itc2019", str(self.out), *self.names, *more])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a place to work in."""
    return Place(tmp_path)


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the JSON that was printed."""
    return json.loads(capsys.readouterr().out)


def test_in_and_out(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that was imported into a new database is exported as it was."""
    assert place.import_("--start-date", "2030-09-02") == 0
    assert said(capsys)["added"]["classes"] == len(PROBLEM.classes)
    assert place.export() == 0
    assert said(capsys)["students"] == len(PROBLEM.students)
    assert read_problem(place.out) == PROBLEM


def test_a_dry_run_leaves_nothing(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a dry run not even the session is there."""
    assert place.import_("--start-date", "2030-09-02", "--dry-run") == 0
    assert said(capsys)["faults"] == []
    assert place.export() == 2


def test_a_session_needs_a_date(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A session that is not there is not made without its first day."""
    assert place.import_() == 2
    assert "--start-date" in capsys.readouterr().err


def test_twice_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A second import ends with code 1 and says why, as does a dry run of it."""
    assert place.import_("--start-date", "2030-09-02") == 0
    for more in ((), ("--dry-run",)):
        capsys.readouterr()
        assert place.import_(*more) == 1
        (fault,) = said(capsys)["faults"]
        assert "has offerings already" in fault["detail"]


class Files:
    """A database with a university, and files beside it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = f"sqlite:///{directory / 'y.db'}"

    def write(self, name: str, data: bytes) -> str:
        """Return the path of a new file."""
        path = self.directory / name
        path.write_bytes(data)
        return str(path)

    def run(self, *words: str) -> int:
        """Return the exit code of a command about the university."""
        return main([*words, "--university", "U", "--database", self.url])


@pytest.fixture
def files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Files:
    """Return a place with a university that a roster has made."""
    files = Files(tmp_path)
    path = files.write("school.zip", roster())
    assert files.run("import", "oneroster", path, "--quiet") == 0
    assert last_line(capsys)["created"]["people"] == 3
    return files


def last_line(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the JSON of the last line on stdout."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_roster_in_and_out(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """A roster makes the university, and can be written and read again."""
    out = str(files.directory / "out.zip")
    assert files.run("export", "oneroster", out) == 0
    assert last_line(capsys)["bytes"] == Path(out).stat().st_size
    assert files.run("import", "oneroster", out) == 0
    caught = capsys.readouterr()
    report = json.loads(caught.out.splitlines()[-1])
    assert (report["created"], report["updated"]) == ({}, {})
    assert "lines" in caught.err


def test_csv_in_and_out(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are mapped, and what has been written can be read again."""
    data = "Kürzel;Titel;Fach\nX1;=1+1;Physik\n".encode("latin-1")
    path = files.write("courses.csv", data)
    mapping = files.write("map.json", b'{"Titel": "name", "Fach": ""}')
    options = ("--kind", "courses", "--encoding", "latin-1", "--map", "Kürzel=code")
    words = ("import", "csv", path, *options, "--map-file", mapping, "--quiet")
    assert files.run(*words, "--dry-run") == 0
    assert last_line(capsys)["created"] == {"courses": 1}
    assert files.run(*words) == 0
    assert last_line(capsys)["is_taken_in"]
    out = files.directory / "out.csv"
    assert files.run("export", "csv", str(out), "--kind", "courses") == 0
    assert "X1,'=1+1," in out.read_text()
    assert files.run("import", "csv", str(out), "--kind", "courses", "--quiet") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["unchanged"] == {
        "courses": 2
    }


def test_faults_are_code_1(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with a line is said on stderr and in the report; code 1."""
    path = files.write("bad.csv", b"code,name,ects\nX,Good,6\nY,Bad,six\n")
    for more in (("--dry-run",), ()):
        assert files.run("import", "csv", path, "--kind", "courses", *more) == 1
        caught = capsys.readouterr()
        assert "line 3, ects:" in caught.err
        report = json.loads(caught.out.splitlines()[-1])
        assert (report["fault_count"], report["is_taken_in"]) == (1, False)


@pytest.mark.parametrize(
    ("data", "options", "says"),
    [
        (b"code\n\xff\n", ("--kind", "courses"), "line 2: is not UTF-8"),
        (b"name\nx\n", ("--kind", "courses"), "No column is the code"),
        (b"code,name\n", ("--kind", "enrolments"), "session"),
        (b"code,name\n", ("--kind", "courses", "--map", "x"), "'Header=column'"),
        (b"code,name\n", ("--kind", "courses", "--encoding", "ebcdic"), "encoding"),
        (b"code,name\n", ("--kind", "courses", "--map-file", "none.json"), "none.json"),
    ],
)
def test_what_cannot_be_read_is_code_2(
    files: Files,
    capsys: pytest.CaptureFixture[str],
    data: bytes,
    options: tuple[str, ...],
    says: str,
) -> None:
    """A file or an option that makes no sense ends in one line and code 2."""
    path = files.write("bad.csv", data)
    assert files.run("import", "csv", path, "--quiet", *options) == 2
    error = capsys.readouterr().err.strip()
    assert says in error
    assert len(error.splitlines()) == 1


def test_a_university_is_not_made_by_csv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A code that nobody knows is a mistake, not a new university."""
    files = Files(tmp_path)
    path = files.write("x.csv", b"code,name\nX,X\n")
    assert files.run("import", "csv", path, "--kind", "courses", "--quiet") == 2
    assert "university 'U'" in capsys.readouterr().err
