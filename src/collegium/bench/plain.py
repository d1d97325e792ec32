"""The cheapest route that FastAPI has: what the catalogue is compared with.

Run as ``python -m collegium.bench.plain PORT``: a ready response, nothing read, on the
server that Collegium uses.
"""

from __future__ import annotations

import logging
import sys

from fastapi import FastAPI
from starlette.responses import Response

from collegium.rest.server import Server, bind

BODY = b'{"code":"C0000001","name":"Course number 1","note":"' + b"x" * 400 + b'"}'


def ready_app() -> FastAPI:
    """Return the application."""
    app = FastAPI(openapi_url=None)

    @app.get("/items/{item}")
    async def show_item(item: str) -> Response:
        return Response(BODY, media_type="application/json")

    return app


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    Server(ready_app(), bind("127.0.0.1", int(sys.argv[1]))).run()
