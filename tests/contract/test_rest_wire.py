"""What goes over the wire: framing, limits and slow clients, byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from collegium.rest import connections
from collegium.rest.connections import HEADER_BYTES, Connection
from fixtures.asgi import AsgiClient
from fixtures.catalogue import catalogue_app
from fixtures.serving import running

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
async def port(catalogue: AsgiClient, nowhere: str) -> AsyncIterator[int]:
    """Return the port of the catalogue on a real socket."""
    config = uvicorn.Config(
        catalogue_app(), lifespan="off", log_config=None, http=Connection
    )
    async with running(config) as sock:
        yield sock.getsockname()[1]


async def read_answer(reader: asyncio.StreamReader, *, is_head: bool = False) -> Answer:
    """Read one answer; ``ConnectionError`` when the connection ends first."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        raise ConnectionError from None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    fields = {name.lower(): value for name, value in pairs}
    assert len(fields) == len(pairs), "a field is sent twice"
    status = int(first.split(" ")[1])
    length = 0 if is_head or status in (204, 304) else int(fields["content-length"])
    return status, fields, await reader.readexactly(length)


async def exchange(port: int, raw: bytes) -> list[Answer]:
    """Send bytes on a new connection; return all answers until it ends or is idle."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    is_head = raw.startswith(b"HEAD")
    found: list[Answer] = []
    try:
        while True:
            async with asyncio.timeout(0.5 if found else 5):
                found.append(await read_answer(reader, is_head=is_head))
    except (ConnectionError, TimeoutError):
        return found
    finally:
        writer.close()


def assert_problem(answer: Answer, status: int) -> dict[str, Any]:
    """Make sure that an answer is a problem, and return it."""
    assert answer[0] == status
    assert answer[1]["content-type"] == "application/problem+json"
    assert answer[1]["cache-control"] == "no-store"
    problem: dict[str, Any] = json.loads(answer[2])
    assert problem["status"] == status
    return problem


GET = b"GET /v1/universities HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /v1/universities HTTP/1.1\r\n\r\n",
        GET + b"Host: a\r\n\r\n",
        GET + b"Host: b\r\n\r\n",
        b"GET /v1/universities HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /v1/universities HTTP/1.1\r\nHost:\r\n\r\n",
        GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        GET + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        GET + b"Content-Length: -1\r\n\r\n",
        GET + b"Content-Length: +1\r\n\r\na",
        GET + b"Content-Length: 0x1\r\n\r\na",
        GET + b"X : a\r\n\r\n",
        GET + b"X: a\0b\r\n\r\n",
        GET + b" folded: a\r\n\r\n",
        b"GET /v1/universities HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=lambda raw: repr(raw[-40:]),
)
async def test_broken_requests_are_refused(port: int, raw: bytes) -> None:
    """What is not clearly one request gets one problem, and the connection ends."""
    (answer,) = await exchange(port, raw)
    assert_problem(answer, 400)
    assert answer[1]["connection"] == "close"


async def test_null_characters_are_refused(port: int) -> None:
    """U+0000, escaped, is refused in a path before any database sees it."""
    raw = b"GET /v1/universities/a%00b HTTP/1.1\r\nHost: a\r\n\r\n"
    (answer,) = await exchange(port, raw)
    assert_problem(answer, 400)


@pytest.mark.parametrize(
    ("method", "status"), [(b"BREW", 501), (b"PURGE", 501), (b"TRACE", 405)]
)
async def test_other_methods(port: int, method: bytes, status: int) -> None:
    """A method of nobody's is 501, one that this resource lacks 405."""
    raw = method + b" /v1/universities HTTP/1.1\r\nHost: a\r\n\r\n"
    (answer,) = await exchange(port, raw)
    assert_problem(answer, status)


async def test_smuggled_requests_are_not_served(port: int) -> None:
    """Nothing behind an unclear end of a body is taken for another request."""
    for fields in (
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
    ):
        raw = b"POST /v1/universities HTTP/1.1\r\nHost: a\r\n" + fields
        raw += b"\r\n0\r\n\r\nGET /v1/universities HTTP/1.1\r\nHost: a\r\n\r\n"
        assert [answer[0] for answer in await exchange(port, raw)] == [400]


async def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    """Two good requests at once get two answers; garbage behind them a third."""
    head = b"HTTP/1.1\r\nHost: a\r\n\r\n"
    raw = b"GET /v1/universities " + head + b"GET /nowhere " + head
    assert [answer[0] for answer in await exchange(port, raw)] == [200, 404]


async def test_header_values_cannot_split_answers(port: int) -> None:
    """What a client sends in names and paths does not become a header field."""
    path = b"/v1/universities/x%0d%0aSet-Cookie:%20a"
    (answer,) = await exchange(port, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert_problem(answer, 404)
    assert "set-cookie" not in answer[1]


async def test_head_sends_no_body(port: int) -> None:
    """HEAD has GET's length and none of its bytes."""
    (got,) = await exchange(port, GET + b"\r\n")
    (head,) = await exchange(port, GET.replace(b"GET", b"HEAD") + b"\r\n")
    assert head[0] == got[0] == 200
    assert head[2] == b""
    assert head[1]["content-length"] == got[1]["content-length"] == str(len(got[2]))


async def test_large_bodies_are_refused_unread(port: int) -> None:
    """A body over the limit is refused by its header; its bytes are not awaited."""
    raw = b"POST /v1/universities HTTP/1.1\r\nHost: a\r\n"
    raw += b"Content-Type: application/json\r\n"
    (answer,) = await exchange(port, raw + b"Content-Length: 99999999\r\n\r\n")
    assert_problem(answer, 413)
    assert answer[1]["connection"] == "close"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    raw += b"Transfer-Encoding: chunked\r\n\r\n"
    (answer,) = await exchange(port, raw + chunk * 17)
    assert_problem(answer, 413)


async def test_large_headers_are_refused(port: int) -> None:
    """A header over the limit is refused, and over the larger one not even parsed."""
    (answer,) = await exchange(port, GET + b"X: " + b"x" * 20_000 + b"\r\n\r\n")
    assert_problem(answer, 431)
    (answer,) = await exchange(port, GET + b"X: " + b"x" * (HEADER_BYTES + 1))
    assert_problem(answer, 431)


async def test_slow_headers_end(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not finish a header in time is told so; who sends nothing is left."""
    monkeypatch.setattr(connections, "HEADER_READ_S", 1.0)
    answers = await asyncio.gather(
        exchange(port, GET), exchange(port, b""), exchange(port, GET + b"\r\n")
    )
    assert [[answer[0] for answer in found] for found in answers] == [[408], [], [200]]


async def test_slow_clients_do_not_hurt_others(port: int) -> None:
    """With a hundred connections that never finish, others are served as before."""
    raw = GET + b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    writers = [
        (await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(100)
    ]
    for number, writer in enumerate(writers):
        writer.write(raw[: 40 + number])
    async with asyncio.timeout(5):
        for _ in range(20):
            (answer,) = await exchange_once(port)
            assert answer[0] == 200
    for writer in writers:
        writer.close()


async def exchange_once(port: int) -> list[Answer]:
    """Send a good request and read its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET + b"\r\n")
    answer = await read_answer(reader)
    writer.close()
    return [answer]
