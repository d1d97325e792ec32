"""``collegium repair``: its changes, its output and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collegium.cli import main
from collegium.timetabling.itc2019 import read_problem, read_timetable
from collegium.timetabling.validate import validate
from fixtures.instances import TINY, TINY_SOLUTION

NEW_CLASS = {
    "id": "6",
    "limit": 5,
    "rooms": [{"id": "1"}, {"id": "2", "penalty": 3}],
    "times": [{"days": "0010000", "start": 120, "length": 12}],
}


def _run(
    capsys: pytest.CaptureFixture[str], out: Path, *options: str
) -> tuple[int, dict[str, Any]]:
    command = ["repair", str(TINY), str(TINY_SOLUTION), "--out", str(out)]
    code = main([*command, "--seconds", "5", *options])
    captured = capsys.readouterr()
    return code, json.loads(captured.out.splitlines()[-1])


def test_a_closed_room_moves_who_is_in_it_and_nobody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Class 1 leaves room 1 at its time; the written files agree with what is said."""
    out, problem = tmp_path / "out.xml", tmp_path / "problem.xml.gz"
    options = ("--close-room", "1=MW,08:00-09:00", "--instance-out", str(problem))
    code, report = _run(capsys, out, *options)
    assert code == 0
    assert [move["class"] for move in report["moved"]] == ["1"] == report["displaced"]
    move = report["moved"][0]
    assert (move["from"]["start"], move["from"]["room"]) == (96, "1")
    assert move["to"] != move["from"]
    assert move["students"] == report["students_affected"] == 2
    verdict = validate(read_problem(problem), read_timetable(out))
    assert verdict.feasible
    assert verdict.total == report["total"]


def test_a_table_of_the_moves_is_shown_unless_quiet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People see who moves from where to where; programs need not."""
    options = ["--out", str(tmp_path / "out.xml"), "--close-room", "1=MW,96-108"]
    command = ["repair", str(TINY), str(TINY_SOLUTION), "--seconds", "2", *options]
    assert main(command) == 0
    assert "1010000 96-108 (11) in 1" in capsys.readouterr().err
    assert main([*command, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_forbidden_time_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only room 2 is free for class 3 then, so class 2 has to leave it; by hand."""
    code, report = _run(capsys, tmp_path / "out.xml", "--forbid", "3=0100000,96-108")
    assert code == 0
    moved = {move["class"]: move for move in report["moved"]}
    assert moved.keys() == {"2", "3"}
    assert report["displaced"] == ["3"]
    assert (moved["3"]["to"]["days"], moved["3"]["to"]["start"]) == ("1000000", 102)


def test_a_file_of_changes_may_add_a_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It gets a place, nobody moves for it, and a later change may speak of it."""
    changes = tmp_path / "changes.json"
    changes.write_text(
        json.dumps(
            [
                {"change": "class-added", "subpart": "1", "class": NEW_CLASS},
                {
                    "change": "room-closed",
                    "room": "2",
                    "days": "0010000",
                    "start": 0,
                    "length": 288,
                    "weeks": "10",
                },
            ]
        )
    )
    code, report = _run(capsys, tmp_path / "out.xml", "--changes", str(changes))
    assert code == 0
    assert report["placed"] == ["6"]
    assert report["moved"] == []


def test_what_cannot_be_mended_is_written_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Class 5 has one room only: closed for good, the best is infeasible; code 1."""
    out = tmp_path / "out.xml"
    code, report = _run(capsys, out, "--close-room", "3", "--seconds", "1")
    assert code == 1
    assert report["feasible"] is False
    assert read_timetable(out).name == "tiny"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Nothing has changed"),
        (("--close-room", "9"), "no room 9"),
        (("--forbid", "77=M,96-108"), "no class 77"),
        (("--forbid", "1=X,96-108"), "'X' is not of 0 and 1"),
        (("--forbid", "1=101,96-108"), "days must be 7 characters"),
        (("--forbid", "1=M,96-108,111"), "weeks must be 2 characters"),
        (("--forbid", "1=M,108-96"), "ends before it begins"),
        (("--forbid", "1=M,8-x"), "'x' is neither a slot"),
        (("--forbid", "1=M,08:01-09:00"), "no slot begins at 08:01"),
        (("--forbid", "1=M"), "not of the form"),
        (("--forbid", "1=M,96-400"), "A day has 288 slots"),
        (("--changes", "/nowhere/changes.json"), "No such file"),
        (("--close-room", "1=MW,96-108", "--most-moved", "0"), "0 may move"),
    ],
)
def test_bad_input_is_one_line(
    options: tuple[str, ...],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line on stderr, nothing on stdout, no file, exit code 2."""
    out = tmp_path / "out.xml"
    command = ["repair", str(TINY), str(TINY_SOLUTION), "--out", str(out), "--quiet"]
    assert main([*command, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "Invalid JSON"),
        (b"{}", "valid array"),
        (b'[{"change": "burnt-down"}]', "burnt-down"),
        (b'[{"change": "room-closed", "room": "1"}]', "0/room-closed/days"),
        (
            json.dumps(
                [
                    {
                        "change": "class-added",
                        "subpart": "1",
                        "class": {**NEW_CLASS, "parent": "x"},
                    }
                ]
            ).encode(),
            "Change 1: There is no class x",
        ),
    ],
)
def test_a_bad_file_of_changes_is_one_line(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says where in the file what is wrong."""
    changes = tmp_path / "changes.json"
    changes.write_bytes(content)
    out = tmp_path / "out.xml"
    command = ["repair", str(TINY), str(TINY_SOLUTION), "--out", str(out), "--quiet"]
    assert main([*command, "--changes", str(changes)]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
