"""``collegium import`` and ``collegium export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collegium.cli.app import main
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import read_problem, save, write_problem

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
    """A second import is refused in one line; a dry run of it ends with code 1."""
    assert place.import_("--start-date", "2030-09-02") == 0
    assert place.import_() == 2
    error = capsys.readouterr().err.strip()
    assert "has offerings already" in error
    assert len(error.splitlines()) == 1
    assert place.import_("--dry-run") == 1
    assert said(capsys)["faults"]
