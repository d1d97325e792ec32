"""What a process that was held up itself makes of the silence of others."""

from __future__ import annotations

import asyncio

from collegium.fleet.health import Monitor
from collegium.fleet.members import Member
from collegium.fleet.policies import RoundRobin
from collegium.fleet.registry import Registry
from collegium.protocol import Announcement
from fixtures.virtual import VirtualLoop, run_virtually

HEARTBEAT_S = 5.0
SAID = Announcement(
    incarnation="1",
    url="http://127.0.0.1:1",
    slots=1,
    workloads=["work"],
    heartbeat_s=HEARTBEAT_S,
)


def _stand_still(seconds: float) -> None:
    """Hold up the loop itself."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop._instant.now_s += seconds


async def _watched(answer_s: float, stall_s: float) -> tuple[Registry, list[bool]]:
    """Watch a member that answers so late, while we stand still in its first probe.

    Returns the registry, and of each probe whether the member was suspect by then.
    """
    loop = asyncio.get_running_loop()
    registry = Registry(RoundRobin(), identity="me")
    registry.announce("a", SAID, loop.time())
    suspected: list[bool] = []

    async def probe(member: Member) -> bool:
        suspected.append(member.is_suspect)
        if len(suspected) == 1 and stall_s:
            loop.call_later(answer_s / 2, _stand_still, stall_s)
        await asyncio.sleep(answer_s)
        return True

    monitor = Monitor(
        registry,
        probe,
        on_change=lambda: None,
        on_loss=lambda _: None,
        now_s=loop.time,
    )
    watching = asyncio.create_task(monitor.run())
    await asyncio.sleep(stall_s + 4.0)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    return registry, suspected


def test_an_answer_that_waited_for_us_is_not_a_silence() -> None:
    """After standing still ourselves we ask once more before we suspect anybody."""
    registry, suspected = run_virtually(_watched(answer_s=1.0, stall_s=10.0))
    (member,) = registry.members
    assert member.is_verified
    assert suspected == [False, False]


def test_who_does_not_answer_in_time_is_suspected() -> None:
    """When we were there all the time."""
    registry, suspected = run_virtually(_watched(answer_s=30.0, stall_s=0.0))
    (member,) = registry.members
    assert not member.is_verified
    assert suspected == [False, True]


def test_leases_do_not_end_while_we_stand_still() -> None:
    """Nobody is forgotten for what could not be heard."""
    registry, _ = run_virtually(_watched(answer_s=1.0, stall_s=1000.0))
    assert [member.id for member in registry.members] == ["a"]
