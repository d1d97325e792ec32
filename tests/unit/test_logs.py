"""What stands in a line of the log besides its message."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.requests import Request

from collegium import logs
from collegium.fleet.engine_http import HttpEngine
from collegium.fleet.members import Member
from collegium.fleet.tasks import Task
from collegium.rest.answers import Answer
from collegium.rest.application import Application
from collegium.rest.wire import WireAnswer
from fixtures.asgi import AsgiClient

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_log = logging.getLogger("collegium.test")


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """Give what is logged, as JSON lines."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    yield stream
    _log.removeHandler(handler)


def _read(lines: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def _app() -> Application:
    router = APIRouter()

    @router.get("/{name}")
    async def speak(request: Request, name: str) -> Answer:
        await asyncio.sleep(0)  # others come in between
        _log.info(name)
        return Answer(204, b"", [])

    app = Application(title="test")
    app.include_router(router, prefix="/v1")
    return app


async def test_requests_at_once_keep_their_names(lines: StringIO) -> None:
    """Each line has the id in the answer to the request that it belongs to."""
    client = AsgiClient(_app())
    replies = await asyncio.gather(
        *(client.request("GET", f"/v1/n{number}") for number in range(20))
    )
    named = {line["message"]: line["request_id"] for line in _read(lines)}
    for number, reply in enumerate(replies):
        assert named[f"n{number}"] == reply.headers["x-request-id"]
    assert len(set(named.values())) == 20


@pytest.mark.parametrize(
    ("sent", "logged"), [(TRACE, TRACE), ("00-nonsense", None), (None, None)]
)
async def test_only_a_trace_context_is_logged(
    lines: StringIO, sent: str | None, logged: str | None
) -> None:
    """A well-formed traceparent is in the line, anything else is not."""
    headers = {} if sent is None else {"traceparent": sent}
    await asyncio.create_task(
        AsgiClient(_app()).request("GET", "/v1/a", headers=headers)
    )
    assert _read(lines)[0].get("traceparent") == logged


async def test_outside_of_requests_there_are_no_names(lines: StringIO) -> None:
    """A line that belongs to no request names none."""
    _log.info("alone")
    (line,) = _read(lines)
    assert {"request_id", "task_id", "traceparent"}.isdisjoint(line)


async def test_lines_for_people_have_the_names_too() -> None:
    """The text layout appends what is known, and nothing when nothing is."""
    record = _log.makeRecord("a", logging.INFO, "", 0, "hello", (), None)
    layout = logs.TextLines()
    assert layout.format(record).endswith(": hello")

    async def named() -> str:
        logs.task_id.set("t1")
        return layout.format(record)

    assert (await asyncio.create_task(named())).endswith(": hello task_id=t1")


class _Wire:
    """Takes note of the fields of requests, and answers echo tasks."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    async def request(
        self, method: str, base: str, path: str, body: bytes, fields: dict[str, str]
    ) -> WireAnswer:
        self.fields = fields
        task_id = path.rpartition("/")[2]
        told = {"id": task_id, "workload": "echo", "state": "succeeded", "output": 1}
        return WireAnswer(200, json.dumps(told).encode())


async def test_a_worker_hears_whose_request_it_serves() -> None:
    """The name of the client's request goes along with the task."""
    wire = _Wire()
    engine = HttpEngine(wire, "me")  # type: ignore[arg-type]

    async def run() -> None:
        logs.request_id.set("r1")
        await engine.run(
            Member("w", "1", "http://127.0.0.1:1"),
            Task("echo", b"1", 10.0),
            attempt=1,
            deadline_s=10.0,
            on_progress=None,
        )

    await asyncio.create_task(run())
    assert wire.fields["x-request-id"] == "r1"
