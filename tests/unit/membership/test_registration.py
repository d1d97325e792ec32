from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from collegium.errors import Malformed
from collegium.membership.registration import Outdated, Registration
from collegium.protocol import Announcement
from fixtures.waiting import until

Answer = Callable[[int], web.Response]


class _Coordinator:
    """Notes what it is told, and answers as a test wants."""

    def __init__(self, answer: Answer) -> None:
        self.url = ""
        self.told: list[dict[str, Any]] = []
        self.left: list[str] = []
        self._answer = answer

    async def put(self, request: web.Request) -> web.Response:
        self.told.append(await request.json())
        return self._answer(len(self.told))

    async def delete(self, request: web.Request) -> web.Response:
        self.left.append(request.path_qs)
        return web.Response(status=204)

    async def has_heard(self, count: int) -> bool:
        return len(self.told) >= count


@asynccontextmanager
async def _coordinator(answer: Answer) -> AsyncIterator[_Coordinator]:
    coordinator = _Coordinator(answer)
    app = web.Application()
    app.router.add_put("/v1/workers/w", coordinator.put)
    app.router.add_delete("/v1/workers/w", coordinator.delete)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        coordinator.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield coordinator
    finally:
        await runner.cleanup()


def _known(_: int) -> web.Response:
    return web.Response(status=204, headers={"heartbeat-ms": "20"})


def _describe(heartbeat_s: float) -> Announcement:
    return Announcement(
        incarnation="i",
        url="http://127.0.0.1:1",
        slots=1,
        workloads=["noop"],
        heartbeat_s=heartbeat_s,
    )


@asynccontextmanager
async def _registration(url: str, **options: Any) -> AsyncIterator[Registration]:
    async with aiohttp.ClientSession() as session:
        yield Registration(session, url, "w", "i", _describe, **options)


def _fresh(registration: Registration) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return registration.is_fresh

    return look


async def test_heartbeats_follow_the_coordinator() -> None:
    """It announces at once, then as often as the coordinator says, and leaves."""
    async with (
        _coordinator(_known) as coordinator,
        _registration(coordinator.url) as registration,
    ):
        assert not registration.is_fresh
        running = asyncio.create_task(registration.run())
        await until(lambda: coordinator.has_heard(4))
        await until(_fresh(registration))
        assert coordinator.told[0]["heartbeat_s"] == 5.0
        assert coordinator.told[-1]["heartbeat_s"] == 0.02
        running.cancel()
        await registration.leave()
        assert coordinator.left == ["/v1/workers/w?incarnation=i"]


async def test_news_do_not_wait_for_the_next_heartbeat() -> None:
    """A change is told at once."""
    async with (
        _coordinator(_known) as coordinator,
        _registration(coordinator.url, heartbeat_s=3600.0) as registration,
    ):
        running = asyncio.create_task(registration.run())
        await until(lambda: coordinator.has_heard(1))
        registration.tell()
        await until(lambda: coordinator.has_heard(2))
        running.cancel()


@pytest.mark.parametrize("status", [401, 404, 500, 502, 503])
async def test_refusals_that_may_pass_are_outlived(status: int) -> None:
    """A coordinator that cannot take the report now is asked again."""

    def answer(number: int) -> web.Response:
        return web.Response(status=status) if number < 3 else _known(number)

    async with (
        _coordinator(answer) as coordinator,
        _registration(coordinator.url) as registration,
    ):
        running = asyncio.create_task(registration.run())
        await until(lambda: coordinator.has_heard(4))
        await until(_fresh(registration))
        running.cancel()


async def test_absence_is_outlived() -> None:
    """With nobody at the address it keeps trying and knows that it is not heard."""
    async with _registration("http://127.0.0.1:9") as registration:
        running = asyncio.create_task(registration.run())
        await asyncio.sleep(0.3)
        assert not running.done()
        assert not registration.is_fresh
        running.cancel()
        await registration.leave()


@pytest.mark.parametrize(
    ("status", "error"), [(409, Outdated), (422, Malformed), (400, Malformed)]
)
async def test_refusals_for_good_end_it(status: int, error: type[Exception]) -> None:
    """A later start or a refused worker ends the loop, with the reason given."""

    def answer(_: int) -> web.Response:
        return web.json_response({"detail": "the reason"}, status=status)

    async with (
        _coordinator(answer) as coordinator,
        _registration(coordinator.url) as registration,
    ):
        with pytest.raises(error, match="the reason"):
            await asyncio.wait_for(registration.run(), 5.0)


async def test_redirects_are_not_followed() -> None:
    """A coordinator cannot send the worker, with its token, to somebody else."""

    def answer(_: int) -> web.Response:
        return web.Response(status=307, headers={"location": "http://127.0.0.1:9/"})

    async with (
        _coordinator(answer) as coordinator,
        _registration(coordinator.url) as registration,
    ):
        running = asyncio.create_task(registration.run())
        await until(lambda: coordinator.has_heard(2))
        assert not registration.is_fresh
        running.cancel()
