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
        while left := descendants(os.getpid()):
            for pid in left:
                send(pid, signal.SIGKILL)
            _reap()


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _reap() -> None:
    """Wait for one child to end; others follow at the next turn."""
    try:
        os.wait()
    except ChildProcessError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
