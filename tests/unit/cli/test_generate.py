"""``collegium generate``: its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collegium.cli import main
from collegium.timetabling.itc2019 import read_problem


def test_what_it_writes_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The files it writes go through validate as feasible; sizes are as asked."""
    problem, solution = str(tmp_path / "p.xml.gz"), str(tmp_path / "s.xml")
    sizes = ["--classes", "30", "--students", "50", "--rooms", "9", "--seed", "4"]
    assert main(["generate", "--out", problem, *sizes, "--solution", solution]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["classes"], said["students"], said["rooms"]) == (30, 50, 9)
    assert main(["validate", problem, solution]) == 0
    assert len(read_problem(Path(problem)).classes) == 30


def test_students_and_rooms_follow_the_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Without more options, 45 classes have 300 students and 6 rooms."""
    assert main(["generate", "--out", str(tmp_path / "p.xml"), "--classes", "45"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["students"], said["rooms"]) == (300, 6)


def test_same_options_same_file(tmp_path: Path):
    """The same options give the same bytes."""
    one, two = tmp_path / "one.xml.gz", tmp_path / "two.xml.gz"
    for path in (one, two):
        assert main(["generate", "--out", str(path), "--classes", "12"]) == 0
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--classes", "3"], "12 to 10000 classes"),
        (["--classes", "100", "--rooms", "4"], "too few"),
    ],
)
def test_refusals(
    args: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """What cannot be made is refused in one line, and no file is left."""
    assert main(["generate", "--out", str(tmp_path / "p.xml"), *args]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A file that cannot be written is said to be that."""
    assert main(["generate", "--out", str(tmp_path / "no" / "p.xml")]) == 2
    assert "p.xml: cannot be written: No such file" in capsys.readouterr().err
