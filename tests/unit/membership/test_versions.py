"""A worker of this version under a coordinator of another one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
from aiohttp import web

from collegium.membership.place import Envelope
from collegium.membership.registration import Registration
from collegium.membership.slots import OwnSlots
from collegium.membership.tasks import TaskTable
from collegium.protocol import (
    OLDEST_PROTOCOL_VERSION,
    PROTOCOL_VERSION,
    Announcement,
)
from collegium.workloads.blobs import BlobCache
from collegium.workloads.executor import Executor
from collegium.workloads.registry import import_paths
from collegium.workloads.simple import Echo
from collegium.workloads.slots import Slots
from fixtures.waiting import until


async def _no_blob(sha256: str) -> bytes:
    raise AssertionError(sha256)


async def test_an_order_of_another_version_is_done(tmp_path: Path) -> None:
    """One that has only what is required, or more than is known here, is a task."""
    catalogue = {"echo": Echo()}
    slots = Slots(1, import_paths(catalogue))
    executor = Executor(catalogue, slots, BlobCache(tmp_path, 1, _no_blob))
    table = TaskTable("w", OwnSlots(executor), waiting_limit=1)
    least = {"workload": "echo", "input": [1]}
    for number, order in enumerate((least, least | {"of the future": {"a": 1}})):
        answer = await table.put(
            str(number), json.dumps(order).encode(), Envelope(1, 9)
        )
        told = json.loads(answer)
        assert (told["id"], told["state"], told["output"]) == (
            str(number),
            "succeeded",
            [1],
        )


async def test_a_coordinator_of_another_version_knows_this_worker() -> None:
    """It is told which versions are spoken; all it has to answer is a status."""
    told: list[Announcement] = []

    async def take(request: web.Request) -> web.Response:
        body = await request.json()
        told.append(
            Announcement(
                **{k: body[k] for k in ("incarnation", "url")},
                slots=body["slots"],
                workloads=body["workloads"],
                protocol_min=body.get("protocol_min", 1),
                protocol_max=body.get("protocol_max", 1),
            )
        )
        return web.Response(status=204, headers={"of-the-future": "1"})

    app = web.Application()
    app.router.add_put("/v1/workers/w", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        registration = Registration(session, url, "w", "i", _describe)
        running = asyncio.create_task(registration.run())

        async def is_known() -> bool:
            return registration.is_fresh

        await until(is_known, 20.0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await runner.cleanup()
    spoken = told[0].protocol_min, told[0].protocol_max
    assert spoken == (OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION)


def _describe(heartbeat_s: float) -> Announcement:
    return Announcement(
        incarnation="i",
        url="http://127.0.0.1:1",
        slots=1,
        workloads=["echo"],
        protocol_min=OLDEST_PROTOCOL_VERSION,
        protocol_max=PROTOCOL_VERSION,
        heartbeat_s=heartbeat_s,
    )
