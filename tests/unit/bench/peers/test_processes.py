"""Tests of starting programs and ending whatever they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from collegium.bench.peers.drivers.processes import (
    Program,
    Unavailable,
    descendants,
    free_port,
)
from collegium.bench.peers.run import run_driver

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def _program(code: str, log: Path) -> Program:
    return Program(
        [sys.executable, "-c", code], marker="ready", log=log, environment={}
    )


def test_a_program_is_ready_when_it_says_so(tmp_path: Path) -> None:
    """Output before the marker is not readiness; the marker is; all is logged."""
    program = _program("print('soon'); print('ready'); input()", tmp_path / "log")
    try:
        program.wait_ready()
    finally:
        program.stop()
    assert (tmp_path / "log").read_text().startswith("soon\nready\n")


def test_a_program_that_ends_instead_is_unavailable(tmp_path: Path) -> None:
    """What it said last is the reason."""
    program = _program("raise SystemExit('no broker here')", tmp_path / "log")
    with pytest.raises(Unavailable, match="no broker here"):
        program.wait_ready()
    program.stop()


@linux_only
@pytest.mark.processes
def test_stop_ends_a_program_that_ignores_it(tmp_path: Path) -> None:
    """A program that ignores SIGTERM is killed, and its log is complete."""
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('ready', flush=True); time.sleep(600)"
    )
    program = _program(code, tmp_path / "log")
    program.wait_ready()
    program.stop()
    assert program.process.returncode == -9


@linux_only
@pytest.mark.processes
def test_descendants_are_found_at_any_depth() -> None:
    """A grandchild is found, nearest first, and processes of others are not."""
    code = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c',"
        "'import sys; sys.stdin.read()'], stdin=sys.stdin);"
        "print(child.pid, flush=True); child.wait()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        assert descendants(child.pid) == [grandchild]
        below = descendants(os.getpid())
        assert below.index(child.pid) < below.index(grandchild)


@pytest.mark.processes
def test_a_driver_that_cannot_run_says_why() -> None:
    """Without the peer in the environment the driver's last words name it."""
    outcome = run_driver(Path(sys.executable), "celery", "measure", limit_s=60.0)
    assert outcome.lines == []
    assert not outcome.was_stopped
    assert "celery" in outcome.last_words
    assert "ModuleNotFoundError" in outcome.last_words


# Adopts whatever the guard leaves, alive or dead, and says what it got.
ADOPTER = """
import os, sys
from pathlib import Path
from collegium.bench.peers.drivers.processes import adopt_orphans
from collegium.bench.peers.run import run_driver

adopt_orphans()
outcome = run_driver(Path(sys.argv[1]), "any", "measure", limit_s=8.0)
try:
    print("stopped" if outcome.was_stopped else "ended", os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("stopped" if outcome.was_stopped else "ended", "nothing left")
"""


@linux_only
@pytest.mark.processes
def test_nothing_outlives_a_driver_at_its_limit(tmp_path: Path) -> None:
    """What a driver started, also in sessions of their own, ends with the guard.

    None of it is left to the guard's own parent, not even ended and unread.
    """
    children = tmp_path / "children"
    python = tmp_path / "python"
    # Stands for the Python of an environment: the guard is run as it is, the driver
    # replaced by one that starts processes in other sessions and then hangs.
    python.write_text(
        f"#!/bin/sh\n"
        f"if [ $2 = collegium.bench.peers.drivers ]; then\n"
        f'  exec {sys.executable} -c "'
        f"import sys; sys.executable = '{python}';"
        f"from collegium.bench.peers.drivers.__main__ import main;"
        f'sys.exit(main([]))"\n'
        f"fi\n"
        f"for each in 1 2 3 4; do setsid sleep 600 & echo $! >> {children}; done\n"
        f"sleep 600\n"
    )
    python.chmod(0o755)
    adopter = [sys.executable, "-c", ADOPTER, str(python)]
    said = subprocess.run(adopter, check=True, capture_output=True, text=True).stdout
    assert said == "stopped nothing left\n"
    for pid in children.read_text().split():
        assert not Path(f"/proc/{pid}").exists()


def test_free_port_is_a_port() -> None:
    """A port that was free lies above those that need privileges."""
    assert 1024 <= free_port() <= 65535
