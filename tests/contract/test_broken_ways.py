"""A coordinator's fleet against workers whose network or whose answers are broken.

The worker in here is the least that the protocol asks for, as an older or newer one
would be: it tells nothing that is not required, and some things that nobody knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from collegium.errors import NotFound, Unavailable
from collegium.fleet.health import PROBE_TIMEOUT_S
from collegium.fleet.service import Fleet
from collegium.fleet.tasks import Task, TaskAnswer
from collegium.protocol import LEASE_HEARTBEATS, Announcement
from collegium.settings import CoordinatorSettings
from collegium.workloads.simple import Echo, Noop, Sleep
from fixtures.faults.proxy import FaultProxy, Treatment
from fixtures.waiting import until

HEARTBEAT_S = 0.3
OUT_S = LEASE_HEARTBEATS * HEARTBEAT_S + PROBE_TIMEOUT_S
"""By then a worker that does not answer gets nothing more."""
LATE_S = 5.0
"""What anything may take beyond its time on a busy machine."""
STALLED = Treatment(is_stalled=True)
SWALLOWED = Treatment(is_swallowed=True)
Answer = Callable[[str], web.Response]


@dataclass(slots=True)
class LeastWorker:
    """Answers what it must, or as a test wants."""

    incarnation: str = "1"
    answer: Answer | None = None
    seen: list[str] = field(default_factory=list)
    fields: list[dict[str, str]] = field(default_factory=list)
    elsewhere: int = 0

    async def run_task(self, request: web.Request) -> web.Response:
        """Echo the input."""
        task_id = request.match_info["id"]
        self.seen.append(task_id)
        self.fields.append({k.lower(): v for k, v in request.headers.items()})
        order = await request.json()
        if self.answer is not None:
            return self.answer(task_id)
        return web.json_response(
            {
                "id": task_id,
                "workload": order["workload"],
                "state": "succeeded",
                "output": order["input"],
                "of the future": [1],
            }
        )

    async def tell_self(self, _: web.Request) -> web.Response:
        """Say who answers here."""
        who = {"id": "w", "incarnation": self.incarnation, "state": "up", "new": {}}
        return web.json_response(who)

    async def forget(self, _: web.Request) -> web.Response:
        """Take in that nobody wants a task any more."""
        return web.Response(status=204)

    async def note_detour(self, _: web.Request) -> web.Response:
        """Count who has followed a redirect."""
        self.elsewhere += 1
        return web.json_response({})

    def app(self) -> web.Application:
        """Return it as an application."""
        app = web.Application()
        app.router.add_put("/v1/tasks/{id}", self.run_task)
        app.router.add_delete("/v1/tasks/{id}", self.forget)
        app.router.add_get("/v1/self", self.tell_self)
        app.router.add_route("*", "/elsewhere", self.note_detour)
        return app


@dataclass(slots=True)
class Scene:
    """A fleet, one worker, the way between them, and the worker's reports."""

    fleet: Fleet
    worker: LeastWorker
    way: FaultProxy

    def said(self, **changed: Any) -> Announcement:
        """Return an announcement with nothing but what is required."""
        least = {
            "incarnation": self.worker.incarnation,
            "url": self.way.url,
            "slots": 1,
            "workloads": ["echo", "noop", "sleep"],
        }
        raw = msgspec.json.encode(least | {"unheard of": True} | changed)
        return msgspec.json.decode(raw, type=Announcement)

    def announce(self) -> None:
        """Take in a report."""
        self.fleet.announce("w", self.said(heartbeat_s=HEARTBEAT_S))

    @property
    def view(self) -> str:
        """What the fleet thinks of the worker."""
        member = self.fleet.registry.find("w")
        return "gone" if member is None else member.view(self.fleet.now_s())

    async def is_seen_as(self, *views: str) -> bool:
        """Tell whether that is one of these."""
        return self.view in views

    async def echo(self, deadline_s: float = 30.0) -> TaskAnswer:
        """Run a task of which every place makes the same."""
        return await self.fleet.run(Task("echo", b'{"a":1}', deadline_s))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Give a fleet whose only worker is up and reports all the time."""
    async with _scene(tmp_path) as scene:
        await until(lambda: scene.is_seen_as("up"), OUT_S + LATE_S)
        yield scene


@asynccontextmanager
async def _scene(folder: Path) -> AsyncIterator[Scene]:
    worker = LeastWorker()
    runner = web.AppRunner(worker.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    way = FaultProxy("127.0.0.1", runner.addresses[0][1])
    await way.start()
    settings = CoordinatorSettings(
        heartbeat_s=HEARTBEAT_S, local_slots=1, data_dir=folder, body_limit_bytes=2**20
    )
    fleet = Fleet(settings, {w.name: w for w in (Noop(), Echo(), Sleep())}, _no_blob)
    await fleet.start()
    scene = Scene(fleet, worker, way)

    async def report() -> None:
        while True:
            with contextlib.suppress(Unavailable):  # not now: it reports again
                scene.announce()
            await asyncio.sleep(HEARTBEAT_S)

    reporting = asyncio.create_task(report())
    try:
        yield scene
    finally:
        reporting.cancel()
        await way.stop()
        await fleet.stop()
        await runner.cleanup()


async def _no_blob(sha256: str) -> bytes:
    raise NotFound(sha256)


async def test_a_worker_of_another_version_is_used(scene: Scene) -> None:
    """Missing what is optional and saying what nobody knows does not hinder a task."""
    answer = await scene.echo()
    assert (answer.executed_by, json.loads(answer.output)) == ("w", {"a": 1})


async def test_every_task_carries_what_fences_and_bounds_it(scene: Scene) -> None:
    """Attempt, sender and the time that is left stand in the headers of each task."""
    await scene.echo(deadline_s=20.0)
    (fields,) = scene.worker.fields
    assert fields["task-attempt"] == "1"
    assert fields["task-dispatcher"] == scene.fleet.identity
    assert 0 < int(fields["deadline-ms"]) <= 20_000


@pytest.mark.parametrize(
    "harm",
    [
        lambda way: way.refuse(),
        lambda way: way.treat(to_server=STALLED, to_client=STALLED),
        lambda way: way.treat(to_server=SWALLOWED),
        lambda way: way.treat(to_client=SWALLOWED),
    ],
    ids=["refused", "half-open", "no way there", "no way back"],
)
async def test_who_is_heard_but_not_reached_gets_nothing(
    scene: Scene, harm: Callable[[FaultProxy], None]
) -> None:
    """Within a lease and a probe it is out, tasks are done here; healed it is back."""
    await scene.echo()
    harm(scene.way)
    answers = await asyncio.wait_for(
        asyncio.gather(*(scene.echo() for _ in range(3))), 2 * OUT_S + LATE_S
    )
    assert {answer.executed_by for answer in answers} == {"local"}
    assert {answer.output for answer in answers} == {b'{"a":1}'}
    await until(lambda: scene.is_seen_as("suspect", "ejected", "gone"), OUT_S + LATE_S)
    before = len(scene.worker.seen)
    assert (await scene.echo()).executed_by == "local"
    assert len(scene.worker.seen) == before
    await scene.way.start()
    scene.way.treat()
    scene.way.cut()
    await until(lambda: scene.is_seen_as("up"), OUT_S + 60.0)
    assert (await scene.echo()).executed_by == "w"


def _problem(status: int) -> Answer:
    return lambda _: web.json_response({"error": "no problem document"}, status=status)


def _status(**fields: Any) -> Answer:
    told = {"workload": "echo", "state": "succeeded", "output": {"a": 1}}
    return lambda task_id: web.json_response({"id": task_id} | told | fields)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: web.Response(body=b"\x00\xff garbage"),
        lambda _: web.json_response([1, 2, 3]),
        _status(id="another"),
        _status(state="running"),
        _status(state="no such state"),
        _problem(500),
        _problem(418),
        lambda _: web.Response(status=302, headers={"location": "/elsewhere"}),
        lambda _: web.Response(body=b"x" * 3_000_000),
    ],
    ids=[
        *("garbage", "no status", "another task's", "no result", "no state"),
        *("a fault", "nonsense", "a redirect", "far too long"),
    ],
)
async def test_who_answers_wrong_is_set_aside(scene: Scene, answer: Answer) -> None:
    """The task is done elsewhere, the client sees nothing; no redirect is followed."""
    scene.worker.answer = answer
    done = await scene.echo()
    assert (done.executed_by, done.output, done.attempts) == ("local", b'{"a":1}', 2)
    assert scene.view == "set_aside"
    assert scene.fleet.dispatcher.counters.wrong_answers == 1
    assert scene.worker.elsewhere == 0


@pytest.mark.parametrize(
    "change", [lambda data: data + data, lambda data: bytes(255 - b for b in data)]
)
async def test_bytes_that_are_no_answer_are_not_believed(
    scene: Scene, change: Callable[[bytes], bytes]
) -> None:
    """Doubled or spoilt bytes cost an attempt at most, never a wrong result."""
    scene.way.treat(to_client=Treatment(change=change))
    answers = [await scene.echo() for _ in range(5)]
    assert [json.loads(answer.output) for answer in answers] == 5 * [{"a": 1}]


async def test_a_clock_set_back_keeps_no_worker_out(scene: Scene) -> None:
    """A start with an earlier name follows a dead one as soon as a probe has failed."""
    scene.worker.incarnation = "0"
    with pytest.raises(Unavailable, match="alive"):
        scene.announce()

    async def is_in() -> bool:
        member = scene.fleet.registry.find("w")
        return member is not None and member.incarnation == "0" and scene.view == "up"

    await until(is_in, OUT_S + LATE_S)
    assert (await scene.echo()).executed_by == "w"
