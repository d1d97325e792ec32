"""A client of the public API, with its errors in our own words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import aiohttp

from collegium.errors import Invalid, NotFound, TaskFailed, Unavailable

TOKEN_VARIABLE = "COLLEGIUM_API_TOKEN"  # noqa: S105 - the name, not the token
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=60)


class Api:
    """One coordinator, as any client sees it.

    Parameters
    ----------
    base_url : of the coordinator.
    token : bearer token, when it wants one.
    """

    def __init__(self, base_url: str, token: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers)

    async def __aenter__(self) -> Api:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self._session.close()

    async def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        body, _ = await self.send("GET", path)
        return json.loads(body)

    async def get_bytes(self, path: str) -> bytes:
        """Return the bytes at a path."""
        body, _ = await self.send("GET", path)
        return body

    async def post(self, path: str, value: Any) -> tuple[Any, str]:
        """Post JSON; return the answer's JSON and its Location."""
        body, headers = await self.send("POST", path, data=json.dumps(value).encode())
        return json.loads(body), str(headers.get("Location", ""))

    async def put_blob(self, data: bytes) -> str:
        """Store bytes; return their sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        is_gzip = data.startswith(b"\x1f\x8b")
        media_type = "application/gzip" if is_gzip else "application/xml"
        await self.send(
            "PUT", f"/v1/blobs/{sha256}", data=data, content_type=media_type
        )
        return sha256

    async def events(self, path: str) -> AsyncIterator[tuple[str, Any]]:
        """Yield the kind and the JSON of each server-sent event until the end.

        Raises
        ------
        Unavailable
            When the connection is lost.
        """
        headers = {"Accept": "text/event-stream"}
        try:
            async with self._session.get(
                self.base_url + path, headers=headers
            ) as answer:
                if answer.status != 200:
                    raise _error(answer.status, await answer.read())
                kind = "message"
                async for raw in answer.content:
                    line = raw.decode().rstrip("\n")
                    if line.startswith("event: "):
                        kind = line[7:]
                    elif line.startswith("data: "):
                        yield kind, json.loads(line[6:])
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable(f"The stream of events broke: {error}") from error

    async def send(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        content_type: str = "application/json",
    ) -> tuple[bytes, Any]:
        """Send a request; return body and header fields of the answer.

        Raises
        ------
        Invalid, NotFound, TaskFailed
            As the answer says.
        Unavailable
            When there is no answer, or none now.
        """
        headers = {"Content-Type": content_type} if data is not None else {}
        try:
            async with self._session.request(
                method, self.base_url + path, data=data, headers=headers
            ) as answer:
                body = await answer.read()
                if answer.status >= 400:
                    raise _error(answer.status, body)
                return body, answer.headers
        except (aiohttp.InvalidURL, ValueError) as error:
            raise Invalid(f"{self.base_url} is not the URL of a coordinator") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(
                f"The coordinator at {self.base_url} cannot be reached: {error}"
            ) from error


def _error(status: int, body: bytes) -> Exception:
    """Return the error that a problem body describes."""
    try:
        detail = str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"The coordinator answered {status}."
    if status == 404:
        return NotFound(detail)
    if status in {429, 503}:
        return Unavailable(detail)
    return Invalid(detail) if status < 500 else TaskFailed(detail)
