"""Offerings as whole documents, and their classes one by one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fixtures.asgi import AsgiClient, Reply
from fixtures.catalogue import catalogue_app
from fixtures.world import HOME

TERM = f"{HOME}/sessions/TERM"
TIME = {"days": "10100", "start": 96, "length": 12, "weeks": "1" * 14}


def offering(**changes: Any) -> dict[str, Any]:
    """Return an offering of two lectures and a laboratory for each."""
    body: dict[str, Any] = {
        "code": "X",
        "courses": [{"course_id": "COURSE0"}],
        "configurations": [
            {
                "code": "A",
                "subparts": [
                    {
                        "code": "LEC",
                        "classes": [{"suffix": "1", "limit": 30}, {"suffix": "2"}],
                    },
                    {
                        "code": "LAB",
                        "parent": "LEC",
                        "kind": "laboratory",
                        "classes": [
                            {"suffix": "1", "parent": "1", "time_options": [TIME]},
                            {
                                "suffix": "2",
                                "parent": "2",
                                "room_options": [{"room_id": "ROOM1"}],
                            },
                        ],
                    },
                ],
            }
        ],
    }
    return {**body, **changes}


async def made(world: AsgiClient, body: dict[str, Any] | None = None) -> Reply:
    """Return an offering that has been added."""
    reply = await world.post(f"{TERM}/offerings", body or offering())
    assert reply.status == 201, reply.body
    return await world.get(reply.headers["location"])


async def classes(world: AsgiClient, shown: Reply) -> dict[str, dict[str, Any]]:
    """Return the classes of an offering by code."""
    query = {"offering_id": shown.json()["id"], "limit": 200}
    page = await world.get(f"{TERM}/classes", query=query)
    return {item["code"]: item for item in page.json()["items"]}


async def replaced(world: AsgiClient, shown: Reply, body: dict[str, Any]) -> Reply:
    """Return the answer to a PUT of a whole offering."""
    return await world.put(shown.path, body, headers={"if-match": shown.etag})


def refused(reply: Reply, status: int, pointer: str) -> None:
    """Check that a write was refused because of one member."""
    assert reply.status == status, reply.body
    assert [e["pointer"] for e in reply.json()["errors"]] == [pointer]


async def test_a_document_becomes_classes(world: AsgiClient) -> None:
    """Each class of the document is a resource, with its code, place and parent."""
    shown = await made(world)
    found = await classes(world, shown)
    assert list(found) == ["X-A-LAB-1", "X-A-LAB-2", "X-A-LEC-1", "X-A-LEC-2"]
    lab, lecture = found["X-A-LAB-1"], found["X-A-LEC-1"]
    assert lab["parent_class_id"] == lecture["id"]
    assert (lecture["limit"], lecture["enrolled"]) == (30, 0)
    assert lab["time_options"] == [{**TIME, "penalty": 0}]
    one = await world.get(f"{TERM}/classes/X-A-LAB-1")
    assert one.json() == lab
    assert shown.json()["courses"][0]["is_controlling"] is True


async def test_a_document_that_comes_back_changes_nothing(world: AsgiClient) -> None:
    """A PUT of what was read keeps the tags of the offering and of its classes."""
    shown = await made(world)
    before = await classes(world, shown)
    body = {k: v for k, v in shown.json().items() if k not in OURS}
    again = await replaced(world, shown, body)
    assert (again.status, again.etag) == (200, shown.etag)
    assert await classes(world, shown) == before


OURS = {"id", "university_id", "session_id", "version", "created_at", "updated_at"}


async def test_parts_keep_their_ids(world: AsgiClient) -> None:
    """Parts with the codes of before are changed; others come and go."""
    shown = await made(world)
    before = await classes(world, shown)
    body = offering()
    lecture, lab = body["configurations"][0]["subparts"]
    lecture["classes"] = [{"suffix": "2", "limit": 7}, {"suffix": "3"}]
    lab["classes"] = [{"suffix": "2", "parent": "3"}]
    changed = await replaced(world, shown, body)
    assert changed.status == 200, changed.body
    after = await classes(world, shown)
    assert list(after) == ["X-A-LAB-2", "X-A-LEC-2", "X-A-LEC-3"]
    for code in ("X-A-LAB-2", "X-A-LEC-2"):
        assert after[code]["id"] == before[code]["id"]
        assert after[code]["version"] > before[code]["version"]
    assert after["X-A-LEC-2"]["limit"] == 7
    assert after["X-A-LAB-2"]["parent_class_id"] == after["X-A-LEC-3"]["id"]


async def test_a_class_changes_its_offering(world: AsgiClient) -> None:
    """A class changed, added or removed on its own is so in the document, too."""
    shown = await made(world)
    lab = await world.get(f"{TERM}/classes/X-A-LAB-1")
    patch = {"limit": 12, "room_options": [{"room_id": "ROOM2"}]}
    changed = await world.patch(lab.path, patch, headers={"if-match": lab.etag})
    assert changed.status == 200, changed.body
    place = {"configuration": "A", "subpart": "LEC", "offering_id": "X"}
    added = await world.post(f"{TERM}/classes", {**place, "suffix": "9"})
    assert added.status == 201, added.body
    other = await world.get(f"{TERM}/classes/X-A-LAB-2")
    gone = await world.delete(other.path, headers={"if-match": other.etag})
    assert gone.status == 204
    after = await world.get(shown.path)
    lecture, laboratory = after.json()["configurations"][0]["subparts"]
    assert [c["suffix"] for c in lecture["classes"]] == ["1", "2", "9"]
    assert [(c["suffix"], c["limit"]) for c in laboratory["classes"]] == [("1", 12)]
    assert after.etag != shown.etag
    body = {k: v for k, v in after.json().items() if k not in OURS}
    assert (await replaced(world, after, body)).etag == after.etag


async def test_a_renamed_offering_renames_its_classes(world: AsgiClient) -> None:
    """The codes of classes follow the code of the offering; their ids stay."""
    shown = await made(world)
    before = await classes(world, shown)
    patch = {"code": "Y"}
    await world.patch(shown.path, patch, headers={"if-match": shown.etag})
    after = await classes(world, shown)
    assert {c["id"] for c in after.values()} == {c["id"] for c in before.values()}
    assert all(code.startswith("Y-A-") for code in after)


def with_part(path: str, value: Any) -> dict[str, Any]:
    """Return the offering with another value at a path."""
    body = copy.deepcopy(offering())
    inner: Any = body
    *steps, last = path.split("/")
    for step in steps:
        inner = inner[int(step) if isinstance(inner, list) else step]
    inner[last] = value
    return body


A = "configurations/0"


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        (f"{A}/subparts/0/parent", "LAB", f"/{A}/subparts/0/parent"),
        (f"{A}/subparts/0/parent", "LEC", f"/{A}/subparts/0/parent"),
        (f"{A}/subparts/1/parent", "NONE", f"/{A}/subparts/1/parent"),
        (f"{A}/subparts/1/code", "LEC", f"/{A}/subparts/1/code"),
        (f"{A}/subparts/1/parent", None, f"/{A}/subparts/1/classes/0/parent"),
        (
            f"{A}/subparts/1/classes/0",
            {"suffix": "1", "parent": "3"},
            f"/{A}/subparts/1/classes/0/parent",
        ),
        (
            f"{A}/subparts/0/classes/1",
            {"suffix": "1"},
            f"/{A}/subparts/0/classes/1/suffix",
        ),
        (
            f"{A}/subparts/0/classes/1",
            {"suffix": "2", "time_options": [{**TIME, "days": "1010000"}]},
            f"/{A}/subparts/0/classes/1/time_options/0/days",
        ),
        ("courses", [{"course_id": "COURSE0"}] * 2, "/courses"),
        (
            "courses",
            [
                {"course_id": "COURSE0", "is_controlling": True},
                {"course_id": "COURSE1", "is_controlling": True},
            ],
            "/courses",
        ),
        (
            "courses",
            [
                {"course_id": "COURSE0", "is_controlling": True},
                {"course_id": "COURSE0"},
            ],
            "/courses/1/course_id",
        ),
    ],
)
async def test_parts_that_do_not_hang_together(
    world: AsgiClient, path: str, value: Any, pointer: str
) -> None:
    """Cycles, missing parents, double codes and controlling courses: 422."""
    for place in path.split("/"):
        assert place
    body = with_part(path, value) if not path[-1].isdigit() else _at(path, value)
    refused(await world.post(f"{TERM}/offerings", body), 422, pointer)


def _at(path: str, value: Any) -> dict[str, Any]:
    body = copy.deepcopy(offering())
    inner: Any = body
    *steps, last = path.split("/")
    for step in steps:
        inner = inner[int(step) if isinstance(inner, list) else step]
    inner[int(last)] = value
    return body


async def test_a_course_is_offered_once(world: AsgiClient) -> None:
    """A course that is offered in a session already is refused, all or nothing."""
    await made(world)
    before = await world.get(f"{TERM}/offerings")
    body = offering(code="Y", courses=[{"course_id": "COURSE0"}])
    reply = await world.post(f"{TERM}/offerings", body)
    refused(reply, 409, "/courses")
    assert (await world.get(f"{TERM}/offerings")).etag == before.etag


async def test_an_external_id_names_one_class(world: AsgiClient) -> None:
    """Two classes of a session cannot have the same external id."""
    body = offering()
    for number, class_ in enumerate(
        body["configurations"][0]["subparts"][0]["classes"]
    ):
        class_["external_id"] = "same"
        assert number < 2
    reply = await world.post(f"{TERM}/offerings", body)
    refused(reply, 409, "/configurations")


async def test_the_controlling_course_can_change(world: AsgiClient) -> None:
    """Another course becomes the controlling one, though only one may be at a time."""
    both = [{"course_id": "COURSE0", "is_controlling": True}, {"course_id": "COURSE1"}]
    shown = await made(world, offering(courses=both))
    both = [{"course_id": "COURSE0"}, {"course_id": "COURSE1", "is_controlling": True}]
    changed = await replaced(world, shown, offering(courses=both))
    assert changed.status == 200, changed.body
    flags = [course["is_controlling"] for course in changed.json()["courses"]]
    assert flags == [False, True]


async def test_structure_is_gated_by_the_session(world: AsgiClient) -> None:
    """While a session is running its offerings, classes and constraints stay."""
    shown = await made(world)
    lecture = await world.get(f"{TERM}/classes/X-A-LEC-1")
    for state in ("registration", "running"):
        term = await world.get(TERM)
        await world.patch(TERM, {"state": state}, headers={"if-match": term.etag})
    for reply in (
        await world.post(f"{TERM}/offerings", offering(code="Y")),
        await replaced(world, shown, offering(name="Other")),
        await world.delete(shown.path, headers={"if-match": shown.etag}),
        await world.patch(
            lecture.path, {"limit": 5}, headers={"if-match": lecture.etag}
        ),
        await world.delete(lecture.path, headers={"if-match": lecture.etag}),
        await world.post(
            f"{TERM}/distributions",
            {"type": "SameRoom", "class_ids": ["X-A-LEC-1", "X-A-LEC-2"]},
        ),
    ):
        assert reply.status == 409, reply.body
        assert reply.json()["type"] == "/problems/state-forbids"


async def test_a_limit_does_not_go_below_its_enrolment(
    world: AsgiClient,
) -> None:
    """Lowering a limit below those who are enrolled is refused on either way."""
    shown = await made(world)
    async with catalogue_app().state.catalogue.database.transaction() as transaction:
        await transaction.execute(
            "UPDATE classes SET enrolled = 10 WHERE code = 'X-A-LEC-1'"
        )
    body = offering()
    body["configurations"][0]["subparts"][0]["classes"][0]["limit"] = 9
    refused(await replaced(world, shown, body), 409, "/limit")
    lecture = await world.get(f"{TERM}/classes/X-A-LEC-1")
    match = {"if-match": lecture.etag}
    refused(await world.patch(lecture.path, {"limit": 9}, headers=match), 409, "/limit")
    body["configurations"][0]["subparts"][0]["classes"][0]["limit"] = 10
    assert (await replaced(world, shown, body)).status == 200


async def test_a_class_that_something_names_stays(world: AsgiClient) -> None:
    """An offering or a class that a constraint names cannot lose it."""
    shown = await made(world)
    constraint = {"type": "SameRoom", "class_ids": ["X-A-LEC-1", "X-A-LEC-2"]}
    assert (await world.post(f"{TERM}/distributions", constraint)).status == 201
    without = offering(configurations=[])
    for reply in (
        await replaced(world, shown, without),
        await world.delete(shown.path, headers={"if-match": shown.etag}),
    ):
        assert reply.status == 409
        assert reply.json()["type"] == "/problems/still-referenced"
    assert len(await classes(world, shown)) == 4


@pytest.mark.parametrize(
    ("type_", "parameters", "is_right"),
    [
        ("WorkDay", [120], True),
        ("WorkDay", [], False),
        ("SameRoom", [], True),
        ("SameRoom", [1], False),
        ("MaxBlock", [3, 4], True),
        ("MaxBlock", [3], False),
        ("MaxBreaks", [-1, 4], False),
        ("Sometimes", [], False),
    ],
)
async def test_parameters_are_those_of_the_type(
    world: AsgiClient, type_: str, parameters: list[int], is_right: bool
) -> None:
    """Each of the 19 types takes its own number of parameters."""
    await made(world)
    body = {"type": type_, "parameters": parameters, "class_ids": ["X-A-LEC-1"]}
    reply = await world.post(f"{TERM}/distributions", body)
    assert reply.status == (201 if is_right else 422), reply.body
