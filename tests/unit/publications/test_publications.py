"""Imports, snapshots and publications over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from collegium.blobs import repository as blobs
from collegium.blobs.repository import Blob
from collegium.blobs.shelf import Shelf
from collegium.blobs.store import BlobStore
from collegium.db.database import Database
from collegium.timetabling.generate import SampleSize, generate_with_solution
from collegium.timetabling.itc2019 import (
    read_problem,
    write_problem,
    write_timetable,
)
from fixtures.asgi import AsgiClient, Reply
from fixtures.catalogue import catalogue_app
from fixtures.world import HOME

TERM = f"{HOME}/sessions/BIG"
PROBLEM, TIMETABLE = generate_with_solution(
    SampleSize(n_classes=20, n_students=30, n_rooms=6), seed=2
)
NOW = "2030-01-01T00:00:00.000000Z"


def database() -> Database:
    """Return the database of the catalogue that is being tested."""
    found: Database = catalogue_app().state.catalogue.database
    return found


async def stored(data: bytes) -> str:
    """Return the hash of a blob that a client has stored."""
    sha256 = hashlib.sha256(data).hexdigest()
    async with database().transaction() as transaction:
        blob = Blob("application/xml", data)
        await blobs.add_uploaded(transaction, sha256, blob, NOW)
    return sha256


@pytest.fixture
async def term(world: AsgiClient) -> AsgiClient:
    """Return a client of a world with an empty session for the problem."""
    catalogue_app().state.blobs = BlobStore(database(), Shelf())
    body = {
        "code": "BIG",
        "name": "Big",
        "start_date": "2030-09-02",
        "end_date": "2031-03-31",
        "n_weeks": PROBLEM.n_weeks,
        "n_days": PROBLEM.n_days,
        "slots_per_day": PROBLEM.slots_per_day,
    }
    assert (await world.post(f"{HOME}/sessions", body)).status == 201
    return world


async def imported(client: AsgiClient, **options: Any) -> Reply:
    """Return the answer to an import of the problem."""
    blob = await stored(write_problem(PROBLEM))
    return await client.post(f"{TERM}/imports", {"blob": blob, **options})


async def published(client: AsgiClient, headers: dict[str, str] | None = None) -> Reply:
    """Return the answer to a publication of the planted timetable."""
    body = {
        "problem": await stored(write_problem(PROBLEM)),
        "solution": await stored(write_timetable(TIMETABLE)),
    }
    return await client.post(f"{TERM}/publications", body, headers=headers or {})


async def test_an_import_over_http(term: AsgiClient) -> None:
    """A dry run reports and changes nothing; the import fills the session."""
    before = await term.get(f"{TERM}/offerings")
    trial = await imported(term, is_dry_run=True)
    assert trial.status == 200, trial.body
    assert (await term.get(f"{TERM}/offerings")).etag == before.etag
    done = await imported(term)
    assert done.status == 200, done.body
    assert done.json()["added"] == trial.json()["added"]
    assert done.json()["faults"] == []
    page = await term.get(f"{TERM}/classes", query={"limit": 200})
    assert len(page.json()["items"]) == len(PROBLEM.classes)
    assert (await term.get(f"{TERM}/offerings")).etag != before.etag
    again = await imported(term, prefix="B-")
    assert again.status == 422
    assert "has offerings already" in again.json()["detail"]


async def test_what_is_recorded_of_an_import(term: AsgiClient) -> None:
    """One event with the numbers of rows, none of a dry run; one of a publication."""
    events = f"{HOME}/audit-events"
    await imported(term, is_dry_run=True)
    query = {"action": "import"}
    assert (await term.get(events, query=query)).json()["items"] == []
    done = await imported(term)
    (event,) = (await term.get(events, query=query)).json()["items"]
    session = (await term.get(TERM)).json()
    assert (event["entity"], event["entity_id"]) == ("sessions", session["id"])
    counts = {k: done.json()[k] for k in ("added", "met")}
    assert event["after"] == counts
    assert event["before"] is None
    made = await published(term)
    assert made.status == 201
    (event,) = (await term.get(events, query={"entity": "publications"})).json()[
        "items"
    ]
    assert event["after"]["number"] == 1
    assert event["action"] == "create"


async def test_one_of_many_imports_wins(term: AsgiClient) -> None:
    """Of equal imports at the same time one fills the session, others do nothing."""
    replies = await asyncio.gather(*(imported(term) for _ in range(4)))
    statuses = sorted(reply.status for reply in replies)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {409, 422}
    page = await term.get(f"{TERM}/classes", query={"limit": 200})
    assert len(page.json()["items"]) == len(PROBLEM.classes)


async def test_an_import_of_rubbish(term: AsgiClient) -> None:
    """A blob that is no problem, or is not there, is refused."""
    blob = await stored(b"<problem>")
    reply = await term.post(f"{TERM}/imports", {"blob": blob})
    assert reply.status in (400, 422), reply.body
    reply = await term.post(f"{TERM}/imports", {"blob": "0" * 64})
    assert reply.status == 404


async def test_a_session_is_given_out(term: AsgiClient) -> None:
    """GET gives the problem that was taken in; unchanged, it is 304."""
    await imported(term)
    shown = await term.get(f"{TERM}/problem")
    assert shown.headers["content-type"] == "application/xml"
    assert shown.headers["cache-control"] == "private, no-cache"
    assert read_problem(shown.body) == PROBLEM
    same = {"if-none-match": shown.etag}
    assert (await term.get(f"{TERM}/problem", headers=same)).status == 304
    room = await term.get(f"{HOME}/rooms/ROOM1")
    match = {"if-match": room.etag}
    await term.patch(room.path, {"capacity": 77}, headers=match)
    assert (await term.get(f"{TERM}/problem", headers=same)).status == 200


async def test_a_snapshot_is_a_blob(term: AsgiClient) -> None:
    """A snapshot is stored under its hash, ready for a timetable job."""
    await imported(term)
    taken = await term.post(f"{TERM}/snapshots", None)
    assert taken.status == 201, taken.body
    sha256 = taken.json()["problem"]
    assert taken.headers["location"] == f"/v1/blobs/{sha256}"
    assert taken.json()["unplaceable"] == []
    data = await catalogue_app().state.blobs.fetch(sha256)
    assert hashlib.sha256(data).hexdigest() == sha256
    assert read_problem(data) == PROBLEM


async def test_a_publication_is_what_was_solved(term: AsgiClient) -> None:
    """Published, a timetable is there by number for ever, and as the current one."""
    await imported(term)
    missing = await term.get(f"{TERM}/publications/current")
    assert missing.status == 404
    made = await published(term)
    assert made.status == 201, made.body
    assert made.headers["location"] == f"{TERM}/publications/1"
    shown = await term.get(f"{TERM}/publications/1")
    assert (shown.body, shown.etag) == (made.body, made.etag)
    assert "immutable" in shown.headers["cache-control"]
    current = await term.get(f"{TERM}/publications/current")
    assert (current.body, current.headers["cache-control"]) == (shown.body, "no-cache")
    body = shown.json()
    assert len(body["placements"]) == body["n_classes"] == len(PROBLEM.classes)
    page = await term.get(f"{TERM}/classes", query={"limit": 200})
    names = {c["id"]: c["external_id"] for c in page.json()["items"]}
    at = {names[p["class_id"]]: p for p in body["placements"]}
    for placement in TIMETABLE.placements:
        assert at[placement.class_id]["start"] == placement.start
        assert (at[placement.class_id]["room_id"] is None) == (
            placement.room_id is None
        )


async def test_publications_follow_each_other(term: AsgiClient) -> None:
    """Numbers have no gaps; the next needs If-Match of the one in force."""
    await imported(term)
    first = await published(term)
    assert (await published(term)).status == 428
    assert (await published(term, {"if-match": '"0.0"'})).status == 412
    second = await published(term, {"if-match": first.etag})
    assert second.status == 201, second.body
    assert second.json()["number"] == 2
    assert (await published(term, {"if-match": first.etag})).status == 412
    listed = await term.get(f"{TERM}/publications")
    assert [item["number"] for item in listed.json()["items"]] == [2, 1]
    old = await term.get(f"{TERM}/publications/1")
    assert (old.body, old.etag) == (first.body, first.etag)


async def test_one_of_many_publications_wins(term: AsgiClient) -> None:
    """Of equal publications at the same time exactly one happens."""
    await imported(term)
    first = await published(term)
    replies = await asyncio.gather(
        *(published(term, {"if-match": first.etag}) for _ in range(4))
    )
    assert sorted(reply.status for reply in replies) == [201, 412, 412, 412]
    listed = await term.get(f"{TERM}/publications")
    assert [item["number"] for item in listed.json()["items"]] == [2, 1]


async def test_a_wrong_timetable_is_not_published(term: AsgiClient) -> None:
    """A timetable that breaks a rule is refused with a reason, and takes no number."""
    await imported(term)
    placements = list(TIMETABLE.placements)
    placements[0] = replace(placements[0], start=placements[0].start + 1)
    wrong = replace(TIMETABLE, placements=tuple(placements))
    body = {
        "problem": await stored(write_problem(PROBLEM)),
        "solution": await stored(write_timetable(wrong)),
    }
    reply = await term.post(f"{TERM}/publications", body)
    assert reply.status == 409
    assert "breaks rules" in reply.json()["detail"]
    assert (await published(term)).json()["number"] == 1


async def test_the_session_may_have_changed(term: AsgiClient) -> None:
    """A timetable of yesterday is judged by the session of today."""
    await imported(term)
    page = (await term.get(f"{TERM}/classes", query={"limit": 200})).json()["items"]
    with_room = next(item for item in page if item["room_options"])
    used = next(
        p.room_id
        for p in TIMETABLE.placements
        if p.class_id == with_room["external_id"]
    )
    room = await term.get(f"{HOME}/rooms/{used}")
    assert room.status == 200
    others = [o for o in with_room["room_options"] if o["room_id"] != room.json()["id"]]
    shown = await term.get(f"{TERM}/classes/{with_room['id']}")
    changed = await term.patch(
        shown.path, {"room_options": others}, headers={"if-match": shown.etag}
    )
    assert changed.status == 200, changed.body
    reply = await published(term)
    assert reply.status == 409
    assert "In the session as it is now" in reply.json()["detail"]


async def test_a_published_class_stays(term: AsgiClient) -> None:
    """A class that a publication places cannot be deleted."""
    await imported(term)
    await published(term)
    page = (await term.get(f"{TERM}/classes", query={"limit": 200})).json()["items"]
    shown = await term.get(f"{TERM}/classes/{page[-1]['id']}")
    gone = await term.delete(shown.path, headers={"if-match": shown.etag})
    assert gone.status == 409
    assert gone.json()["type"] == "/problems/still-referenced"


async def test_a_closed_session_publishes_nothing(term: AsgiClient) -> None:
    """Once a session is closed its timetable stays."""
    await imported(term)
    for state in ("registration", "running", "closed"):
        shown = await term.get(TERM)
        await term.patch(TERM, {"state": state}, headers={"if-match": shown.etag})
    reply = await published(term)
    assert reply.status == 409
    assert reply.json()["type"] == "/problems/state-forbids"


async def test_enrolment_does_not_hinder_publication(term: AsgiClient) -> None:
    """Counters that change while a timetable is judged do not stop it."""
    await imported(term)
    body = {
        "problem": await stored(write_problem(PROBLEM)),
        "solution": await stored(write_timetable(TIMETABLE)),
    }

    async def count_on() -> None:
        for _ in range(20):
            async with database().transaction() as transaction:
                await transaction.execute(
                    "UPDATE collections SET revision = revision + 1 "
                    "WHERE name = 'classes'"
                )
            await asyncio.sleep(0)

    reply, _ = await asyncio.gather(term.post(f"{TERM}/publications", body), count_on())
    assert reply.status == 201, reply.body
