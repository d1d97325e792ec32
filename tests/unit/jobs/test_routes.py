from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette

from collegium.blobs.routes import router as blobs
from collegium.blobs.shelf import Shelf
from collegium.blobs.store import BlobStore
from collegium.catalogue.context import Catalogue
from collegium.db.connect import database_at
from collegium.db.migrate import migrate
from collegium.jobs.feed import Feed
from collegium.jobs.means import Means
from collegium.jobs.routes import Jobs
from collegium.jobs.routes import router as jobs
from collegium.jobs.runner import Runner
from collegium.rest.application import Application
from collegium.rest.pages import CursorSeal
from fixtures.guessing import Behaviour, FakeChecks, FakeHands, Guessing
from fixtures.serving import serving
from fixtures.waiting import until

Start = Callable[..., Any]
LIMIT_BYTES = 1000


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Give a way to serve jobs whose tasks behave as the test wishes."""

    @asynccontextmanager
    async def started(behaviour: Behaviour) -> AsyncIterator[aiohttp.ClientSession]:
        database = database_at(f"sqlite:///{tmp_path / 'jobs.db'}")
        shelf = Shelf()
        means = Means(FakeHands(behaviour), FakeChecks(), shelf, time.monotonic)
        feed = Feed()
        runner = Runner(database, {"guess": Guessing()}, means, feed, owner="me")

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            await database.open()
            await migrate(database)
            app.state.catalogue = Catalogue(database, CursorSeal(b"test"))
            app.state.blobs = BlobStore(database, shelf, LIMIT_BYTES)
            app.state.jobs = Jobs(runner, feed)
            running = asyncio.create_task(runner.run())
            yield
            feed.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await database.close()

        app = Application(title="jobs", lifespan=lifespan)
        app.include_router(blobs, prefix="/v1/blobs")
        app.include_router(jobs, prefix="/v1/jobs")
        async with serving(app) as client:
            yield client

    return started


async def _answer(number: int) -> int:
    return 50 - number


async def _forever(number: int) -> int:
    await asyncio.Event().wait()
    return 0


def _body(pieces: int = 3) -> dict[str, Any]:
    return {"workload": "guess", "input": {"number": pieces}}


async def _job(client: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async with client.get(path) as answer:
        assert answer.status == 200
        job: dict[str, Any] = await answer.json()
        return job


async def _ended(client: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async def final() -> dict[str, Any] | None:
        job = await _job(client, path)
        return job if job["state"] not in {"queued", "running"} else None

    return await until(final)


async def test_a_posted_job_is_there_at_once_and_leads_to_its_result(
    start: Start,
) -> None:
    """202 names the job, which can be read on another connection; 303 its result."""
    async with start(_answer) as client:
        async with client.post("/v1/jobs", json=_body()) as answer:
            assert answer.status == 202
            path = answer.headers["Location"]
            posted = await answer.json()
        assert (await _job(client, path))["id"] == posted["id"]
        job = await _ended(client, path)
        assert job["state"] == "succeeded"
        async with client.get(f"{path}/result", allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == job["result"]["href"]
        async with client.get(job["result"]["href"]) as answer:
            assert answer.headers["Content-Type"] == "text/plain"
            assert await answer.read() == b"48"


async def test_a_job_without_a_result_says_so(start: Start) -> None:
    """404 with the reason, until there is one."""
    async with start(_forever) as client:
        async with client.post("/v1/jobs", json=_body()) as answer:
            path = answer.headers["Location"]
        async with client.get(f"{path}/result") as answer:
            assert answer.status == 404
            assert "no result yet" in (await answer.json())["detail"]


async def test_unacceptable_jobs_are_refused_with_a_pointer(start: Start) -> None:
    """An unknown workload and a wrong input change nothing and name the field."""
    wrong = [
        ({"workload": "none", "input": {}}, "/workload"),
        ({"workload": "guess", "input": {"number": "3"}}, "/input/number"),
        ({"workload": "guess", "input": {}}, "/input/number"),
        ({"workload": "guess", "input": {"number": 1}, "x": 1}, "/x"),
    ]
    async with start(_answer) as client:
        for body, pointer in wrong:
            async with client.post("/v1/jobs", json=body) as answer:
                assert answer.status == 422
                problem = await answer.json()
                assert [e["pointer"] for e in problem["errors"]] == [pointer]
        async with client.get("/v1/jobs") as answer:
            assert (await answer.json())["items"] == []


async def test_one_idempotency_key_makes_one_job(start: Start) -> None:
    """The same request again gets the same job; another body under the key, 422."""
    async with start(_answer) as client:
        headers = {"Idempotency-Key": '"k1"'}
        ids = set()
        for _ in range(3):
            async with client.post("/v1/jobs", json=_body(), headers=headers) as answer:
                assert answer.status == 202
                ids.add((await answer.json())["id"])
        assert len(ids) == 1
        async with client.post("/v1/jobs", json=_body(4), headers=headers) as answer:
            assert answer.status == 422


async def test_a_job_that_has_not_changed_is_not_sent_again(start: Start) -> None:
    """A matching tag gets 304, for the job and for the list."""
    async with start(_answer) as client:
        async with client.post("/v1/jobs", json=_body()) as answer:
            path = answer.headers["Location"]
        await _ended(client, path)
        for address in (path, "/v1/jobs"):
            async with client.get(address) as answer:
                etag = answer.headers["ETag"]
            async with client.get(address, headers={"If-None-Match": etag}) as answer:
                assert answer.status == 304
                assert answer.headers["ETag"] == etag


async def test_cancelling_ends_a_job_and_repeating_it_is_harmless(
    start: Start,
) -> None:
    """DELETE answers 202, the job becomes cancelled, a second DELETE agrees."""
    async with start(_forever) as client:
        async with client.post("/v1/jobs", json=_body()) as answer:
            path = answer.headers["Location"]
        async with client.delete(path) as answer:
            assert answer.status == 202
        assert (await _ended(client, path))["state"] == "cancelled"
        async with client.delete(path) as answer:
            assert answer.status == 202
            assert (await answer.json())["state"] == "cancelled"


async def test_a_job_that_has_ended_by_itself_cannot_be_cancelled(
    start: Start,
) -> None:
    """409, and the state stays."""
    async with start(_answer) as client:
        async with client.post("/v1/jobs", json=_body()) as answer:
            path = answer.headers["Location"]
        await _ended(client, path)
        async with client.delete(path) as answer:
            assert answer.status == 409
        assert (await _job(client, path))["state"] == "succeeded"


async def test_the_list_is_walked_without_gaps_from_the_latest_on(
    start: Start,
) -> None:
    """Links lead through every job once, and back again."""
    async with start(_answer) as client:
        made = []
        for _ in range(5):
            async with client.post("/v1/jobs", json=_body(1)) as answer:
                made.append((await answer.json())["id"])
        seen, address = [], "/v1/jobs?limit=2"
        while address:
            async with client.get(address) as answer:
                page = await answer.json()
            seen += [job["id"] for job in page["items"]]
            back, address = page["prev"], page["next"]
        assert seen == made[::-1]
        async with client.get(back) as answer:
            page = await answer.json()
        assert [job["id"] for job in page["items"]] == seen[2:4]


async def test_events_tell_every_stored_state_and_end_with_the_job(
    start: Start,
) -> None:
    """The stream ends by itself after the final state; ids grow."""

    async def slowly(number: int) -> int:
        await asyncio.sleep(0.05)
        return 50 - number

    async with start(slowly) as client:
        async with client.post("/v1/jobs", json=_body()) as answer:
            path = answer.headers["Location"]
        events = await asyncio.wait_for(_events(client, path), 20)
    states = [e["data"]["state"] for e in events if e["event"] == "job"]
    ids = [int(e["id"]) for e in events if e["event"] == "job"]
    assert states[-1] == "succeeded"
    assert ids == sorted(set(ids))
    assert "running" in states


async def test_a_stream_taken_up_again_does_not_repeat_what_was_seen(
    start: Start,
) -> None:
    """With Last-Event-ID of the final state the stream ends without an event."""
    async with start(_answer) as client:
        async with client.post("/v1/jobs", json=_body()) as answer:
            path = answer.headers["Location"]
        events = await asyncio.wait_for(_events(client, path), 20)
        again = await _events(client, path, last_id=events[-1]["id"])
    assert again == []


async def _events(
    client: aiohttp.ClientSession, path: str, last_id: str | None = None
) -> list[dict[str, Any]]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    async with client.get(f"{path}/events", headers=headers) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        text = (await answer.read()).decode()
    events = []
    for block in text.split("\n\n"):
        event = dict(
            line.split(": ", 1) for line in block.splitlines() if line[0] != ":"
        )
        if event:
            events.append({**event, "data": json.loads(event["data"])})
    return events


async def test_a_blob_comes_back_as_it_was_stored_and_for_ever(start: Start) -> None:
    """201 first, 204 again; GET and HEAD say type, tag and that it never changes."""
    data = b"<problem/>"
    path = f"/v1/blobs/{hashlib.sha256(data).hexdigest()}"
    headers = {"Content-Type": "application/xml"}
    async with start(_answer) as client:
        for status in (201, 204):
            async with client.put(path, data=data, headers=headers) as answer:
                assert answer.status == status
        async with client.get(path) as answer:
            assert await answer.read() == data
            etag = answer.headers["ETag"]
            assert answer.headers["Content-Type"] == "application/xml"
            assert "immutable" in answer.headers["Cache-Control"]
        async with client.head(path) as answer:
            assert (answer.status, answer.headers["ETag"]) == (200, etag)
            assert answer.headers["Content-Length"] == str(len(data))
        async with client.get(path, headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304


async def test_bytes_under_a_wrong_name_are_refused(start: Start) -> None:
    """400 when the hash differs, 413 above the limit, and nothing is stored."""
    path = f"/v1/blobs/{'0' * 64}"
    large = b"x" * (LIMIT_BYTES + 1)
    async with start(_answer) as client:
        for data, status in ((b"other", 400), (large, 413)):
            async with client.put(path, data=data) as answer:
                assert answer.status == status
        for name in ("0" * 64, "nonsense"):
            async with client.get(f"/v1/blobs/{name}") as answer:
                assert answer.status == 404
