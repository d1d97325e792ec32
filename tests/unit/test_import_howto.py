"""The examples of docs/howto/import-and-export.md run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from collegium.cli.app import main
from fixtures.rosters import roster

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "import-and-export.md"
FILE = re.compile(r"```csv (\S+)\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_every_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands end as the page says, on the files that it shows."""
    page = PAGE.read_text()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLLEGIUM_DATABASE", "sqlite:///x.db")
    Path("school.zip").write_bytes(roster())
    for name, text in FILE.findall(page):
        Path(name).write_text(text)
    commands = [line for block in SHELL.findall(page) for line in block.splitlines()]
    assert len(commands) >= 8
    for line in commands:
        words, _, exit_code = line.partition("# exit ")
        program, *arguments = shlex.split(words)
        assert program == "collegium"
        assert main(arguments) == int(exit_code or 0), line
