"""Imports as jobs over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette

from collegium.blobs.routes import router as blobs
from collegium.blobs.shelf import Shelf
from collegium.blobs.store import BlobStore
from collegium.catalogue.context import Catalogue
from collegium.coordinator.catalogue import include_catalogue
from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.work import utc_clock
from collegium.interchange.sheets import importing
from collegium.jobs.feed import Feed
from collegium.jobs.imports import Imports
from collegium.jobs.means import Means
from collegium.jobs.routes import Jobs, imports_router
from collegium.jobs.routes import router as jobs
from collegium.jobs.runner import Runner
from collegium.rest.application import Application
from collegium.rest.pages import CursorSeal
from fixtures.bulk import files_of, sheet
from fixtures.guessing import FakeChecks, FakeHands
from fixtures.rosters import roster
from fixtures.serving import serving
from fixtures.waiting import until

UNIVERSITY = "/v1/universities/U"
CSV = {"content-type": "text/csv"}


async def _no_task(number: int) -> int:
    raise AssertionError("An import hands nothing out.")


class Coordinator:
    """Serves imports and drives them, on one database."""

    def __init__(self, url: str, *, lease_s: float = 15.0) -> None:
        self.database: Database = database_at(url)
        self._lease_s = lease_s

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Give a client."""
        means = Means(FakeHands(_no_task), FakeChecks(), Shelf(), time.monotonic)
        feed = Feed()
        runner = Runner(
            self.database,
            {},
            means,
            feed,
            owner="me",
            residents={Imports.name: Imports(self.database, utc_clock)},
            lease_s=self._lease_s,
        )

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            await self.database.open()
            app.state.catalogue = Catalogue(self.database, CursorSeal(b"test"))
            app.state.blobs = BlobStore(self.database, Shelf())
            app.state.jobs = Jobs(runner, feed)
            running = asyncio.create_task(runner.run())
            yield
            feed.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await self.database.close()

        app = Application(title="imports", lifespan=lifespan)
        app.include_router(blobs, prefix="/v1/blobs")
        app.include_router(jobs, prefix="/v1/jobs")
        app.include_router(
            imports_router, prefix="/v1/universities/{university}/imports"
        )
        include_catalogue(app)
        async with serving(app) as client:
            yield client


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client of a coordinator with a university, on each kind of database."""
    async with Coordinator(database_url).serving() as client:
        body = {"code": "U", "name": "U"}
        async with client.post("/v1/universities", json=body) as reply:
            assert reply.status == 201
        yield client


async def post(
    client: aiohttp.ClientSession, query: str, data: bytes, **headers: str
) -> dict[str, Any]:
    """Return the job that a file has become."""
    fields = {**CSV, **headers}
    address = f"{UNIVERSITY}/imports?{query}"
    async with client.post(address, data=data, headers=fields) as reply:
        body: dict[str, Any] = await reply.json()
        assert reply.status == 202, body
        assert reply.headers["location"] == f"/v1/jobs/{body['id']}"
        return body


async def ended(client: aiohttp.ClientSession, job: dict[str, Any]) -> dict[str, Any]:
    """Return a job once it has ended."""

    async def final() -> dict[str, Any] | None:
        async with client.get(f"/v1/jobs/{job['id']}") as reply:
            shown: dict[str, Any] = await reply.json()
        return shown if shown["state"] not in ("queued", "running") else None

    return await until(final)


async def result(client: aiohttp.ClientSession, job: dict[str, Any]) -> dict[str, Any]:
    """Return the report of a job that has ended."""
    async with client.get(f"/v1/jobs/{job['id']}/result") as reply:
        assert reply.status == 200
        report: dict[str, Any] = await reply.json(content_type=None)
        return report


async def n_courses(client: aiohttp.ClientSession) -> int:
    """Return how many courses there are, up to a page."""
    async with client.get(f"{UNIVERSITY}/courses?limit=200") as reply:
        return len((await reply.json())["items"])


async def test_a_file_is_taken_in(client: aiohttp.ClientSession) -> None:
    """A body becomes a job, whose result is the report, and whose rows are there."""
    data = sheet("Nr,Title", "A,Algebra", "B,Biology")
    job = await end_of(client, "kind=courses&map=%7B%22Nr%22%3A%22code%22%7D", data)
    assert (job["state"], job["progress"]["lines"]) == ("succeeded", 2)
    report = await result(client, job)
    assert report["is_taken_in"]
    assert report["created"] == {"courses": 2}
    assert report["changes"] == [
        {
            "kind": "courses",
            "action": "create",
            "from_line": 2,
            "to_line": 3,
            "file": "",
        }
    ]
    assert await n_courses(client) == 2


async def end_of(
    client: aiohttp.ClientSession, query: str, data: bytes, **headers: str
) -> dict[str, Any]:
    """Return the ended job of a file."""
    return await ended(client, await post(client, query, data, **headers))


async def test_a_wrong_file_fails_with_its_report(
    client: aiohttp.ClientSession,
) -> None:
    """The job fails, the result names line and column, and nothing is there."""
    data = sheet("code,name", "A,Algebra", "B,")
    job = await end_of(client, "kind=courses", data)
    assert job["state"] == "failed"
    assert "1 things are wrong" in job["error"]
    report = await result(client, job)
    assert [(f["line"], f["column"]) for f in report["faults"]] == [(3, "name")]
    assert not report["is_taken_in"]
    assert await n_courses(client) == 0
    job = await end_of(client, "kind=courses&dry_run=true", data)
    assert job["state"] == "succeeded"
    job = await end_of(client, "kind=courses", b"code,name\n\xff,x\n")
    assert (job["state"], job["result"]) == ("failed", None)
    assert "line 2" in job["error"]


async def test_a_roster_goes_in_and_out(client: aiohttp.ClientSession) -> None:
    """A OneRoster archive is taken in, and given out with an ETag that counts."""
    zipped = {"content-type": "application/zip"}
    job = await end_of(client, "format=oneroster", roster(), **zipped)
    assert job["state"] == "succeeded", job
    address = f"{UNIVERSITY}/exports/oneroster"
    async with client.get(address) as reply:
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/zip"
        assert reply.headers["cache-control"] == "private, no-cache"
        etag = reply.headers["etag"]
        assert len(files_of(await reply.read())["users.csv"]) == 3
    known = {"if-none-match": etag}
    async with client.get(address, headers=known) as reply:
        assert reply.status == 304
    body = {"code": "NEW", "name": "New"}
    async with client.post(f"{UNIVERSITY}/people", json=body) as reply:
        assert reply.status == 201
    async with client.get(address, headers=known) as reply:
        assert reply.status == 200
        assert reply.headers["etag"] != etag


async def test_a_blob_will_do(client: aiohttp.ClientSession) -> None:
    """A file that has been stored before is named by its hash."""
    data = sheet("code,name", "A,Algebra")
    sha256 = hashlib.sha256(data).hexdigest()
    missing = await refused(client, f"kind=courses&blob={sha256}", b"")
    assert missing["errors"][0]["pointer"] == "/blob"
    async with client.put(f"/v1/blobs/{sha256}", data=data) as reply:
        assert reply.status == 201
    job = await end_of(client, f"kind=courses&blob={sha256}", b"")
    assert job["state"] == "succeeded"
    async with client.get(f"/v1/blobs/{sha256}") as reply:
        assert reply.status == 200


async def refused(
    client: aiohttp.ClientSession, query: str, data: bytes, **headers: str
) -> dict[str, Any]:
    """Return the problem with which an import is refused."""
    fields = {**CSV, **headers}
    address = f"{UNIVERSITY}/imports?{query}"
    async with client.post(address, data=data, headers=fields) as reply:
        assert reply.status in (404, 415, 422), await reply.text()
        problem: dict[str, Any] = await reply.json(content_type=None)
        return problem


async def test_what_is_refused_at_once(client: aiohttp.ClientSession) -> None:
    """Options that do not go together, and other media types, make no job."""
    found = await refused(client, "format=csv", b"")
    assert found["errors"][0]["pointer"] == "/kind"
    found = await refused(client, "kind=courses&session=T", b"")
    assert found["errors"][0]["pointer"] == "/session"
    odd = {"content-type": "image/png"}
    assert (await refused(client, "kind=courses", b"", **odd))["status"] == 415
    async with client.get("/v1/jobs") as reply:
        assert (await reply.json())["items"] == []
    body = {"workload": "import", "input": {}}
    async with client.post("/v1/jobs", json=body) as reply:
        assert reply.status == 422


async def test_repeated_it_is_one_import(client: aiohttp.ClientSession) -> None:
    """The same request with the same key is the same job; another is refused."""
    data = sheet("code,name", "A,Algebra")
    key = {"idempotency-key": '"once"'}
    first = await post(client, "kind=courses", data, **key)
    again = await post(client, "kind=courses", data, **key)
    assert first["id"] == again["id"]
    address = f"{UNIVERSITY}/imports?kind=people"
    async with client.post(address, data=data, headers={**CSV, **key}) as reply:
        assert reply.status == 422
    await ended(client, first)


async def test_cancelled_while_writing_it_leaves_nothing(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that is cancelled among its rows is undone, and says so."""
    monkeypatch.setattr(importing, "LINES_AT_ONCE", 1)
    keep = importing.Place.keep

    async def slowly(place: importing.Place, draft: Any) -> None:
        # As a slow disk would: else the writing may be over before it is heard of.
        await keep(place, draft)
        await asyncio.sleep(0.01)

    monkeypatch.setattr(importing.Place, "keep", slowly)
    lines = (f"C{number},Course" for number in range(3000))
    job = await post(client, "kind=courses", sheet("code,name", *lines))

    async def writes() -> bool:
        async with client.get(f"/v1/jobs/{job['id']}/events") as reply:
            async for line in reply.content:
                if line.startswith(b"data: "):
                    told = json.loads(line.removeprefix(b"data: "))
                    told = told.get("progress", told)
                    if told.get("phase") == "writing":
                        return True
        return False

    assert await writes()
    async with client.delete(f"/v1/jobs/{job['id']}") as reply:
        assert reply.status == 202
    shown = await ended(client, job)
    assert (shown["state"], shown["result"]) == ("cancelled", None)
    assert await n_courses(client) == 0


async def test_a_restarted_coordinator_begins_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one coordinator leaves in the middle, the next one does wholly."""
    monkeypatch.setattr(importing, "LINES_AT_ONCE", 1)
    lines = [f"C{number:04},Course" for number in range(1500)]
    async with Coordinator(database_url).serving() as client:
        body = {"code": "U", "name": "U"}
        async with client.post("/v1/universities", json=body) as reply:
            assert reply.status == 201
        job = await post(client, "kind=courses", sheet("code,name", *lines))
        await until(_is_at_work(client, job))
    monkeypatch.undo()
    async with Coordinator(database_url).serving() as client:
        shown = await ended(client, job)
        assert shown["state"] == "succeeded", shown
        assert (await result(client, job))["created"] == {"courses": 1500}
        assert await n_courses(client) == 200


def _is_at_work(
    client: aiohttp.ClientSession, job: dict[str, Any]
) -> Callable[[], Any]:
    async def found() -> bool:
        async with client.get(f"/v1/jobs/{job['id']}") as reply:
            return bool((await reply.json())["state"] == "running")

    return found
