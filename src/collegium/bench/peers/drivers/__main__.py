"""Stands above a driver, so that nothing survives it, however it ends.

Run with the Python of the peer's own environment:
``python -m collegium.bench.peers.drivers PEER FOLDER ...``; see ``drive.main``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType
from typing import NoReturn

from collegium.bench.peers.drivers.processes import adopt_orphans, descendants, send


def main(arguments: list[str]) -> int:
    """Run the driver as a child; return its exit code once all below it has ended."""
    signal.signal(signal.SIGTERM, _leave)
    adopt_orphans()
    command = [sys.executable, "-m", "collegium.bench.peers.drivers.drive", *arguments]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        _end_all()


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _end_all() -> None:
    """Kill whatever is below and wait for each, until there is nothing to wait for.

    One that is dead but not waited for would be left to our own parent.
    """
    try:
        while True:
            for pid in descendants(os.getpid()):
                send(pid, signal.SIGKILL)
            os.wait()
    except ChildProcessError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
