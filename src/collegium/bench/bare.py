"""The least that two HTTP hops can be: what dispatching is compared with.

Run as ``python -m collegium.bench.bare PORT [TARGET ...]``: without targets a server
that answers every task at once, with targets one that hands each on to the next of
them. Both are plain Starlette on the server that Collegium uses, and check nothing.
"""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collegium.rest.server import Server, bind

_encoder = msgspec.json.Encoder()
JSON = "application/json"


def answering() -> Starlette:
    """Return the application that answers at once."""

    async def answer(request: Request) -> Response:
        task = msgspec.json.decode(await request.body())
        raw = _encoder.encode({"output": task["input"], "state": "succeeded"})
        return Response(raw, media_type=JSON)

    return Starlette(routes=[Route("/v1/tasks", answer, methods=["POST"])])


def forwarding(targets: Sequence[str]) -> Starlette:
    """Return the application that hands tasks on.

    Parameters
    ----------
    targets : base addresses, each in turn.
    """
    turns = itertools.cycle(targets)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            app.state.session = session
            yield

    async def forward(request: Request) -> Response:
        task = msgspec.json.decode(await request.body())
        async with request.app.state.session.post(
            f"{next(turns)}/v1/tasks",
            data=_encoder.encode(task),
            headers={"content-type": JSON},
        ) as answer:
            told = msgspec.json.decode(await answer.read())
        return Response(_encoder.encode(told), media_type=JSON)

    routes = [Route("/v1/tasks", forward, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    port, *targets = sys.argv[1:]
    app = forwarding(targets) if targets else answering()
    Server(app, bind("127.0.0.1", int(port))).run()
