"""Solve an instance on the workers of a coordinator, over its public API."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from collegium.cli.api import TOKEN_VARIABLE, Api
from collegium.errors import Unavailable
from collegium.jobs.journal import FinalState, Outcome

RECONNECT_S = 1.0
GIVE_UP_S = 60.0
"""How long a coordinator may be unreachable in the middle of a job."""
_FINAL: dict[str, FinalState] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
Show = Callable[[dict[str, Any]], None]


async def solve_there(
    instance: bytes,
    *,
    base_url: str,
    seconds: float | None,
    iterations: int | None,
    seed: int,
    show: Show,
) -> Outcome:
    """Upload an instance, post its job, follow it and fetch its result.

    SIGINT cancels the job, which ends it with its best.

    Raises
    ------
    Unavailable
        When the coordinator cannot be reached.
    Invalid
        When it does not take the job.
    """
    async with Api(base_url, os.environ.get(TOKEN_VARIABLE)) as api:
        budget = {"iterations": iterations} if seconds is None else {"seconds": seconds}
        problem = await api.put_blob(instance)
        job_input = {"problem": problem, "seed": seed, **budget}
        _, job_url = await api.post(
            "/v1/jobs", {"workload": "timetable", "input": job_input}
        )
        cancel = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, cancel.set)
        return await follow(api, job_url, show, cancel)


async def follow(api: Api, job_url: str, show: Show, cancel: asyncio.Event) -> Outcome:
    """Return how a job ended, with its result; cancel it when the event is set."""
    cancelling = asyncio.create_task(_cancel_when(cancel, api, job_url))
    try:
        job = await _ended(api, job_url, show)
    finally:
        cancelling.cancel()
        await asyncio.gather(cancelling, return_exceptions=True)
    result = None
    if job["result"] is not None:
        result = await api.get_bytes(job["result"]["href"])
    return Outcome(_FINAL[job["state"]], job["error"], job["progress"], result)


async def _ended(api: Api, job_url: str, show: Show) -> dict[str, Any]:
    """Return the job once it has ended, whatever happens to connections meanwhile."""
    loop = asyncio.get_running_loop()
    heard_s = loop.time()
    while True:
        try:
            async for kind, news in api.events(f"{job_url}/events"):
                heard_s = loop.time()
                show(news if kind == "progress" else news["progress"])
            job: dict[str, Any] = await api.get(job_url)
            if job["state"] in _FINAL:
                return job
        except Unavailable as error:
            if loop.time() - heard_s > GIVE_UP_S:
                raise Unavailable(
                    f"The coordinator has been away for {GIVE_UP_S:.0f} s; its job "
                    f"{job_url} goes on when it is back."
                ) from error
        await asyncio.sleep(RECONNECT_S)


async def _cancel_when(cancel: asyncio.Event, api: Api, job_url: str) -> None:
    await cancel.wait()
    await api.send("DELETE", job_url)
