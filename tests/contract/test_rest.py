"""What every resource of the catalogue does, shown with courses and universities."""

from __future__ import annotations

from typing import Any

import pytest

from collegium.courses.schemas import Course, CourseIn
from collegium.db.database import Database
from collegium.universities.schemas import University
from fixtures.asgi import AsgiClient
from fixtures.courses import CS, WHOLE, create
from fixtures.replies import matching, problem_of


async def test_least_bodies_are_enough(catalogue: AsgiClient, nowhere: str) -> None:
    """Code and name make a university and a course."""
    reply = await catalogue.get("/v1/universities/NOWHERE")
    University.model_validate_json(reply.body, strict=True)
    reply = await catalogue.post(nowhere, CS)
    assert reply.status == 201
    Course.model_validate_json(reply.body, strict=True)


async def test_created_leads_to_the_same_state(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """201 names an address; a GET there has the same tag and the same bytes."""
    created = await catalogue.post(nowhere, WHOLE)
    assert created.status == 201
    got = await catalogue.get(created.headers["location"])
    assert (got.status, got.etag, got.body) == (200, created.etag, created.body)
    assert {name: got.json()[name] for name in WHOLE} == WHOLE
    Course.model_validate_json(got.body, strict=True)


async def test_id_and_code_are_two_addresses(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """A course is found by id or code, below a university by id or code."""
    created = await create(catalogue, nowhere)
    course = created.json()
    for university in ("NOWHERE", course["university_id"]):
        for key in ("CS101", course["id"]):
            path = f"/v1/universities/{university}/courses/{key}"
            reply = await catalogue.get(path)
            assert (reply.status, reply.body) == (200, created.body)


async def test_what_is_missing_is_named(catalogue: AsgiClient, nowhere: str) -> None:
    """404 tells whether the course is missing or the university."""
    reply = await catalogue.get(f"{nowhere}/CS999")
    assert "course 'CS999'" in problem_of(reply, 404, "not-found")["detail"]
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        path = "/v1/universities/ELSEWHERE/courses/CS101"
        body = None if method in ("GET", "DELETE") else CS
        reply = await catalogue.request(method, path, body)
        detail = problem_of(reply, 404, "not-found")["detail"]
        assert "university 'ELSEWHERE'" in detail
    reply = await catalogue.post("/v1/universities/ELSEWHERE/courses", CS)
    problem_of(reply, 404, "not-found")


async def test_codes_are_unique_in_a_university(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """A second course of that code is refused there, and allowed elsewhere."""
    await create(catalogue, nowhere)
    problem = problem_of(await catalogue.post(nowhere, CS), 409, "already-exists")
    assert problem["errors"][0]["pointer"] == "/code"
    await catalogue.post("/v1/universities", {"code": "SOMEWHERE", "name": "S"})
    assert (
        await catalogue.post("/v1/universities/SOMEWHERE/courses", CS)
    ).status == 201


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"code": ""}, "/code"),
        ({"code": "a/b"}, "/code"),
        ({"code": "."}, "/code"),
        ({"code": ".."}, "/code"),
        ({"code": " a"}, "/code"),
        ({"code": "a "}, "/code"),
        ({"code": "a\n"}, "/code"),
        ({"code": "é"}, "/code"),
        ({"code": "x" * 65}, "/code"),
        ({"code": "01a2090c-bcfd-74b3-b681-5a61656d84b2"}, "/code"),
        ({"name": "  "}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "a\0b"}, "/name"),
        ({"titles": {"en": "\0"}}, "/titles/en"),
        ({"titles": {"not a language": "x"}}, "/titles/not a language"),
        ({"titles": {"en": 1}}, "/titles/en"),
        ({"credits": "3"}, "/credits"),
        ({"credits": -1}, "/credits"),
        ({"credits": True}, "/credits"),
        ({"effective_from": "2020-13-01"}, "/effective_from"),
        ({"effective_from": "2020-01-02", "effective_to": "2020-01-01"}, ""),
        ({"other_codes": [{"code": "1"}]}, "/other_codes/0/code_type"),
        ({"id": "mine"}, "/id"),
        ({"version": 7}, "/version"),
        ({"university_id": "other"}, "/university_id"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "/created_at"),
        ({"unknown": 1}, "/unknown"),
    ],
    ids=str,
)
async def test_bad_members_are_pointed_at(
    catalogue: AsgiClient, nowhere: str, members: dict[str, Any], pointer: str
) -> None:
    """A member that breaks a rule, or is not the client's to set, is refused."""
    reply = await catalogue.post(nowhere, {**CS, **members})
    found = problem_of(reply, 422, "malformed")["errors"]
    assert any(error["pointer"].startswith(pointer) for error in found), found
    assert (await catalogue.get(nowhere)).json()["items"] == []


