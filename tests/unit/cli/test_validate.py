"""``collegium validate``: its output and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collegium.cli import main
from fixtures.instances import TINY, TINY_SOLUTION

TUESDAY = 'days="0100000" start="96"'


def test_feasible(capsys: pytest.CaptureFixture[str]):
    """A feasible timetable: JSON with its costs, exit code 0, nothing on stderr."""
    assert main(["validate", str(TINY), str(TINY_SOLUTION)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out) == {
        "feasible": True,
        "violations": [],
        "time": 1,
        "room": 1,
        "distribution": 12,
        "student": 4,
        "total": 103,
    }


def test_infeasible(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """An infeasible one: JSON that names the rule and the classes, exit code 1."""
    damaged = tmp_path / "damaged.xml"
    damaged.write_text(TINY_SOLUTION.read_text().replace('start="108"', 'start="109"'))
    assert main(["validate", str(TINY), str(damaged)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["feasible"] is False
    assert [(v["kind"], v["classes"]) for v in report["violations"]] == [
        ("time-not-listed", ["2"])
    ]


def test_exempt_same_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The option decides about blocks whose classes all start together."""
    instance, solution = tmp_path / "i.xml", tmp_path / "s.xml"
    rule = ('type="MaxDayLoad(21)" penalty="1"', 'type="MaxBlock(11,0)" penalty="2"')
    text = TINY.read_text("utf-8-sig").replace(*rule)
    instance.write_text(text.replace('start="100"', 'start="96"'))
    moved = TINY_SOLUTION.read_text().replace('start="100"', 'start="96"')
    solution.write_text(moved.replace('days="1000000" start="108"', TUESDAY))
    costs = []
    for options in ([], ["--exempt-same-start"]):
        main(["validate", str(instance), str(solution), *options])
        costs.append(json.loads(capsys.readouterr().out)["distribution"])
    # SameRoom costs 3; classes 1 and 5 are one block, in one week of two: 2 x 1 // 2.
    assert costs == [4, 3]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b\x08", b"<solution", b"<problem/>", b"not XML at all"],
)
def test_unreadable(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A file that is damaged or something else: one line on stderr, exit code 2."""
    path = tmp_path / "broken.xml"
    path.write_bytes(content)
    assert main(["validate", str(TINY), str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"collegium: {path}: ")
    assert captured.err.count("\n") == 1
