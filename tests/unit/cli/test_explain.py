"""``collegium explain``: what it says, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from collegium.cli import main
from fixtures.instances import TINY, TINY_SOLUTION

TIME_OF_4 = '<time days="0000010" start="96" length="24" weeks="11" penalty="0"/>'


def _run(
    capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, Any], str]:
    code = main(["explain", *arguments])
    captured = capsys.readouterr()
    return code, json.loads(captured.out.splitlines()[-1]), captured.err


def test_every_place_of_a_class_and_what_forbids_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Class 2: by hand, Friday in room 2 is closed; its other places stand or fall."""
    code, report, shown = _run(capsys, str(TINY), str(TINY_SOLUTION), "--class", "2")
    assert code == 0
    (class_,) = report["classes"]
    assert len(class_["places"]) == 6
    friday = [p for p in class_["places"] if p["days"] == "0000100"]
    causes = {place["room"]: [c["kind"] for c in place["causes"]] for place in friday}
    assert causes == {"2": ["room-unavailable"], "3": []}
    assert class_["free"] == sum(not place["causes"] for place in class_["places"])
    assert class_["conflict"] is None
    assert "places are free" in shown


def test_a_class_that_nothing_is_left_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two classes with one room and one time: each keeps the other out, code 1."""
    instance = tmp_path / "instance.xml"
    text = TINY.read_text("utf-8-sig").replace(
        '<class id="4" room="false">', '<class id="4"><room id="3" penalty="0"/>'
    )
    taken = 'days="1000000" start="100" length="12" weeks="10"'
    text = text.replace(TIME_OF_4, f'<time {taken} penalty="0"/>')
    instance.write_text(text)
    held = tmp_path / "held.xml"
    held.write_text(
        '<solution name="tiny">'
        '<class id="5" days="1000000" start="100" weeks="10" room="3"/></solution>'
    )
    code, report, shown = _run(capsys, str(instance), str(held), "--class", "4")
    assert code == 1
    (class_,) = report["classes"]
    assert class_["by_blocker"] == {"5": 1}
    assert class_["by_cause"] == {"room-double-booked": 1}
    assert class_["conflict"] == {
        "minimal": True,
        "rules": [{"kind": "room-double-booked", "room": "3", "classes": ["4", "5"]}],
    }
    assert "a smallest set of rules" in shown


def test_without_a_class_it_is_about_those_in_trouble(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A feasible timetable has none; one with a class left out has that one."""
    code, report, _ = _run(capsys, str(TINY), str(TINY_SOLUTION), "--quiet")
    assert (code, report) == (0, {"classes": []})
    held = tmp_path / "held.xml"
    text, n = re.subn(
        '<class id="4".*?</class>', "", TINY_SOLUTION.read_text(), flags=re.S
    )
    assert n == 1
    held.write_text(text)
    code, report, _ = _run(capsys, str(TINY), str(held), "--quiet")
    assert code == 0
    assert [class_["class"] for class_ in report["classes"]] == ["4"]


def test_an_instance_without_a_timetable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole question: rules that cannot hold together, or that there are none."""
    code, report, _ = _run(capsys, str(TINY), "--quiet")
    assert (code, report) == (0, {"conflict": None})
    instance = tmp_path / "instance.xml"
    rule = (
        '<distributions><distribution type="Precedence" required="true">'
        '<class id="4"/><class id="1"/></distribution>'
    )
    instance.write_text(TINY.read_text("utf-8-sig").replace("<distributions>", rule))
    code, report, _ = _run(capsys, str(instance), "--quiet")
    assert code == 1
    assert [rule["kind"] for rule in report["conflict"]["rules"]] == ["Precedence"]
    assert report["conflict"]["rules"][0]["classes"] == ["4", "1"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((str(TINY), str(TINY_SOLUTION), "--class", "99"), "no class 99"),
        ((str(TINY), "--class", "1"), "needs a timetable"),
        ((str(TINY), "/nowhere.xml"), "/nowhere.xml"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr, nothing on stdout, exit code 2."""
    assert main(["explain", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
