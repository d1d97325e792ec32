"""What is left in a coordinator of clients that meant it harm: nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import psutil
import pytest

from fixtures.coordinators import Coordinators
from fixtures.waiting import until

CONNECTIONS = 60
BODY_BYTES = 4 << 20
MEMORY_SLACK_BYTES = 48 << 20
"""What an allocator may keep; the attacks together send and ask for much more."""
HEAD = b"Host: coordinator\r\n"
COURSES = "/v1/universities/U/courses"

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

Send = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Coordinators]:
    """Return a running coordinator with a page of courses."""
    site = Coordinators(tmp_path, f"sqlite:///{tmp_path / 'c.db'}")
    try:
        await site.start_all()
        async with aiohttp.ClientSession(site.url()) as client:
            bodies = [{"code": f"C{n}", "name": "x" * 400} for n in range(50)]
            for path, body in [
                ("/v1/universities", {"code": "U", "name": "U"}),
                *((COURSES, body) for body in bodies),
            ]:
                async with client.post(path, json=body) as answer:
                    assert answer.status == 201
        yield site
    finally:
        site.end()


async def slow_header(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Begin a request and do not go on."""
    writer.write(b"GET /v1/universities HTTP/1.1\r\nHo")
    await writer.drain()


async def large_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send more than anybody would take, whatever is answered."""
    head = b"POST %b HTTP/1.1\r\n%b" % (COURSES.encode(), HEAD)
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES
    writer.write(head)
    for _ in range(64):
        writer.write(b"x" * (BODY_BYTES // 64))
        await writer.drain()


async def small_chunks(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send a body in chunks of one byte, without an end."""
    head = b"POST %b HTTP/1.1\r\n%b" % (COURSES.encode(), HEAD)
    head += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head + b"1\r\n \r\n" * 5000)
    await writer.drain()


async def unread_answers(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Ask for a page many times over and read none."""
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET %b HTTP/1.1\r\n%b\r\n" % (COURSES.encode(), HEAD) * 200)


async def rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send what is no HTTP."""
    writer.write(bytes(range(256)) * 16)
    await writer.drain()


ATTACKS: list[Send] = [slow_header, large_body, small_chunks, unread_answers, rubbish]


async def attack(site: Coordinators, send: Send) -> None:
    """Open a connection, misuse it, and leave without a word."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.ports[0])
    except OSError:
        return  # refused: nothing is held for it
    try:
        async with asyncio.timeout(2):
            await send(reader, writer)
    except (OSError, TimeoutError):
        pass  # cut off, or held up, which is what it wants
    finally:
        writer.transport.abort()


async def test_nothing_is_left_of_attacks(site: Coordinators) -> None:
    """Files and threads are as many as before, memory nearly as much.

    Meanwhile and afterwards a good client is served.
    """
    process = psutil.Process(site.programs[0].process.pid)

    async def all_attack() -> None:
        for send in ATTACKS:
            await asyncio.gather(*(attack(site, send) for _ in range(CONNECTIONS)))

    async def has_slot() -> bool:
        # Who makes slots, and the one for checks: the coordinator has a file of each.
        return len(process.children(recursive=True)) >= 2

    await until(has_slot, 120)
    await all_attack()  # what is made once for all, like caches, is made by now
    await settled(process, files=None)
    files, threads = process.num_fds(), process.num_threads()
    memory_bytes = process.memory_info().rss
    for _ in range(2):
        async with aiohttp.ClientSession(site.url()) as client:
            attacking = asyncio.create_task(all_attack())
            while not attacking.done():
                async with client.get(f"{COURSES}/C1") as answer:
                    assert answer.status == 200
            await attacking
    await settled(process, files=files)
    assert process.num_threads() <= threads
    assert process.memory_info().rss <= memory_bytes + MEMORY_SLACK_BYTES


async def settled(process: psutil.Process, files: int | None) -> None:
    """Wait until no connection is left, and no more files are open than before."""

    async def is_quiet() -> bool:
        connections = process.net_connections("tcp")
        is_left = any(c.status != psutil.CONN_LISTEN for c in connections)
        return not is_left and (files is None or process.num_fds() <= files)

    await until(is_quiet, 120)
