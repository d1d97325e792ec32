"""A number that grows, and whoever waits for that."""

from __future__ import annotations

import asyncio


class Changes:
    """Counts changes of something; no waiter can miss one."""

    def __init__(self) -> None:
        self.version = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def bump(self) -> None:
        """Count a change and wake everybody."""
        self.version += 1
        while self._waiters:
            waiter = self._waiters.pop()
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, version: int) -> int:
        """Wait until the number differs from ``version``; return it."""
        while self.version == version:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return self.version
