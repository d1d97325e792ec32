"""What an outside lint for HTTP messages says of every public answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from httplint.message import HttpRequestLinter, HttpResponseLinter
from httplint.note import levels
from yarl import URL

from collegium.coordinator.app import create_app
from collegium.settings import CoordinatorSettings
from fixtures.serving import serving
from fixtures.waiting import until

CODE = "NOWHERE"
HOME = f"/v1/universities/{CODE}"
JSON = "application/json"
TASK = json.dumps({"workload": "noop", "input": {}})
COURSE = json.dumps({"code": "CS101", "name": "Programming"})

GETS = [
    "/",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/openapi.json",
    "/v1/universities",
    HOME,
    f"{HOME}/courses",
    f"{HOME}/courses/CS100",
    f"{HOME}/courses/NONE",
    f"{HOME}/rooms",
    f"{HOME}/people",
    f"{HOME}/sessions",
    f"{HOME}/organisations",
    "/v1/workers",
    "/v1/workers/nobody",
    "/v1/stats",
    "/v1/jobs",
    "/v1/jobs/nothing",
    f"/v1/blobs/{'0' * 64}",
    "/nowhere",
]
POSTS = [
    (f"{HOME}/courses", COURSE),
    (f"{HOME}/courses", "{"),
    (f"{HOME}/courses", '{"code": 1}'),
    ("/v1/tasks", TASK),
    ("/v1/tasks", '{"workload": "none", "input": {}}'),
    ("/v1/jobs", TASK),
]

MEANT = {
    # We sent what cannot be understood, on purpose.
    "STATUS_BAD_REQUEST",
    # The specification leaves Location at 202 open; our contract fills it: the job.
    "LOCATION_UNDEFINED",
}


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[URL]:
    """Return where a coordinator with a university and a course listens."""
    settings = CoordinatorSettings(
        database=f"sqlite:///{tmp_path}/lint.db",
        data_dir=tmp_path / "data",
        workloads=("noop",),
        local_slots=1,
    )
    async with serving(create_app(settings)) as client:
        for path, body in [
            ("/v1/universities", {"code": CODE, "name": "University of Nowhere"}),
            (f"{HOME}/courses", {"code": "CS100", "name": "Thinking"}),
        ]:
            async with client.post(path, json=body) as answer:
                assert answer.status == 201
                address = answer.url.origin()
        # Describing itself for the first time holds up the loop, which is its clock.
        await client.get("/openapi.json")
        await until(lambda: _is_on_time(client), 60.0)
        yield address


async def _is_on_time(client: aiohttp.ClientSession) -> bool:
    async with client.get("/health/live") as answer:
        told = parsedate_to_datetime(answer.headers["date"])
    return time.time() - told.timestamp() < 2.0


class Exchange(NamedTuple):
    """One request and its answer, with the times at which they were sent."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    asked_s: float
    answered_s: float
    head: bytes
    content: bytes


async def exchange(
    address: URL, method: str, path: str, fields: list[tuple[str, str]], body: str = ""
) -> Exchange:
    """Send a request on a connection of its own."""
    headers = [("Host", address.authority), ("Connection", "close"), *fields]
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    asked_s = time.time()
    writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
    raw_head = await reader.readuntil(b"\r\n\r\n")
    answered_s = time.time()
    content = await reader.read()
    writer.close()
    await writer.wait_closed()
    url = str(address.join(URL(path)))
    return Exchange(method, url, headers, asked_s, answered_s, raw_head, content)


def complaints_of(said: Exchange) -> list[str]:
    """Return the faults and warnings that the lint finds in an answer."""
    first, *lines = said.head[:-4].split(b"\r\n")
    version, status, phrase = first.split(b" ", 2)
    request = HttpRequestLinter(start_time=said.asked_s)
    request.process_request_topline(said.method.encode(), said.url.encode(), b"1.1")
    request.process_headers([(n.encode(), v.encode()) for n, v in said.headers])
    request.finish_content(True)
    response = HttpResponseLinter(start_time=said.answered_s)
    response.request = request
    response.is_head_response = said.method == "HEAD"
    response.process_response_topline(version.removeprefix(b"HTTP/"), status, phrase)
    response.process_headers([tuple(line.split(b": ", 1)) for line in lines])
    if said.content:
        response.feed_content(said.content)
    response.finish_content(True)
    return [
        f"{said.method} {said.url}: {note.level.value}: {note}"
        for note in response.notes
        if note.level in (levels.BAD, levels.WARN) and type(note).__name__ not in MEANT
    ]


async def test_nothing_to_complain_about(address: URL) -> None:
    """GET, HEAD, conditional GET and POST get answers without fault or warning."""
    said: list[Exchange] = []
    for path in GETS:
        for method, fields in [
            ("GET", []),
            ("HEAD", []),
            ("GET", [("If-None-Match", "*")]),
        ]:
            said.append(await exchange(address, method, path, fields))
    for path, body in POSTS:
        fields = [("Content-Type", JSON), ("Content-Length", str(len(body)))]
        said.append(await exchange(address, "POST", path, fields, body))
    # Only now: the server shares our loop, and its clock stands still while we judge.
    assert not [complaint for each in said for complaint in complaints_of(each)]


def test_the_lint_does_complain() -> None:
    """The lint finds a fault where there is one, so the test above can fail."""
    response = HttpResponseLinter(start_time=time.time())
    response.process_response_topline(b"1.1", b"200", b"OK")
    response.process_headers(
        [(b"Content-Length", b"5"), (b"Cache-Control", b"max-age=x")]
    )
    response.feed_content(b"too long")
    response.finish_content(True)
    assert any(note.level is levels.BAD for note in response.notes)
