"""An event is there if, and only if, its change is: every noun, every verb."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from collegium.audit.repository import audit_findings
from collegium.db.database import Database
from collegium.db.work import Work
from fixtures.access import holder
from fixtures.asgi import AsgiClient, Reply
from fixtures.nouns import NOUNS, NounCase
from fixtures.registration import OPEN, Registration, lesson
from fixtures.world import AWAY, HOME

EVENTS = f"{HOME}/audit-events"
every_noun = pytest.mark.parametrize("noun", NOUNS.values(), ids=NOUNS.keys())


async def events_of(client: AsgiClient, made: Reply) -> list[dict[str, Any]]:
    """Return the events of something that was made, the first first."""
    entity_id = made.json()["id"]
    whose = made.json().get("university_id", entity_id)
    path = f"/v1/universities/{whose}/audit-events"
    found = await client.get(path, query={"entity_id": entity_id})
    assert found.status == 200, found.body
    return list(reversed(found.json()["items"]))


async def last(database: Database) -> list[tuple[str, int]]:
    """Return the last number of each university."""
    rows = await database.fetch_all(
        "SELECT university_id, seq FROM audit_counters ORDER BY university_id"
    )
    return [(str(row[0]), int(row[1])) for row in rows]


async def sound(database: Database) -> bool:
    """Tell whether the events have no gaps."""
    return all([not found.breaches async for found in audit_findings(database)])


@every_noun
async def test_each_verb_leaves_one_event(
    world: AsgiClient, world_database: Database, noun: NounCase
) -> None:
    """Made, replaced, patched, deleted: with the state before and after."""
    made = await world.post(noun.collection, noun.full, headers={"x-request-id": "r1"})
    assert made.status == 201, made.body
    path = f"{noun.collection}/{made.json()['id']}"
    patched = await world.patch(path, noun.change, headers={"if-match": made.etag})
    assert patched.status == 200, patched.body
    replaced = await world.put(path, noun.full, headers={"if-match": patched.etag})
    assert replaced.status == 200, replaced.body
    same = await world.put(path, noun.full, headers={"if-match": replaced.etag})
    assert same.etag == replaced.etag
    gone = await world.delete(path, headers={"if-match": replaced.etag})
    assert gone.status == 204, gone.body
    found = await events_of(world, made)
    assert [event["action"] for event in found] == [
        "create",
        "change",
        "change",
        "delete",
    ]
    states = [None, made.json(), patched.json(), replaced.json(), None]
    assert [event["before"] for event in found] == states[:-1]
    assert [event["after"] for event in found] == states[1:]
    assert {event["actor"] for event in found} == {"local"}
    assert found[0]["request_id"] == "r1"
    numbers = [event["seq"] for event in found]
    assert numbers == sorted(set(numbers))
    assert await sound(world_database)


@every_noun
async def test_a_refusal_leaves_none(
    world: AsgiClient, world_database: Database, noun: NounCase
) -> None:
    """Neither a conflict, nor a stale tag, nor a wrong body, nor what is in use."""
    made = await world.post(noun.collection, noun.full)
    assert made.status == 201
    path = f"{noun.collection}/{made.json()['id']}"
    before = await last(world_database)
    stale = {"if-match": '"0"'}
    refused = [
        await world.post(noun.collection, {"nonsense": 1}),
        await world.patch(path, noun.change, headers=stale),
        await world.put(path, noun.full, headers=stale),
        await world.delete(path, headers=stale),
    ]
    if noun.taken:
        refused.append(await world.post(noun.collection, noun.full))
    assert all(reply.status >= 400 for reply in refused)
    assert await last(world_database) == before


async def test_undone_with_its_change(world_database: Database) -> None:
    """What is rolled back was never recorded, also beside others of its group."""
    before = await last(world_database)

    async def act(number: int) -> None:
        async with world_database.transaction() as transaction:
            work = Work(transaction, "2030-01-01T00:00:00.000000Z")
            work.note("create", "things", str(number), university_id="U")
            if number % 2:
                raise ValueError(number)

    ends = await asyncio.gather(*map(act, range(10)), return_exceptions=True)
    assert sum(isinstance(end, ValueError) for end in ends) == 5
    assert await last(world_database) == sorted([*before, ("U", 5)])
    rows = await world_database.fetch_all(
        "SELECT entity_id, seq FROM audit_events WHERE university_id = 'U'"
    )
    assert {int(row[0]) % 2 for row in rows} == {0}
    assert sorted(int(row[1]) for row in rows) == [1, 2, 3, 4, 5]


async def test_numbers_follow_the_commits(
    world: AsgiClient, world_database: Database
) -> None:
    """Of many writers at once, none gets a number before one that commits earlier."""
    seen: list[int] = []

    async def watch(stop: asyncio.Event) -> None:
        while not stop.is_set():
            rows = await world_database.fetch_all(
                "SELECT seq FROM audit_events WHERE university_id = "
                "(SELECT id FROM universities WHERE code = 'HOME') ORDER BY seq"
            )
            numbers = [int(row[0]) for row in rows]
            # Whatever is visible has no gap: nothing earlier is still to come.
            assert numbers == list(range(1, len(numbers) + 1))
            seen.append(len(numbers))
            await asyncio.sleep(0)

    stop = asyncio.Event()
    watching = asyncio.create_task(watch(stop))
    made = await asyncio.gather(
        *(
            world.post(f"{HOME}/{kind}", {"code": f"W{i}", "name": "W", **more})
            for i in range(12)
            for kind, more in (
                ("people", {}),
                ("courses", {}),
                ("rooms", {"capacity": 1}),
            )
        )
    )
    stop.set()
    await watching
    assert {reply.status for reply in made} == {201}
    assert len(seen) > 1
    assert await sound(world_database)


async def test_enrolments_and_all_that_follows(
    desk: Registration, world_database: Database
) -> None:
    """Seats taken and given back, turns that end, limits: each row that changed."""
    await desk.offer_lectures(0, lesson("1", 1))
    first = await desk.enrol(0, 0)
    waits = await desk.enrol(1, 0, wait=True)
    await desk.drop(first)
    assert await desk.state(waits) == "associated"
    actions = [e["action"] for e in await events_of(desk.client, waits)]
    assert actions == ["create", "change"]
    found = await events_of(desk.client, waits)
    assert [e["after"]["state"] for e in found] == ["queued", "associated"]
    actions = [e["action"] for e in await events_of(desk.client, first)]
    assert actions == ["create", "delete"]
    class_ = await desk.class_("O0-A-LEC-1")
    limit = await desk.client.put(
        f"{OPEN}/classes/O0-A-LEC-1/limit",
        {"limit": 0, "is_forced": True},
        headers={"if-match": class_.etag},
    )
    assert limit.status == 200, limit.body
    changed = (await events_of(desk.client, class_))[-1]
    assert (changed["before"]["limit"], changed["after"]["limit"]) == (1, 0)
    body = {"student_id": "S0", "course_offering_id": "COURSE0", "priority": 1}
    asked = await desk.client.post(f"{OPEN}/requests", body)
    assert asked.status == 201
    assert len(await events_of(desk.client, asked)) == 1
    assert await sound(world_database)


async def test_who_it_was(world_database: Database) -> None:
    """The key that was shown is named, and so are keys made and revoked with it."""
    operator = await holder(world_database, "operator")
    registrar = await holder(world_database, "registrar")
    made = await registrar.post(f"{HOME}/courses", {"code": "NEW", "name": "New"})
    actor = (await events_of(operator, made))[0]["actor"]
    keys = (await operator.get(f"{HOME}/keys")).json()["items"]
    assert [key["id"] for key in keys] == [actor]
    body = {"role": "registrar", "name": "Another"}
    key = await registrar.post(f"{HOME}/keys", body)
    gone = await registrar.delete(
        f"{HOME}/keys/{key.json()['id']}", headers={"if-match": "*"}
    )
    assert gone.status == 204
    found = await events_of(operator, key)
    assert [event["action"] for event in found] == ["create", "delete"]
    assert {event["actor"] for event in found} == {actor}
    assert found[0]["entity"] == "api_keys"
    assert "secret_sha256" not in found[0]["after"]


async def test_pages_and_filters(world: AsgiClient, world_database: Database) -> None:
    """By what, by whom, how and when; page by page, the latest first."""
    for number in range(7):
        body = {"code": f"P{number}", "name": "Person"}
        assert (await world.post(f"{HOME}/people", body)).status == 201
    path: str | None = f"{EVENTS}?limit=3&entity=people&action=create"
    met: list[int] = []
    while path is not None:
        page = await world.get(path)
        assert page.status == 200, page.body
        assert page.headers["cache-control"] == "private, no-cache"
        met += [event["seq"] for event in page.json()["items"]]
        path = page.json()["next"]
    assert met == sorted(set(met), reverse=True)
    assert len(met) == 8  # and the one of the world
    newest = (await world.get(EVENTS, query={"limit": 1})).json()["items"][0]
    one = await world.get(f"{EVENTS}/{newest['seq']}")
    assert one.json() == newest
    known = await world.get(EVENTS, headers={"if-none-match": page_tag(one, newest)})
    assert known.status == 304
    for query, count in (
        ({"actor": "nobody"}, 0),
        ({"actor": "local", "entity": "people"}, 8),
        ({"action": "delete"}, 0),
        ({"entity": "people", "since": newest["at"]}, 1),
        ({"entity": "people", "until": newest["at"]}, 7),
    ):
        found = await world.get(EVENTS, query=query)
        assert len(found.json()["items"]) == count, query
    for query in ({"since": "yesterday"}, {"sort": "seq"}, {"unknown": 1}):
        assert (await world.get(EVENTS, query=query)).status == 422
    assert (await world.get(f"{EVENTS}/999999")).status == 404
    assert (await world.get(f"{EVENTS}/x")).status == 404
    theirs = (await world.get(f"{AWAY}/audit-events")).json()["items"]
    own = {event["entity_id"] for event in (await world.get(EVENTS)).json()["items"]}
    assert not own & {event["entity_id"] for event in theirs}


def page_tag(one: Reply, newest: dict[str, Any]) -> str:
    """Return the tag of the collection: that of its latest event."""
    assert one.etag == f'"{newest["seq"]}"'
    return one.etag


async def test_it_outlives_what_it_tells_of(world: AsgiClient) -> None:
    """The events of a deleted university are found by its id, not by its code."""
    made = await world.post("/v1/universities", {"code": "GOES", "name": "Goes"})
    path = f"/v1/universities/{made.json()['id']}"
    assert (await world.delete(path, headers={"if-match": made.etag})).status == 204
    found = await events_of(world, made)
    assert [event["action"] for event in found] == ["create", "delete"]
    assert (await world.get("/v1/universities/GOES/audit-events")).status == 404


async def test_a_missing_event_is_found(
    world: AsgiClient, world_database: Database
) -> None:
    """Whoever takes one out by hand leaves a gap that the doctor finds."""
    assert await sound(world_database)
    async with world_database.transaction() as transaction:
        await transaction.execute("DELETE FROM audit_events WHERE seq = 2")
    assert not await sound(world_database)