@pytest.mark.parametrize("code", ["C S", "C+S", "C&S", "C~S", "a.b", "x" * 64, "C-1_2"])
async def test_odd_codes_have_addresses(
    catalogue: AsgiClient, nowhere: str, code: str
) -> None:
    """Every code that is allowed can be used in an address."""
    await create(catalogue, nowhere, code=code)
    assert (await catalogue.get(f"{nowhere}/{code}")).json()["code"] == code


async def test_only_utf8_and_json_are_taken(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """Other media types are refused with those that are taken."""
    await create(catalogue, nowhere)
    for method, path, accepted in (
        ("POST", nowhere, "accept-post"),
        ("PATCH", f"{nowhere}/CS101", "accept-patch"),
    ):
        reply = await catalogue.request(
            method, path, content=b"{}", headers={"content-type": "text/plain"}
        )
        problem_of(reply, 415, "unsupported-media-type")
        assert "json" in reply.headers[accepted]


async def test_put_creates_and_replaces(catalogue: AsgiClient, nowhere: str) -> None:
    """PUT makes a course at its code, then replaces all of it."""
    path = f"{nowhere}/CS101"
    created = await catalogue.put(path, WHOLE)
    assert created.status == 201
    location = created.headers["location"]
    assert (await catalogue.get(location)).body == created.body
    replaced = await catalogue.put(path, CS, headers=matching(created))
    assert replaced.status == 200
    assert replaced.json()["credits"] is None
    assert replaced.json()["id"] == created.json()["id"]
    assert replaced.json()["created_at"] == created.json()["created_at"]


async def test_put_twice_is_put_once(catalogue: AsgiClient, nowhere: str) -> None:
    """The same PUT of the present state changes nothing, not even the tag."""
    path = f"{nowhere}/CS101"
    first = await catalogue.put(path, WHOLE)
    second = await catalogue.put(path, WHOLE, headers=matching(first))
    assert (second.status, second.body) == (200, first.body)
    assert second.etag == first.etag


async def test_put_keeps_address_and_code_together(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """A PUT by code cannot make another code; a PUT by id can, for what exists."""
    reply = await catalogue.put(f"{nowhere}/CS999", CS)
    assert problem_of(reply, 422, "malformed")["errors"][0]["pointer"] == "/code"
    unknown = f"{nowhere}/01a2090c-bcfd-74b3-b681-5a61656d84b2"
    problem_of(await catalogue.put(unknown, CS), 404, "not-found")
    created = await create(catalogue, nowhere)
    renamed = await catalogue.put(
        created.headers["location"], {**CS, "code": "CS102"}, headers=matching(created)
    )
    assert renamed.status == 200
    assert (await catalogue.get(f"{nowhere}/CS102")).body == renamed.body
    assert (await catalogue.get(f"{nowhere}/CS101")).status == 404


async def test_patch_changes_members(catalogue: AsgiClient, nowhere: str) -> None:
    """A merge patch changes what it names, removes what it nulls, keeps the rest."""
    created = await catalogue.post(nowhere, WHOLE)
    changes = {"credits": None, "titles": {"de": None, "fr": "Programmer"}}
    reply = await catalogue.patch(
        f"{nowhere}/CS101", changes, headers=matching(created)
    )
    assert reply.status == 200
    expected = {
        **WHOLE,
        "credits": None,
        "titles": {"zh-Hant": "程式設計", "fr": "Programmer"},
    }
    assert {name: reply.json()[name] for name in WHOLE} == expected
    assert (await catalogue.get(f"{nowhere}/CS101")).body == reply.body


async def test_bad_patches_change_nothing(catalogue: AsgiClient, nowhere: str) -> None:
    """A patch whose result breaks a rule is refused and leaves no trace."""
    created = await create(catalogue, nowhere)
    path = f"{nowhere}/CS101"
    for changes in ({"name": None}, {"credits": "x"}, {"id": "x"}, [], "text", 1):
        reply = await catalogue.patch(path, changes, headers=matching(created))
        problem_of(reply, 422, "malformed")
    assert (await catalogue.get(path)).body == created.body


async def test_deleted_is_gone(catalogue: AsgiClient, nowhere: str) -> None:
    """DELETE answers 204, then 404; a GET never finds the course again."""
    created = await create(catalogue, nowhere)
    path = f"{nowhere}/CS101"
    assert (await catalogue.delete(path, headers=matching(created))).status == 204
    problem_of(
        await catalogue.delete(path, headers=matching(created)), 404, "not-found"
    )
    for address in (path, created.headers["location"]):
        problem_of(await catalogue.get(address), 404, "not-found")


async def test_what_others_need_stays(catalogue: AsgiClient, nowhere: str) -> None:
    """A university with courses and a prerequisite cannot be deleted."""
    university = await catalogue.get("/v1/universities/NOWHERE")
    created = await create(catalogue, nowhere)
    rule = {"kind": "course", "course": "CS101"}
    after = await create(catalogue, nowhere, code="CS102", prerequisites=rule)
    for path, reply in (("/v1/universities/NOWHERE", university), ("", created)):
        path = path or f"{nowhere}/CS101"
        refused = await catalogue.delete(path, headers=matching(reply))
        problem_of(refused, 409, "still-referenced")
        assert (await catalogue.get(path)).body == reply.body
    for reply in (after, created):
        location = reply.headers["location"]
        removed = await catalogue.delete(location, headers=matching(reply))
        assert removed.status == 204
    removed = await catalogue.delete(
        "/v1/universities/NOWHERE", headers=matching(university)
    )
    assert removed.status == 204


async def test_prefer_decides_about_the_body(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """return=minimal leaves the body out, and the answer says that it did."""
    minimal = {"prefer": "return=minimal"}
    created = await catalogue.post(nowhere, CS, headers=minimal)
    assert (created.status, created.body) == (201, b"")
    assert created.headers["preference-applied"] == "return=minimal"
    assert created.headers["vary"] == "prefer"
    headers = {**minimal, **matching(created)}
    changed = await catalogue.patch(f"{nowhere}/CS101", {"name": "X"}, headers=headers)
    assert (changed.status, changed.body) == (204, b"")
    assert (await catalogue.get(f"{nowhere}/CS101")).etag == changed.etag
    ignored = await catalogue.get(f"{nowhere}/CS101", headers={"prefer": "handling=x"})
    assert "preference-applied" not in ignored.headers


async def test_answered_is_committed(
    catalogue: AsgiClient, nowhere: str, database: Database
) -> None:
    """What a write has answered, the next read sees, on any connection."""
    for number in range(20):
        created = await create(catalogue, nowhere, code=f"N{number}")
        assert (await catalogue.get(created.headers["location"])).body == created.body
        row = await database.fetch_one(
            "SELECT count(*) FROM courses WHERE code = ?", (f"N{number}",)
        )
        assert row is not None
        assert row[0] == 1


def test_one_list_of_members() -> None:
    """What is shown is what a client sends, and what the server adds."""
    added = {"id", "version", "created_at", "updated_at", "university_id"}
    assert set(Course.model_fields) == set(CourseIn.model_fields) | added
