"""Solve an instance on the workers of a coordinator, over its public API."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from collegium.errors import (
    Invalid,
    NotFound,
    TaskFailed,
    Unavailable,
    WorkerUnreachable,
)
from collegium.jobs.journal import FinalState, Outcome

RECONNECT_S = 1.0
GIVE_UP_S = 60.0
"""How long a coordinator may be unreachable in the middle of a job."""
_FINAL: dict[str, FinalState] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=60)


async def solve_there(
    instance: bytes,
    *,
    base_url: str,
    seconds: float | None,
    iterations: int | None,
    seed: int,
    show: Callable[[dict[str, Any]], None],
) -> Outcome:
    """Upload an instance, post its job, follow it and fetch its result.

    SIGINT cancels the job, which ends it with its best.

    Raises
    ------
    WorkerUnreachable
        When the coordinator cannot be reached.
    Invalid
        When it does not take the job.
    """
    budget = {"seconds": seconds} if seconds is not None else {"iterations": iterations}
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        api = _Api(session, base_url.rstrip("/"))
        problem = await api.put_blob(instance)
        job_input = {"problem": problem, "seed": seed, **budget}
        job_url = await api.post_job("timetable", job_input)
        cancel = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, cancel.set)
        cancelling = asyncio.create_task(_cancel_when(cancel, api, job_url))
        try:
            job = await _follow(api, job_url, show)
        finally:
            cancelling.cancel()
        result = None
        if job["result"] is not None:
            result = await api.get_bytes(job["result"]["href"])
    return Outcome(_FINAL[job["state"]], job["error"], job["progress"], result)


class _Api:
    """The few requests that a client needs, with errors in our own words."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def put_blob(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        is_gzip = data.startswith(b"\x1f\x8b")
        media_type = "application/gzip" if is_gzip else "application/xml"
        await self._send(
            "PUT", f"/v1/blobs/{sha256}", data=data, content_type=media_type
        )
        return sha256

    async def post_job(self, workload: str, job_input: dict[str, Any]) -> str:
        body = json.dumps({"workload": workload, "input": job_input}).encode()
        _, headers = await self._send("POST", "/v1/jobs", data=body)
        return str(headers["Location"])

    async def cancel(self, job_url: str) -> None:
        await self._send("DELETE", job_url)

    async def get_job(self, job_url: str) -> dict[str, Any]:
        body, _ = await self._send("GET", job_url)
        job: dict[str, Any] = json.loads(body)
        return job

    async def get_bytes(self, url: str) -> bytes:
        body, _ = await self._send("GET", url)
        return body

    async def events(self, job_url: str) -> AsyncIterator[tuple[str, str]]:
        """Yield the kind and data of each event until the stream ends."""
        url = f"{self._base_url}{job_url}/events"
        headers = {"Accept": "text/event-stream"}
        async with self._session.get(url, headers=headers) as answer:
            if answer.status != 200:
                raise _error(answer.status, await answer.read())
            kind, data = "message", ""
            async for raw in answer.content:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif not line and data:
                    yield kind, data
                    kind, data = "message", ""

    async def _send(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        content_type: str = "application/json",
    ) -> tuple[bytes, Any]:
        headers = {"Content-Type": content_type} if data is not None else {}
        try:
            async with self._session.request(
                method, self._base_url + path, data=data, headers=headers
            ) as answer:
                body = await answer.read()
                if answer.status >= 400:
                    raise _error(answer.status, body)
                return body, answer.headers
        except (aiohttp.InvalidURL, ValueError) as error:
            raise Invalid(
                f"{self._base_url} is not the URL of a coordinator"
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise WorkerUnreachable(
                f"The coordinator at {self._base_url} cannot be reached: {error}"
            ) from error


async def _follow(
    api: _Api, job_url: str, show: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Return the job once it has ended, whatever happens to connections meanwhile."""
    loop = asyncio.get_running_loop()
    heard_s = loop.time()
    while True:
        try:
            async for kind, data in api.events(job_url):
                heard_s = loop.time()
                news = json.loads(data)
                show(news if kind == "progress" else news["progress"])
            job = await api.get_job(job_url)
            if job["state"] in _FINAL:
                return job
        except (aiohttp.ClientError, TimeoutError, Unavailable) as error:
            if loop.time() - heard_s > GIVE_UP_S:
                raise WorkerUnreachable(
                    f"The coordinator has been away for {GIVE_UP_S:.0f} s; its job "
                    f"{job_url} goes on when it is back."
                ) from error
        await asyncio.sleep(RECONNECT_S)


async def _cancel_when(cancel: asyncio.Event, api: _Api, job_url: str) -> None:
    await cancel.wait()
    await api.cancel(job_url)


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
