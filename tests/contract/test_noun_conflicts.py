"""What rows of every noun may not have at once, or without each other."""

from __future__ import annotations

import asyncio

from fixtures.asgi import AsgiClient
from fixtures.noun_requests import (
    NOBODY,
    every_noun,
    found,
    make,
    placed,
    with_references,
)
from fixtures.nouns import NounCase
from fixtures.replies import matching, pointers, problem_of
from fixtures.world import AWAY, HOME


@every_noun
async def test_what_is_taken_cannot_be_had_twice(
    world: AsgiClient, noun: NounCase
) -> None:
    """What must be unique is refused with 409 and a pointer, on each way of writing."""
    await make(world, noun)
    if not noun.taken:
        assert (await world.post(noun.collection, noun.minimal)).status == 201
        return
    posted = await world.post(noun.collection, noun.minimal)
    assert pointers(problem_of(posted, 409, "already-exists")) == set(noun.taken)
    other = await make(world, noun, noun.numbered(3))
    put = await world.put(other.path, noun.minimal, headers=matching(other))
    assert pointers(problem_of(put, 409, "already-exists")) == set(noun.taken)
    after = await world.get(other.path)
    assert after.body == other.body


@every_noun
async def test_one_of_many_at_once_makes_it(world: AsgiClient, noun: NounCase) -> None:
    """Of equal POSTs at the same time exactly one makes the row, the others get 409."""
    replies = await asyncio.gather(
        *(world.post(noun.collection, noun.minimal) for _ in range(8))
    )
    refused = 409 if noun.taken else 201
    assert sorted(reply.status for reply in replies) == [201, *[refused] * 7]


@every_noun
async def test_one_of_many_changes_wins(world: AsgiClient, noun: NounCase) -> None:
    """Of equal conditional writes at the same time one happens; no change gets lost."""
    shown = await make(world, noun, noun.full)
    replies = await asyncio.gather(
        *(
            world.patch(shown.path, noun.change, headers=matching(shown))
            for _ in range(8)
        )
    )
    assert sorted(reply.status for reply in replies) == [200, *[412] * 7]


@every_noun
async def test_a_repeated_post_has_one_effect(
    world: AsgiClient, noun: NounCase
) -> None:
    """The same Idempotency-Key gives the same answer; with other content it is 422."""
    headers = {"idempotency-key": '"k1"'}
    first = await world.post(noun.collection, noun.minimal, headers=headers)
    again = await world.post(noun.collection, noun.minimal, headers=headers)
    assert first.status == 201
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    for field in ("location", "etag"):
        assert again.headers[field] == first.headers[field]
    assert (again.status, again.body) == (first.status, first.body)
    other = await world.post(noun.collection, noun.numbered(3), headers=headers)
    problem_of(other, 422, "key-reused")


@with_references
async def test_what_is_referred_to_stays(
    world: AsgiClient, noun: NounCase, member: str
) -> None:
    """What a row refers to cannot be deleted; 409 names the row's kind."""
    if member in noun.within:
        return
    row = await make(world, noun, noun.full)
    target = f"{HOME}/{noun.refers[member]}/{found(row.json(), member)}"
    shown = await world.get(target)
    refused = await world.delete(target, headers=matching(shown))
    table = noun.collection.rpartition("/")[2].replace("-", " ")
    shown_name = row.json().get("code", row.json()["id"])
    detail = problem_of(refused, 409, "still-referenced")["detail"]
    if member in noun.through:
        assert noun.through[member] in detail
    else:
        assert table in detail or table.removesuffix("s") in detail
        assert shown_name in detail or row.json()["id"] in detail
    assert (await world.get(target)).etag == shown.etag


@with_references
async def test_nothing_refers_to_nothing(
    world: AsgiClient, noun: NounCase, member: str
) -> None:
    """A reference to nothing, or to another university's row, is refused: 422."""
    kind = noun.refers[member]
    theirs = await world.get(f"{AWAY}/{kind}/{found(noun.full, member)}")
    assert theirs.status == 200
    for key in (NOBODY, "NOBODY", theirs.json()["id"]):
        body = placed(noun.full, member, key)
        reply = await world.post(noun.collection, body)
        assert pointers(problem_of(reply, 422, "malformed")) == {f"/{member}"}


@every_noun
async def test_universities_do_not_see_each_other(
    world: AsgiClient, noun: NounCase
) -> None:
    """A row is not there under another university, neither by id nor by code."""
    if not noun.collection.startswith(HOME):
        return
    shown = await make(world, noun)
    there = noun.collection.replace(HOME, AWAY)
    listed = await world.get(there)
    assert shown.json()["id"] not in listed.body.decode()
    for key in (shown.json()["id"], noun.minimal.get("code", "NEW")):
        for method, body in (
            ("GET", None),
            ("PATCH", noun.change),
            ("DELETE", None),
        ):
            reply = await world.request(
                method, f"{there}/{key}", body, headers=matching(shown)
            )
            problem_of(reply, 404, "not-found")
    nowhere = noun.collection.replace(HOME, "/v1/universities/NOWHERE")
    problem_of(await world.get(nowhere), 404, "not-found")
    problem_of(await world.post(nowhere, noun.minimal), 404, "not-found")
