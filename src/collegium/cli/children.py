"""Processes that a command starts, and takes along when it ends."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path
from types import TracebackType

from collegium.errors import Unavailable

END_GRACE_S = 15.0
LAST_LINES = 3
_PR_SET_PDEATHSIG = 1


class Children:
    """Child processes of this command, each with its log file.

    Parameters
    ----------
    directory : where the log files are written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: dict[str, Process] = {}

    async def __aenter__(self) -> Children:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all children, the last one first; kill those that do not."""
        for process in reversed(self._processes.values()):
            if process.returncode is None:
                process.terminate()
        for process in self._processes.values():
            try:
                async with asyncio.timeout(END_GRACE_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def start(self, name: str, *arguments: str) -> None:
        """Start ``collegium`` with these arguments."""
        log = self.log_of(name).open("ab")
        with log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "collegium",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal is for this command, which ends its children.
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def log_of(self, name: str) -> Path:
        """Return the log file of a child."""
        return self._directory / f"{name}.log"

    def refuse_dead(self) -> None:
        """Make sure that all children run.

        Raises
        ------
        Unavailable
            When one has ended; with the last lines of its log.
        """
        for name, process in self._processes.items():
            if process.returncode is not None:
                lines = self.log_of(name).read_text().splitlines()[-LAST_LINES:]
                raise Unavailable(
                    f"The {name} has ended with code {process.returncode}: "
                    + " / ".join(lines)
                )


def _die_with_parent() -> None:
    """Let the kernel end this process when the command is killed."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
