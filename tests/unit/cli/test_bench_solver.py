"""``collegium bench solver``: options, exit codes and what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collegium.cli import main

pytestmark = pytest.mark.timeout(300)  # the first one on a machine compiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with one small instance."""
    path = tmp_path / "instances"
    path.mkdir()
    out = str(path / "small.xml")
    assert main(["generate", "--out", out, "--classes", "16"]) == 0
    return path


@pytest.mark.processes
def test_it_prints_a_table_and_draws(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table goes to stderr, one JSON object to stdout, pictures to their folder."""
    capsys.readouterr()
    out, plots = tmp_path / "o.json", tmp_path / "plots"
    args = ["bench", "solver", "--instances", str(folder), "--json", str(out)]
    args += ["--seconds", "1", "--workers", "2", "--plots", str(plots)]
    assert main(args) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    (row,) = document["instances"]
    assert (row["instance"], row["feasible"]) == ("small", 1)
    assert "small" in captured.err
    assert sorted(path.name for path in plots.iterdir()) == ["small.png", "small.svg"]
    assert json.loads(out.read_bytes())["runs"][0]["workers"] == 2
    before = out.read_bytes()
    assert main(args) == 0, "everything is there already"
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--seconds", "0"], "--seconds"),
        (["--workers", "0"], "--workers"),
        (["--seeds", "0"], "--seeds"),
        (["--only", "large"], "large"),
        (["--instances", "{tmp}/none"], "no such folder"),
        (["--json", "{tmp}/none/o.json"], "cannot be written"),
        (["--json", "{tmp}"], "cannot be read"),
        (["--plots", "{tmp}/instances/small.xml"], "no folder for plots"),
    ],
)
def test_bad_options_end_with_one_line(
    folder: Path,
    tmp_path: Path,
    args: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, the reason on stderr, and no file of runs."""
    capsys.readouterr()
    given = ["--instances", str(folder), "--json", str(tmp_path / "o.json")]
    given += [arg.format(tmp=tmp_path) for arg in args]
    assert main(["bench", "solver", *given]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert message in captured.err
    assert not (tmp_path / "o.json").exists()


def test_a_damaged_file_of_runs_is_not_overwritten(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 before anything is run, and the bytes stay."""
    out = tmp_path / "o.json"
    out.write_text('{"runs": [')
    args = ["bench", "solver", "--instances", str(folder), "--json", str(out)]
    assert main(args) == 2
    assert "not the records of this bench" in capsys.readouterr().err
    assert out.read_text() == '{"runs": ['
