"""Runs the driver of a peer in that peer's environment and reads what it says."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import collegium

STOP_LIMIT_S = 20.0


class Outcome(NamedTuple):
    """What a driver said.

    Parameters
    ----------
    lines : the JSON objects that it printed.
    executions : number of each task that was started, once for every start.
    was_stopped : True when it was stopped at its limit.
    last_words : the end of its other output, for a person.
    """

    lines: list[dict[str, Any]]
    executions: list[int]
    was_stopped: bool
    last_words: str


def run_driver(
    python: Path, peer: str, mode: str, *numbers: float, limit_s: float
) -> Outcome:
    """Run a driver to its end, or to its limit; nothing that it started survives.

    Parameters
    ----------
    python : of the peer's environment.
    peer : name of the driver's module.
    mode : ``measure`` or a case of ``drivers.harm``.
    numbers : further arguments of the mode.
    limit_s : seconds after which the driver is stopped.
    """
    with tempfile.TemporaryDirectory(prefix="collegium-peer-") as name:
        folder = Path(name)
        library = _library(folder)
        command = [str(python), "-m", "collegium.bench.peers.drivers", peer, name, mode]
        process = subprocess.Popen(
            command + [str(number) for number in numbers],
            cwd=folder,
            env=_environment(library),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        output, errors, was_stopped = _wait(process, limit_s)
        return Outcome(
            lines=[json.loads(line) for line in output.splitlines() if line[:1] == "{"],
            executions=_executions(folder / "executions"),
            was_stopped=was_stopped,
            last_words=errors.strip()[-500:],
        )


def _library(folder: Path) -> Path:
    """Make our package, but nothing beside it, importable for the driver.

    The folder that holds our package may hold our dependencies as well, in other
    versions than the peer's.
    """
    library = folder / "library"
    library.mkdir()
    package = Path(collegium.__file__).parent
    (library / package.name).symlink_to(package, target_is_directory=True)
    return library


def _environment(library: Path) -> dict[str, str]:
    kept = ("HOME", "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "PYTHONPATH": str(library),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _wait(process: subprocess.Popen[str], limit_s: float) -> tuple[str, str, bool]:
    try:
        return *process.communicate(timeout=limit_s), False
    except subprocess.TimeoutExpired:
        process.terminate()
        return *process.communicate(timeout=STOP_LIMIT_S), True
    except BaseException:
        process.terminate()
        process.communicate(timeout=STOP_LIMIT_S)
        raise


def _executions(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()] if log.exists() else []
