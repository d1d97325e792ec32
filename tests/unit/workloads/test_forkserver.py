from __future__ import annotations

import asyncio
import os
import socket
import sys

import pytest


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
