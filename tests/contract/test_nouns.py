"""What is true of every noun of the catalogue; ``fixtures.nouns`` lists them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from fixtures.asgi import AsgiClient
from fixtures.noun_requests import (
    NOBODY,
    every_noun,
    found,
    make,
    members,
    placed,
    template,
)
from fixtures.nouns import NOUNS, NounCase
from fixtures.replies import matching, pointers, problem_of
from fixtures.world import HOME

REVALIDATING = {"no-cache", "private, no-cache"}


@every_noun
@pytest.mark.parametrize("size", ["minimal", "full"])
async def test_post_makes_what_was_sent(
    world: AsgiClient, noun: NounCase, size: str
) -> None:
    """201 leads to a resource that has every member as sent, and the same ETag."""
    body = getattr(noun, size)
    created = await world.post(noun.collection, body)
    assert created.status == 201, created.body
    shown = await world.get(created.headers["location"])
    assert shown.status == 200
    assert (shown.body, shown.etag) == (created.body, created.etag)
    assert shown.headers["cache-control"] in REVALIDATING
    expected = await with_ids(world, noun, body)
    assert {member: shown.json()[member] for member in body} == expected


async def with_ids(world: AsgiClient, noun: NounCase, body: Any) -> Any:
    """Return a body with ids for codes, as it is shown."""
    for member, kind in noun.refers.items():
        if member.partition("/")[0] in body:
            target = await world.get(f"{HOME}/{kind}/{found(body, member)}")
            body = placed(body, member, target.json()["id"])
    ends = sorted(body[member] for member in noun.unordered)
    return {**body, **dict(zip(noun.unordered, ends, strict=True))}


@every_noun
async def test_codes_are_addresses(world: AsgiClient, noun: NounCase) -> None:
    """A row is found by its code where it has one, by its id, and by nothing else."""
    shown = await make(world, noun)
    key = noun.minimal.get("code", "NEW")
    by_code = await world.get(f"{noun.collection}/{key}")
    if noun.has_code:
        assert (by_code.status, by_code.body) == (200, shown.body)
    else:
        problem_of(by_code, 404, "not-found")
    for key in (NOBODY, "NOBODY", "%00", "a/b"):
        problem_of(await world.get(f"{noun.collection}/{key}"), 404, "not-found")


@every_noun
async def test_known_states_are_not_sent_again(
    world: AsgiClient, noun: NounCase
) -> None:
    """A GET with the present tag is answered 304 with tag and policy, without body."""
    shown = await make(world, noun)
    listed = await world.get(noun.collection)
    for reply in (shown, listed):
        for tag in (reply.etag, f"W/{reply.etag}", f'"x", {reply.etag}', "*"):
            again = await world.get(reply.path, headers={"if-none-match": tag})
            assert (again.status, again.body) == (304, b"")
            assert again.etag == reply.etag
            assert again.headers["cache-control"] == reply.headers["cache-control"]
        other = await world.get(reply.path, headers={"if-none-match": '"other"'})
        assert other.status == 200


@every_noun
async def test_a_collection_changes_its_tag_with_each_write(
    world: AsgiClient, noun: NounCase
) -> None:
    """Adding, changing and removing a row each give the collection a new tag."""
    tags = [(await world.get(noun.collection)).etag]
    shown = await make(world, noun, noun.full)
    tags.append((await world.get(noun.collection)).etag)
    same = await world.patch(shown.path, {}, headers=matching(shown))
    assert (same.status, same.etag) == (200, shown.etag)
    assert (await world.get(noun.collection)).etag == tags[-1]
    changed = await world.patch(shown.path, noun.change, headers=matching(shown))
    assert changed.status == 200, changed.body
    tags.append((await world.get(noun.collection)).etag)
    if "state" in noun.change:
        back = {"state": noun.full["state"]}
        changed = await world.patch(shown.path, back, headers=matching(changed))
        tags.append((await world.get(noun.collection)).etag)
    gone = await world.delete(shown.path, headers=matching(changed))
    assert gone.status == 204, gone.body
    tags.append((await world.get(noun.collection)).etag)
    assert len(set(tags)) == len(tags)


@every_noun
async def test_writes_need_the_present_tag(world: AsgiClient, noun: NounCase) -> None:
    """Without If-Match a write is refused with 428, with an old tag with 412."""
    shown = await make(world, noun, noun.full)
    stale = {"if-match": '"0.0"'}
    for method, body in (
        ("PUT", noun.full),
        ("PATCH", noun.change),
        ("DELETE", None),
    ):
        bare = await world.request(method, shown.path, body)
        assert "If-Match" in problem_of(bare, 428, "precondition-required")["detail"]
        late = await world.request(method, shown.path, body, headers=stale)
        problem_of(late, 412, "precondition-failed")
    after = await world.get(shown.path)
    assert (after.body, after.etag) == (shown.body, shown.etag)


@every_noun
async def test_patch_changes_what_it_names(world: AsgiClient, noun: NounCase) -> None:
    """A merge patch changes its members, removes what it says is null, and no more."""
    shown = await make(world, noun, noun.full)
    changed = await world.patch(shown.path, noun.change, headers=matching(shown))
    assert changed.status == 200, changed.body
    after = await world.get(shown.path)
    assert (after.body, after.etag) == (changed.body, changed.etag)
    assert after.etag != shown.etag
    before, now = shown.json(), after.json()
    for member, value in noun.change.items():
        if isinstance(value, dict):
            value = {**before[member], **value}
            value = {k: v for k, v in value.items() if v is not None}
        assert now[member] == value
    kept = set(before) - set(noun.change) - {"version", "updated_at"}
    assert {k: now[k] for k in kept} == {k: before[k] for k in kept}


@every_noun
async def test_put_twice_is_put_once(world: AsgiClient, noun: NounCase) -> None:
    """A PUT of what is there already changes nothing, not even the tag."""
    shown = await make(world, noun)
    first = await world.put(shown.path, noun.full, headers=matching(shown))
    assert first.status == 200, first.body
    assert first.etag != shown.etag
    second = await world.put(shown.path, noun.full, headers=matching(first))
    assert (second.status, second.body, second.etag) == (200, first.body, first.etag)


@every_noun
async def test_put_makes_by_code_only(world: AsgiClient, noun: NounCase) -> None:
    """A PUT to a free code makes the row, once; to a free id it finds nothing."""
    path = f"{noun.collection}/{noun.full.get('code', 'NEW')}"
    headers = {"if-none-match": "*"}
    made = await world.put(path, noun.full, headers=headers)
    if noun.has_code:
        assert made.status == 201, made.body
        shown = await world.get(made.headers["location"])
        assert (shown.body, shown.etag) == (made.body, made.etag)
        again = await world.put(path, noun.full, headers=headers)
        problem_of(again, 412, "precondition-failed")
        other = await world.put(f"{noun.collection}/OTHER", noun.full)
        assert pointers(problem_of(other, 422, "malformed")) == {"/code"}
    else:
        problem_of(made, 404, "not-found")
    problem_of(
        await world.put(f"{noun.collection}/{NOBODY}", noun.full), 404, "not-found"
    )


@every_noun
async def test_delete_twice(world: AsgiClient, noun: NounCase) -> None:
    """The first DELETE is answered 204; then there is nothing to read or delete."""
    shown = await make(world, noun, noun.full)
    gone = await world.delete(shown.path, headers=matching(shown))
    assert (gone.status, gone.body) == (204, b"")
    problem_of(await world.get(shown.path), 404, "not-found")
    again = await world.delete(shown.path, headers=matching(shown))
    problem_of(again, 404, "not-found")


@every_noun
async def test_tags_never_come_back(world: AsgiClient, noun: NounCase) -> None:
    """A row that is deleted and made again has a tag that was never used before."""
    first = await make(world, noun)
    await world.delete(first.path, headers=matching(first))
    second = await make(world, noun)
    assert second.etag != first.etag
    assert second.json()["id"] != first.json()["id"]


@every_noun
async def test_head_is_get_without_body(world: AsgiClient, noun: NounCase) -> None:
    """HEAD has the status and header fields of GET, and the server sends no body."""
    shown = await make(world, noun)
    for path in (shown.path, noun.collection, f"{noun.collection}/{NOBODY}"):
        get = await world.get(path)
        head = await world.request("HEAD", path)
        assert head.status == get.status
        changing = {"x-request-id", "content-length"}
        assert {k: v for k, v in head.headers.items() if k not in changing} == {
            k: v for k, v in get.headers.items() if k not in changing
        }


@every_noun
async def test_allow_is_exact(world: AsgiClient, noun: NounCase) -> None:
    """405 and OPTIONS name the methods that are offered, and those alone."""
    shown = await make(world, noun)
    for path, methods, refused in (
        (noun.collection, "GET HEAD OPTIONS POST", "PUT PATCH DELETE TRACE"),
        (shown.path, "DELETE GET HEAD OPTIONS PATCH PUT", "POST TRACE"),
    ):
        allowed = set(methods.split())
        options = await world.request("OPTIONS", path)
        assert options.status == 204
        assert set(options.headers["allow"].split(", ")) == allowed
        for method in refused.split():
            reply = await world.request(method, path)
            problem_of(reply, 405, "method-not-allowed")
            assert set(reply.headers["allow"].split(", ")) == allowed


def test_every_collection_is_tested() -> None:
    """Each collection that is served is a noun of this test, or has its own.

    Enrolments and requests name rows by id only; ``tests/unit/enrolments`` tries them.
    """
    session = "/v1/universities/{university}/sessions/{session}"
    elsewhere = {f"{session}/enrolments", f"{session}/requests"}
    assert elsewhere <= set(members())
    assert set(members()) - elsewhere == {template(n) for n in NOUNS.values()}


def test_ids_of_nobody_are_nobodys() -> None:
    """The id that the tests take for nobody's is one that could be somebody's."""
    assert uuid.UUID(NOBODY).version == 7
