"""Which rows limited keys see and change, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from collegium.blobs.shelf import Shelf
from collegium.blobs.store import BlobStore
from collegium.db.database import Database
from fixtures.access import KeyHolder, guarded_app, holder
from fixtures.asgi import Reply
from fixtures.registration import OPEN, Registration, lesson
from fixtures.world import HOME

TERM = f"{HOME}/sessions/TERM"
COURSES = f"{HOME}/courses"


@pytest.fixture
async def departments(desk: Registration) -> None:
    """Give DEPT a course and its institute another; OTHER has one of its own."""
    client = desk.client
    for code, parent in (("INST", "DEPT"), ("OTHER", None)):
        body = {"code": code, "name": code, "parent_id": parent}
        assert (await client.post(f"{HOME}/organisations", body)).status == 201
    for code, organisation in (("D1", "DEPT"), ("I1", "INST"), ("X1", "OTHER")):
        body = {"code": code, "name": code, "organisation_id": organisation}
        assert (await client.post(COURSES, body)).status == 201
        spare = {**body, "code": f"{code}b"}
        assert (await client.post(COURSES, spare)).status == 201
        body = offering(code, code)
        assert (await client.post(f"{TERM}/offerings", body)).status == 201


def offering(code: str, *courses: str) -> dict[str, Any]:
    """Return the body of an offering of two lectures."""
    classes = [{"suffix": "1"}, {"suffix": "2"}]
    subparts = [{"code": "LEC", "classes": classes}]
    return {
        "code": code,
        "courses": [
            {"course_id": course, "is_controlling": course == courses[0]}
            for course in courses
        ],
        "configurations": [{"code": "1", "subparts": subparts}],
    }


async def patched(client: KeyHolder, path: str, changes: dict[str, Any]) -> int:
    """Return the status of a change of something as it is now."""
    headers = await client.latest(path)
    return (await client.patch(path, changes, headers=headers)).status


@pytest.mark.usefixtures("departments")
async def test_a_scheduler_changes_courses_of_its_organisation(
    world_database: Database,
) -> None:
    """And of those below; others it sees and cannot change, take or give away."""
    client = await holder(world_database, "scheduler", organisation_id="DEPT")
    for code in ("D1", "I1"):
        assert await patched(client, f"{COURSES}/{code}", {"name": "New"}) == 200
    for code in ("X1", "COURSE"):
        assert (await client.get(f"{COURSES}/{code}")).status == 200
        assert await patched(client, f"{COURSES}/{code}", {"name": "New"}) == 403
        headers = await client.latest(f"{COURSES}/{code}")
        gone = await client.delete(f"{COURSES}/{code}", headers=headers)
        assert gone.status == 403
    assert await patched(client, f"{COURSES}/D1", {"organisation_id": "OTHER"}) == 403
    take = {"organisation_id": "DEPT"}
    assert await patched(client, f"{COURSES}/X1", take) == 403
    for code, organisation, status in (
        ("NEW", "INST", 201),
        ("NEW2", "OTHER", 403),
        ("NEW3", None, 403),
    ):
        body = {"code": code, "name": "New", "organisation_id": organisation}
        assert (await client.post(COURSES, body)).status == status
    put = {"code": "PUT", "name": "Put", "organisation_id": "OTHER"}
    assert (await client.put(f"{COURSES}/PUT", put)).status == 403
    assert (await client.get(f"{COURSES}/PUT")).status == 404
    headers = await client.latest(f"{COURSES}/NEW")
    assert (await client.delete(f"{COURSES}/NEW", headers=headers)).status == 204


@pytest.mark.usefixtures("departments")
async def test_a_scheduler_plans_what_belongs_to_its_courses(
    world_database: Database,
) -> None:
    """Offerings, classes, limits, constraints and teaching; nothing that is shared."""
    client = await holder(world_database, "scheduler", organisation_id="DEPT")
    for courses, status in ((("D1b", "I1b"), 201), (("X1b",), 403)):
        body = offering("NEW" + courses[0], *courses)
        made = await client.post(f"{TERM}/offerings", body)
        assert made.status == status, made.body
    # One that is shared with another organisation is for whoever is above both.
    path = f"{TERM}/offerings/NEWD1b"
    shared = offering("", "D1b", "X1b")["courses"]
    assert await patched(client, path, {"courses": shared}) == 403
    for code, status in (("D1", 200), ("I1", 200), ("X1", 403)):
        path = f"{TERM}/offerings/{code}"
        assert await patched(client, path, {"name": "New"}) == status
        class_ = f"{TERM}/classes/{code}-1-LEC-1"
        assert await patched(client, class_, {"needs_room": False}) == status
        headers = await client.latest(f"{class_}/limit")
        limit = await client.put(f"{class_}/limit", {"limit": 9}, headers=headers)
        assert limit.status == status
        teaching = {"class_id": f"{code}-1-LEC-1", "person_id": "PERSON"}
        made = await client.post(f"{TERM}/teaching-assignments", teaching)
        assert made.status == (201 if status == 200 else 403)
        new = {
            "offering_id": code,
            "configuration": "1",
            "subpart": "LEC",
            "suffix": "9",
        }
        made = await client.post(f"{TERM}/classes", new)
        assert made.status == (201 if status == 200 else 403)
    for other, status in (("I1", 201), ("X1", 403)):
        classes = ["D1-1-LEC-1", f"{other}-1-LEC-1"]
        body = {"type": "NotOverlap", "class_ids": classes}
        made = await client.post(f"{TERM}/distributions", body)
        assert made.status == status, made.body
    seen = await client.get(f"{TERM}/distributions")
    assert len(seen.json()["items"]) == 1
    for path in ("people", "memberships", "keys", "audit-events"):
        assert (await client.get(f"{HOME}/{path}")).status == 403


@pytest.fixture
async def enrolled(desk: Registration) -> dict[str, Reply]:
    """Enrol two students, each with a request of their own."""
    await desk.offer_lectures(0, lesson("1", 1))
    await desk.offer_lectures(1, lesson("1"))
    found = {"S0": await desk.enrol(0, 0), "S1": await desk.enrol(1, 1)}
    for student in ("S0", "S1"):
        body = {
            "student_id": student,
            "course_offering_id": "COURSE1",
            "priority": 1,
        }
        made = await desk.client.post(f"{OPEN}/requests", body)
        assert made.status == 201, made.body
        found[f"{student} wants"] = await desk.client.get(made.headers["location"])
    return found


async def test_a_student_sees_only_what_is_its_own(
    enrolled: dict[str, Reply], world_database: Database
) -> None:
    """Own enrolments, requests and person; the catalogue; of others not even that."""
    client = await holder(world_database, "student", person_id="S0")
    registrar = await holder(world_database, "registrar")
    for path in ("enrolments", "requests"):
        # The registrar's page is kept, and must not be given to the student.
        assert len((await registrar.get(f"{OPEN}/{path}")).json()["items"]) == 2
        own = (await client.get(f"{OPEN}/{path}")).json()["items"]
        assert len(own) == 1
        assert len((await registrar.get(f"{OPEN}/{path}")).json()["items"]) == 2
    people = (await client.get(f"{HOME}/people")).json()["items"]
    assert [person["code"] for person in people] == ["S0"]
    assert (await client.get(f"{HOME}/people/S0")).status == 200
    missing = await client.get(f"{HOME}/people/NOBODY")
    other = await client.get(f"{HOME}/people/S1")
    assert other.status == missing.status == 404
    assert other.json()["detail"] == missing.json()["detail"].replace("NOBODY", "S1")
    for name, status in (
        ("S0", 200),
        ("S0 wants", 200),
        ("S1", 404),
        ("S1 wants", 404),
    ):
        assert (await client.get(enrolled[name].path)).status == status
    query = {"student_id": enrolled["S1"].json()["student_id"]}
    asked = await client.get(f"{OPEN}/enrolments", query=query)
    assert asked.json()["items"] == []
    for path in ("courses", "rooms", "organisations", "search?q=course"):
        assert (await client.get(f"{HOME}/{path}")).status == 200
    assert (await client.get(f"{OPEN}/classes")).status == 200
    for path in ("problem", "distributions", "teaching-assignments"):
        assert (await client.get(f"{OPEN}/{path}")).status == 403


async def test_a_student_changes_only_what_is_its_own(
    enrolled: dict[str, Reply], world_database: Database
) -> None:
    """Nobody is enrolled, moved or dropped by another, and nothing is told of them."""
    client = await holder(world_database, "student", person_id="S0")
    for student, status in (("S0", 201), ("S1", 403), ("NOBODY", 403)):
        body = {"student_id": student, "course_offering_id": "COURSE1"}
        made = await client.post(f"{OPEN}/enrolments", body)
        # S1 takes it already, which is not for S0 to know.
        assert made.status == status, made.body
    body = {"student_id": "S1", "course_offering_id": "COURSE0", "priority": 2}
    assert (await client.post(f"{OPEN}/requests", body)).status == 403
    registrar = await holder(world_database, "registrar")
    for name in ("S1", "S1 wants"):
        path = enrolled[name].path
        headers = await registrar.latest(path)
        patch = await client.patch(path, {"is_waitlist_ok": True}, headers=headers)
        wanted = {k: v for k, v in body.items() if k != "priority" or "req" in path}
        put = await client.put(path, wanted, headers=headers)
        gone = await client.delete(path, headers=headers)
        assert (patch.status, put.status, gone.status) == (404, 404, 404)
    path = enrolled["S0"].path
    assert await patched(client, path, {"is_waitlist_ok": True}) == 200
    given = {"student_id": "S1"}
    assert await patched(client, path, given) in (403, 422)
    headers = await client.latest(path)
    assert (await client.delete(path, headers=headers)).status == 204


async def test_who_waits_is_seated_by_whoever_leaves(
    enrolled: dict[str, Reply], world_database: Database, desk: Registration
) -> None:
    """A student's change may end another's waiting: the rules do that, not the key."""
    waiting = await desk.enrol(2, 0, wait=True)
    assert await desk.state(waiting) == "queued"
    client = await holder(world_database, "student", person_id="S0")
    path = enrolled["S0"].path
    gone = await client.delete(path, headers=await client.latest(path))
    assert gone.status == 204
    assert await desk.state(waiting) == "associated"


async def test_the_same_key_twice_is_of_one_client(
    enrolled: dict[str, Reply], world_database: Database
) -> None:
    """An Idempotency-Key means nothing with another key of the interface."""
    first = await holder(world_database, "registrar")
    second = await holder(world_database, "registrar")
    body = {"code": "ONCE", "name": "Once"}
    headers = {"idempotency-key": '"the-same"'}
    made = await first.post(COURSES, body, headers=headers)
    again = await first.post(COURSES, body, headers=headers)
    other = await second.post(COURSES, body, headers=headers)
    assert (made.status, again.status, other.status) == (201, 201, 409)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in other.headers


async def test_shared_caches_keep_nothing_of_a_key(world_database: Database) -> None:
    """What was shown to a key is private, and varies with it; a 304 says the same."""
    client = await holder(world_database, "registrar")
    for path in (COURSES, f"{COURSES}/COURSE", f"{HOME}/people", f"{TERM}/offerings"):
        shown = await client.get(path)
        known = await client.get(path, headers={"if-none-match": shown.etag})
        assert known.status == 304
        for reply in (shown, known):
            assert "private" in reply.headers["cache-control"]
            assert "public" not in reply.headers["cache-control"]
            assert "authorization" in reply.headers["vary"]


async def test_a_job_of_another_university_publishes_nothing(
    world_database: Database,
) -> None:
    """What it says of such a job is what it says of none, whatever its state."""
    registrar = await holder(world_database, "registrar")
    guarded_app().state.blobs = BlobStore(world_database, Shelf())
    async with world_database.transaction() as transaction:
        for id_, code in (("own", "HOME"), ("theirs", "AWAY"), ("nobodys", None)):
            await transaction.execute(
                "INSERT INTO jobs (id, workload, input, state, progress, "
                "is_cancel_requested, version, epoch, lease_until_s, elapsed_s, "
                "created_at, updated_at, university_id) VALUES (?, 'timetable', '{}', "
                "'failed', '{}', 0, 1, 0, 0, 0, '', '', "
                "(SELECT id FROM universities WHERE code = ?))",
                (id_, code),
            )
    said = {}
    for id_ in ("own", "theirs", "nobodys", "missing"):
        body = {"job": id_}
        reply = await registrar.post(f"{TERM}/publications", body)
        said[id_] = (reply.status, reply.json()["detail"].replace(id_, "it"))
    assert said["own"][0] == 409
    assert said["theirs"] == said["nobodys"] == said["missing"]
    assert said["missing"][0] == 422
