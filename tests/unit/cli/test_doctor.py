from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from collegium.cli import main


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Give the address of a fresh database."""
    url = f"sqlite:///{tmp_path / 'c.db'}"
    assert main(["migrate", "--database", url]) == 0
    return url


def _run(url: str, sql: str) -> None:
    with apsw.Connection(url.removeprefix("sqlite:///")) as connection:
        connection.execute(sql)


def test_a_fresh_database_is_sound(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every check says ok, and the exit code is 0."""
    assert main(["doctor", "--database", url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [
        line[5:].strip().partition(":")[0] for line in lines if line[:2] == "ok"
    ] == [
        "database",
        "integrity",
        "references",
        "schema",
        "jobs",
        "codes",
        "trees",
        "courses of offerings",
        "publications",
        "audit",
        "classes",
        "documents",
        "limits",
        "counters",
        "enrolments",
        "classes of students",
        "turns",
        "times",
        "waitlists",
    ]


def test_migrating_twice_changes_nothing(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second time there is nothing left to do."""
    assert main(["migrate", "--database", url]) == 0
    assert "already" in capsys.readouterr().out


def test_a_dangling_reference_is_found(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row that refers to nothing is named with its table; exit code 1."""
    _run(url, "INSERT INTO job_blobs (job_id, sha256) VALUES ('none', 'none')")
    capsys.readouterr()
    assert main(["doctor", "--database", url]) == 1
    assert "FAULT references: job_blobs row 1" in capsys.readouterr().out


def test_a_damaged_index_is_found(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An index that lacks a row of its table is a fault of integrity."""
    _run(
        url,
        "INSERT INTO jobs (id, workload, input, state, progress, is_cancel_requested, "
        "epoch, lease_until_s, elapsed_s, version, created_at, updated_at) "
        "VALUES ('1', 'echo', '{}', 'queued', '{}', 0, 0, 0, 0, 1, '', '');"
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema "
        "WHERE name = 'ix_job_blobs_sha256') WHERE name = 'ix_jobs_version'",
    )
    capsys.readouterr()
    assert main(["doctor", "--database", url]) == 1
    assert "FAULT integrity" in capsys.readouterr().out


def test_a_schema_that_is_out_of_date_is_a_fault_with_a_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty file is a database without a schema."""
    path = tmp_path / "empty.db"
    path.touch()
    assert main(["doctor", "--database", f"sqlite:///{path}"]) == 1
    assert "collegium migrate" in capsys.readouterr().out


def test_a_database_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Looking leaves no file behind; one line on stderr and exit code 2."""
    path = tmp_path / "none.db"
    assert main(["doctor", "--database", f"sqlite:///{path}"]) == 2
    assert capsys.readouterr().err == f"collegium: {path}: there is no such database\n"
    assert not path.exists()


def test_what_is_no_database_at_all_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text file gives one line and no traceback."""
    path = tmp_path / "text.db"
    path.write_text("This is no database at all. " * 100)
    assert main(["doctor", "--database", f"sqlite:///{path}"]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
