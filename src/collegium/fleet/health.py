"""Look after the members: probe them, and forget those that are silent and dead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from collegium.fleet.members import Member
from collegium.fleet.registry import Registry

PROBE_TIMEOUT_S = 2.0
PROBES_AT_ONCE = 64
LOOK_INTERVAL_S = 0.1
OWN_DELAY_S = 1.0
"""When this process itself was held up so long, silence of others proves nothing."""

_log = logging.getLogger(__name__)


class Monitor:
    """Watches a registry.

    Parameters
    ----------
    registry : the members.
    probe : tells whether a member answers at its address as who it says it is.
    on_change : called when somebody has become routable or stopped being so.
    on_loss : called with each member whose tasks are given up.
    now_s : monotonic clock, the event loop's own.
    """

    def __init__(
        self,
        registry: Registry,
        probe: Callable[[Member], Awaitable[bool]],
        *,
        on_change: Callable[[], None],
        on_loss: Callable[[Member], None],
        now_s: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._probe = probe
        self._on_change = on_change
        self._on_loss = on_loss
        self._now_s = now_s
        self._free_probes = asyncio.Semaphore(PROBES_AT_ONCE)
        self._probing: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def look_now(self) -> None:
        """Do not wait for the next look: somebody is new, or has failed."""
        self._wake.set()

    async def run(self) -> None:
        """Look after the members until cancelled."""
        looked_s = self._now_s()
        try:
            while True:
                now_s = self._now_s()
                self._forgive_own_delay(now_s - looked_s)
                looked_s = now_s
                self._look(now_s)
                await self._pause()
        finally:
            for probing in self._probing:
                probing.cancel()

    def _look(self, now_s: float) -> None:
        for member in self._registry.probe_due(now_s):
            member.is_probing = True
            probing = asyncio.create_task(self._examine(member))
            self._probing.add(probing)
            probing.add_done_callback(self._probing.discard)
        for member in self._registry.expired(now_s):
            _log.warning("worker %s is silent and does not answer", member.id)
            self._registry.remove(member)
            self._on_loss(member)
        for member in self._registry.unreached(now_s):
            _log.warning("worker %s is heard but does not answer", member.id)
            self._on_loss(member)

    async def _examine(self, member: Member) -> None:
        is_alive = await self._answers(member)
        was_routable = member.is_routable(self._now_s())
        self._registry.probed(member, self._now_s(), is_alive=is_alive)
        is_routable = member.is_routable(self._now_s())
        if was_routable != is_routable:
            _log.info(
                "worker %s %s", member.id, "is up" if is_routable else "is not reached"
            )
            self._on_change()

    async def _answers(self, member: Member) -> bool:
        for _ in range(2):
            async with self._free_probes:
                begun_s = self._now_s()
                try:
                    async with asyncio.timeout(PROBE_TIMEOUT_S):
                        return await self._probe(member)
                except TimeoutError:
                    _log.debug("worker %s does not answer a probe in time", member.id)
            if self._now_s() - begun_s <= PROBE_TIMEOUT_S + OWN_DELAY_S:
                break  # else we were not there to hear it, and ask once more
        return False

    def _forgive_own_delay(self, since_s: float) -> None:
        delay_s = since_s - LOOK_INTERVAL_S
        if delay_s <= OWN_DELAY_S:
            return
        for member in self._registry.members:
            member.lease_end_s += delay_s
            member.answered_s += delay_s

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_INTERVAL_S):
                await self._wake.wait()
        except TimeoutError:
            pass  # the usual case: nothing happened since the last look
        self._wake.clear()
