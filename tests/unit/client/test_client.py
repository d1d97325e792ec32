"""A Python program runs tasks on a fleet over real connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from collegium.client import Client, tasks
from collegium.errors import (
    DeadlineExceeded,
    Invalid,
    Malformed,
    Unauthenticated,
    Unavailable,
)
from collegium.rest.server import address_of, bind
from collegium.settings import CoordinatorSettings
from fixtures.fleet import fleet_app
from fixtures.serving import running
from fixtures.waiting import until


class Counting:
    """An application that counts its requests, and refuses some of them at first."""

    def __init__(self, app: ASGIApp) -> None:
        self.requests: Counter[str] = Counter()
        self.refuse = 0
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            self.requests[scope["path"]] += 1
            if self.refuse > 0:
                self.refuse -= 1
                await send({"type": "http.response.start", "status": 503})
                await send({"type": "http.response.body", "body": b""})
                return
        await self._app(scope, receive, send)


@asynccontextmanager
async def _served(settings: CoordinatorSettings) -> AsyncIterator[tuple[str, Counting]]:
    app = Counting(fleet_app(settings))
    config = uvicorn.Config(
        app, lifespan="on", log_config=None, timeout_graceful_shutdown=1
    )
    async with running(config) as sock:
        yield address_of(sock), app


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[str, Counting]]:
    """Give the address of a coordinator without workers, and what counts there."""
    settings = CoordinatorSettings(data_dir=tmp_path, local_slots=1)
    async with _served(settings) as found:
        yield found


async def test_results_are_what_they_are_in_python(
    served: tuple[str, Counting],
) -> None:
    """Any JSON value comes back, with who has run it and how often it was begun."""
    async with Client(served[0] + "/") as client:
        for value in (None, 1.5, "ä", [{"a": []}]):
            result = await client.run("echo", value)
            assert result.output == value
            assert (result.executed_by, result.attempts) == ("local", 1)


async def test_short_tasks_share_requests(
    served: tuple[str, Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a kind has proved to be short, those of one moment go together."""
    # On a busy machine an echo may take longer than what counts as short.
    monkeypatch.setattr(tasks, "SHORT_TASK_S", 60.0)
    address, app = served
    async with Client(address) as client:
        await client.run("noop", {})
        await asyncio.gather(client.run("echo", 0), client.run("echo", 0))
        assert app.requests == {"/v1/tasks": 3}
        outputs = await client.map("echo", range(1000), at_once=100)
        assert outputs == list(range(1000))
        assert app.requests["/v1/tasks"] == 3
        assert app.requests["/v1/task-batches"] <= 20


async def test_long_tasks_do_not_wait_for_each_other(
    served: tuple[str, Counting],
) -> None:
    """What takes long goes alone, also after many that were short."""
    address, app = served
    async with Client(address) as client:
        await client.map("sleep", [{"seconds": 0.02}] * 3)
        assert app.requests == {"/v1/tasks": 3}


async def test_a_bad_task_takes_nobody_along(
    served: tuple[str, Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those in one request the malformed one fails, with a pointer, and only it."""
    monkeypatch.setattr(tasks, "SHORT_TASK_S", 60.0)
    async with Client(served[0]) as client:
        await client.run("noop", {})
        calls = [client.run("noop", {}), client.run("noop", {"x": 1})]
        good, bad = await asyncio.gather(*calls, return_exceptions=True)
        assert not isinstance(good, BaseException)
        assert good.output == {}
        assert isinstance(bad, Malformed)
        assert list(bad.pointers) == ["/input/x"]


async def test_map_ends_with_the_first_failure(served: tuple[str, Counting]) -> None:
    """Its error is raised, and what has not begun never does."""
    address, app = served
    async with Client(address) as client:
        with pytest.raises(Malformed):
            await client.map("noop", [{}, {"x": 1}, *({} for _ in range(500))])
    assert sum(app.requests.values()) < 500


async def test_a_client_that_is_closed_asks_nobody(
    served: tuple[str, Counting],
) -> None:
    """What still waits ends at once."""
    async with Client(served[0]) as client:
        waiting = asyncio.create_task(client.run("sleep", {"seconds": 60}))
        await until(lambda: asyncio.sleep(0, served[1].requests["/v1/tasks"] == 1))
    with pytest.raises(Unavailable):
        await waiting
    assert served[1].requests == {"/v1/tasks": 1}


async def test_deadlines_hold(served: tuple[str, Counting]) -> None:
    """A task that takes too long is an error when its time is over."""
    async with Client(served[0]) as client:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with pytest.raises(DeadlineExceeded):
            await client.run("sleep", {"seconds": 60}, deadline_s=0.2)
        assert loop.time() - began_s < 30.0


async def test_a_coordinator_that_is_busy_is_asked_again(
    served: tuple[str, Counting],
) -> None:
    """Two refusals pass unseen, as long as the deadline is not over."""
    address, app = served
    app.refuse = 2
    async with Client(address) as client:
        assert (await client.run("echo", 7)).output == 7
        assert app.requests["/v1/tasks"] == 3
        app.refuse = 1000
        with pytest.raises((Unavailable, DeadlineExceeded)):
            await client.run("echo", 7, deadline_s=0.5)


async def test_a_coordinator_that_starts_late_is_found(tmp_path: Path) -> None:
    """Nobody listens yet: the client goes on asking until somebody does."""
    with contextlib.closing(bind("127.0.0.1", 0)) as sock:
        host, port = sock.getsockname()
    async with Client(f"http://{host}:{port}") as client:
        with pytest.raises(Unavailable):
            await client.run("echo", 1, deadline_s=0.2)
        waiting = asyncio.create_task(client.run("echo", 1))
        await asyncio.sleep(0.1)
        config = uvicorn.Config(
            fleet_app(CoordinatorSettings(data_dir=tmp_path, local_slots=1)),
            host=host,
            port=port,
            log_config=None,
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        with socket.create_server((host, port)) as late:
            late.setblocking(False)
            serving = asyncio.create_task(server.serve(sockets=[late]))
            assert (await waiting).output == 1
            server.should_exit = True
            await serving


async def test_without_its_token_nobody_gets_in(tmp_path: Path) -> None:
    """The right token opens, a missing or wrong one is one clear error."""
    settings = CoordinatorSettings.model_validate(
        {"data_dir": tmp_path, "api_token": "a" * 20, "local_slots": 1}
    )
    async with _served(settings) as (address, _):
        async with Client(address, token="a" * 20) as client:
            assert (await client.run("echo", 1)).output == 1
        for token in (None, "b" * 20):
            async with Client(address, token=token) as client:
                with pytest.raises(Unauthenticated):
                    await client.run("echo", 1)


@pytest.mark.parametrize(
    "address", ["", "localhost:8000", "ftp://a:1", "http://", "http://a:99999"]
)
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    """Before anything is sent."""
    with pytest.raises(Invalid):
        Client(address)


async def test_what_is_no_coordinator_is_told_so() -> None:
    """A page of somebody else is not a result, also when time is up in a pause."""
    loop = asyncio.get_running_loop()

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"<html>"})
        loop.call_later(0.01, time.sleep, 1.0)  # the client pauses before it asks again

    config = uvicorn.Config(page, lifespan="off", log_config=None)
    async with running(config) as sock, Client(address_of(sock)) as client:
        with pytest.raises(Unavailable, match="no coordinator"):
            await client.run("echo", 1, deadline_s=0.9)
