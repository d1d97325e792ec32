"""Workers that do nothing but speak the protocol, as many as wanted in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType

import aiohttp
import msgspec
import uuid_utils
from aiohttp import web

from collegium.membership.registration import Registration
from collegium.protocol import Announcement, TaskOrder, TaskStatus, WorkerSelf
from collegium.rest.server import address_of, bind
from collegium.workloads.simple import Nap

SLEEP = "sleep"
WORKLOADS = ["echo", SLEEP]
_encoder = msgspec.json.Encoder()
_orders = msgspec.json.Decoder(TaskOrder)


class SimulatedWorker:
    """One worker of one slot, with an address of its own.

    Parameters
    ----------
    name : its id.
    on_done : called after each task.

    Attributes
    ----------
    done : tasks that it has answered.
    first_s, last_s : when it began its first task and ended its last one, by the event
        loop's clock; None without any.
    """

    def __init__(self, name: str, on_done: Callable[[], None]) -> None:
        self.name = name
        self._on_done = on_done
        self.incarnation = str(uuid_utils.uuid7())
        self.url = ""
        self.done = 0
        self.first_s: float | None = None
        self.last_s: float | None = None
        self._sequence = 0
        self._server: asyncio.Server | None = None
        self._registration: Registration | None = None
        self._announcing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Answer at some free port."""
        sock = bind("127.0.0.1", 0)
        self.url = address_of(sock)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(web.Server(self._answer), sock=sock)

    def announce(self, session: aiohttp.ClientSession, coordinator: str) -> None:
        """Announce itself from now on, with the heartbeat that it is told."""
        self._registration = Registration(
            session, coordinator, self.name, self.incarnation, self._announcement
        )
        self._announcing = asyncio.create_task(self._registration.run())

    async def leave(self) -> None:
        """Announce itself no more, and say so."""
        if self._announcing is not None and self._registration is not None:
            self._announcing.cancel()
            await asyncio.gather(self._announcing, return_exceptions=True)
            await self._registration.leave()
            self._announcing = None

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()

    def _announcement(self, heartbeat_s: float) -> Announcement:
        self._sequence += 1
        return Announcement(
            incarnation=self.incarnation,
            url=self.url,
            slots=1,
            workloads=WORKLOADS,
            sequence=self._sequence,
            heartbeat_s=heartbeat_s,
            counters={"tasks_completed": self.done, "tasks_started": self.done},
            gauges={"cpu_percent": 0.0, "resident_bytes": 1e8, "uptime_s": 1.0},
        )

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method == "PUT":
            return _json(await self._run(request))
        if request.method == "GET" and request.path == "/v1/self":
            return _json(WorkerSelf(self.name, self.incarnation, "up"))
        return web.Response(status=204)

    async def _run(self, request: web.BaseRequest) -> TaskStatus:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        order = _orders.decode(await request.read())
        if order.workload == SLEEP:
            await asyncio.sleep(Nap.model_validate_json(bytes(order.input)).seconds)
        self.done += 1
        self.last_s = loop.time()
        if self.first_s is None:
            self.first_s = began_s
        self._on_done()
        return TaskStatus(
            request.path.rpartition("/")[2],
            order.workload,
            "succeeded",
            output=order.input,
            seconds=self.last_s - began_s,
        )


class SimulatedFleet:
    """Many simulated workers, closed together.

    Parameters
    ----------
    count : how many.
    coordinator : base address.
    """

    def __init__(self, count: int, coordinator: str) -> None:
        self._news = asyncio.Event()
        names = [f"simulated-{number:04}" for number in range(count)]
        self.workers = [SimulatedWorker(name, self._news.set) for name in names]
        self._coordinator = coordinator

    async def __aenter__(self) -> SimulatedFleet:
        """Open every worker's address; none announces itself yet."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=64),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        for worker in self.workers:
            await worker.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take all workers out again."""
        await self.leave(self.workers)
        for worker in self.workers:
            worker.close()
        await self._session.close()

    async def announce(self, over_s: float) -> None:
        """Announce all workers, spread over a time, as machines start."""
        for worker in self.workers:
            worker.announce(self._session, self._coordinator)
            await asyncio.sleep(over_s / len(self.workers))

    async def until_done(self, tasks: int) -> None:
        """Wait until all workers together have done so many."""
        while sum(worker.done for worker in self.workers) < tasks:
            self._news.clear()
            await self._news.wait()

    async def leave(self, workers: Sequence[SimulatedWorker]) -> None:
        """Take workers out."""
        await asyncio.gather(*(worker.leave() for worker in workers))


def _json(struct: msgspec.Struct) -> web.Response:
    return web.Response(body=_encoder.encode(struct), content_type="application/json")
