"""How commands are found, and how every one of them ends when something is wrong."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from types import MappingProxyType

import pytest
import typer

from collegium import __version__
from collegium.cli import app
from collegium.cli.app import COMMANDS, Command, load, main
from collegium.errors import (
    Malformed,
    Misconfigured,
    NotFound,
    WorkerUnreachable,
)

TINY = Path(__file__).parents[2] / "instances" / "tiny.xml"


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Keep what a program logs to away from other tests: it ends with its test."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]):
    """The list of all commands comes without importing them."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name} " in out
        assert command.summary.split()[0] in out


def test_no_arguments_are_a_question_for_help(capsys: pytest.CaptureFixture[str]):
    """Called with nothing it tells what it can do."""
    assert main([]) == 0
    assert "Usage: collegium" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]):
    """The version is that of the package."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]):
    """Each command can be imported, and begins its help with its summary."""
    target = load(name)
    said = target.info.help if isinstance(target, typer.Typer) else getdoc(target)
    assert said.splitlines()[0] == COMMANDS[name].summary
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: collegium {name}")
    assert COMMANDS[name].summary in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["vaildate"], "No such command 'vaildate'. Did you mean 'validate'"),
        (["validate"], "Missing argument"),
        (["validate", "a", "b", "c"], "unexpected extra argument"),
        (["validate", "--no-such-option"], "No such option"),
        (["generate", "--out", "x", "--seed", "one"], "should be a valid integer"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_a_wrong_call(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    """A wrong call ends with one line on stderr and exit code 2."""
    assert main(args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("collegium: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "exit_code", "line"),
    [
        (Malformed("bad\nfile"), 2, "collegium: bad file\n"),
        (Misconfigured("no port"), 2, "collegium: no port\n"),
        (NotFound("no job"), 2, "collegium: no job\n"),
        (WorkerUnreachable("gone"), 3, "collegium: gone\n"),
        (typer.Abort(), 130, "collegium: Interrupted.\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Exit(1), 1, ""),
    ],
)
def test_how_an_error_ends(
    error: BaseException,
    exit_code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """Each kind of error has its exit code and one line, whatever its text holds."""

    def fail() -> None:
        """Fail on purpose."""
        raise error

    monkeypatch.setattr(sys.modules[__name__], "_fail", fail, raising=False)
    failing = Command(f"{__name__}:_fail", "Fail on purpose.")
    monkeypatch.setattr(app, "COMMANDS", MappingProxyType({"fail": failing}))
    assert main(["fail"]) == exit_code
    assert capsys.readouterr().err == line


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch):
    """An error that nobody raises on purpose keeps its traceback."""

    def fail() -> None:
        """Fail by accident."""
        raise ZeroDivisionError

    monkeypatch.setattr(sys.modules[__name__], "_fail", fail, raising=False)
    failing = Command(f"{__name__}:_fail", "Fail by accident.")
    monkeypatch.setattr(app, "COMMANDS", MappingProxyType({"fail": failing}))
    with pytest.raises(ZeroDivisionError):
        main(["fail"])


def test_a_group_of_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A command may be a group, whose commands return their exit codes."""
    group = typer.Typer(help="Several things.")

    @group.command()
    def first() -> int:
        """Do the first thing."""
        return 7

    @group.command()
    def second() -> None:
        """Do the second thing."""

    monkeypatch.setattr(sys.modules[__name__], "_group", group, raising=False)
    several = Command(f"{__name__}:_group", "Several things.")
    monkeypatch.setattr(app, "COMMANDS", MappingProxyType({"several": several}))
    assert main(["several", "first"]) == 7
    assert main(["several", "second"]) == 0
    assert main(["several", "third"]) == 2
    assert "No such command 'third'" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["collegium.cli", "collegium.cli.validate"])
def test_light_to_import(module: str):
    """Neither help nor the judge waits for a compiler or a web framework."""
    heavy = ("numba", "llvmlite", "fastapi", "pydantic", "sqlalchemy", "aiohttp")
    code = (
        f"import sys, {module}; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_as_a_module():
    """``python -m collegium`` is the command, its exit code included."""
    done = subprocess.run(
        [sys.executable, "-m", "collegium", "validate", "/no/such", "file"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "collegium: /no/such: cannot be read: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["coordinator", "--host", "0.0.0.0", "--port", "0"], "COLLEGIUM_API_TOKEN"),
        (["worker", "--host", "0.0.0.0", "--port", "0"], "COLLEGIUM_WORKER_TOKEN"),
        (["worker", "--slots", "many"], "slots"),
        (["worker", "--coordinator", "ftp://x"], "ftp://x"),
        (["coordinator", "--policy", "best"], "policy"),
        (["coordinator", "--tls-cert", "x.pem"], "key"),
        (["solve", "none.xml", "--out", "o.xml"], "none.xml"),
        (["solve", "{tiny}", "--out", "none/o.xml"], "none"),
        (["solve", "{tiny}", "--out=o", "--seconds=1", "--iterations=1"], "both"),
        (
            ["solve", "{tiny}", "--out", "o", "--workers=1", "--coordinator=http://x"],
            "",
        ),
        (["solve", "{tiny}", "--out=o", "--coordinator=nonsense"], "nonsense"),
    ],
)
def test_settings_that_make_no_sense(
    args: list[str],
    word: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What makes a start impossible is said in one line, with exit code 2."""
    monkeypatch.chdir(tmp_path)
    assert main([arg.format(tiny=TINY) for arg in args]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("collegium: ")
    assert word in captured.err
    assert captured.err.count("\n") == 1
