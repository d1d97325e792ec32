from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

import pytest

from collegium.workloads.forkserver import ForkServer


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells of a parent's end"
)
async def test_it_does_not_begin_without_who_started_it() -> None:
    """Whoever was killed while it was still being started leaves nothing behind."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stranger = str(os.getppid())
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "collegium.workloads.forkserver"),
            *(str(theirs.fileno()), "{}", stranger),
            pass_fds=[theirs.fileno()],
        )
        # The socket stays open: that it closes is not what ends it.
        assert await asyncio.wait_for(process.wait(), 60.0) == 1


def test_it_ends_without_waiting_for_signals() -> None:
    """A child's end that is told late finds no closed socket to be written to."""
    ours, theirs = socket.socketpair()
    handler = signal.getsignal(signal.SIGCHLD)
    before = signal.set_wakeup_fd(-1)
    try:
        ours.close()
        with theirs:
            ForkServer(theirs, {}).run()
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGCHLD, handler)
        signal.set_wakeup_fd(before)
