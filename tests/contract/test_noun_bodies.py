"""What every noun of the catalogue takes and shows."""

from __future__ import annotations

from typing import Any

import jsonschema

from fixtures.asgi import AsgiClient
from fixtures.catalogue import catalogue_app
from fixtures.noun_requests import (
    every_noun,
    make,
    template,
)
from fixtures.nouns import NounCase
from fixtures.replies import matching, pointers, problem_of


@every_noun
async def test_unknown_members_are_refused(world: AsgiClient, noun: NounCase) -> None:
    """A member that nobody knows, or that only we set, stops a write."""
    shown = await make(world, noun)
    etag = (await world.get(noun.collection)).etag
    for member in ("colour", "id", "version", "created_at", "email_hash"):
        body = {**noun.numbered(1), member: "x"}
        posted = await world.post(noun.collection, body)
        assert pointers(problem_of(posted, 422, "malformed")) == {f"/{member}"}
        patched = await world.patch(shown.path, {member: "x"}, headers=matching(shown))
        assert pointers(problem_of(patched, 422, "malformed")) == {f"/{member}"}
    assert (await world.get(noun.collection)).etag == etag


@every_noun
async def test_wrong_types_are_refused(world: AsgiClient, noun: NounCase) -> None:
    """A value of another JSON type than described is refused, with a pointer to it."""
    wrong: tuple[Any, ...] = (True, 1.5, "\u0007", [[]], {"\u0007": 1})
    for member, value in noun.full.items():
        if value is None:
            continue
        for other in wrong:
            if type(other) is type(value) and isinstance(value, bool | float | str):
                continue
            reply = await world.post(noun.collection, {**noun.full, member: other})
            at = pointers(problem_of(reply, 422, "malformed"))
            assert all(p == f"/{member}" or p.startswith(f"/{member}/") for p in at)
    for raw in (b"[]", b"1", b'"x"', b"null"):
        headers = {"content-type": "application/json"}
        reply = await world.post(noun.collection, None, content=raw, headers=headers)
        problem_of(reply, 422, "malformed")


@every_noun
async def test_required_members_are_required(world: AsgiClient, noun: NounCase) -> None:
    """Without one of its least members a row is neither made nor left."""
    shown = await make(world, noun)
    for member in noun.minimal:
        without = {k: v for k, v in noun.minimal.items() if k != member}
        posted = await world.post(noun.collection, without)
        at = pointers(problem_of(posted, 422, "malformed"))
        assert at in ({f"/{member}"}, {""})  # or a rule about several members
        patched = await world.patch(shown.path, {member: None}, headers=matching(shown))
        problem_of(patched, 422, "malformed")


@every_noun
async def test_other_media_types_are_refused(world: AsgiClient, noun: NounCase) -> None:
    """Bodies of other types are answered 415 with those that would do."""
    shown = await make(world, noun)
    text = {"content-type": "text/plain"}
    posted = await world.post(noun.collection, noun.full, headers=text)
    problem_of(posted, 415, "unsupported-media-type")
    assert posted.headers["accept-post"] == "application/json"
    for media_type in ("application/json", "application/json-patch+json"):
        headers = {"content-type": media_type, **matching(shown)}
        patched = await world.patch(shown.path, noun.change, headers=headers)
        problem_of(patched, 415, "unsupported-media-type")
        assert patched.headers["accept-patch"] == "application/merge-patch+json"


@every_noun
async def test_answers_are_as_described(world: AsgiClient, noun: NounCase) -> None:
    """Every answer matches the schema that the OpenAPI document has for it."""
    document = catalogue_app().openapi()
    created = await world.post(noun.collection, noun.full)
    shown = await world.get(created.headers["location"])
    await make(world, noun, noun.numbered(1))
    part = await world.get(f"{noun.collection}?fields=version&limit=1")
    taken = await world.post(noun.collection, noun.full)
    patched = await world.patch(shown.path, noun.change, headers=matching(shown))
    replaced = await world.put(shown.path, noun.full, headers=matching(patched))
    bare = await world.delete(shown.path)
    one, many = template(noun, is_member=True), template(noun)
    for reply, method, path in (
        (created, "post", many),
        (taken, "post", many),
        (await world.get(noun.collection), "get", many),
        (part, "get", many),
        (shown, "get", one),
        (patched, "patch", one),
        (replaced, "put", one),
        (bare, "delete", one),
    ):
        described = document["paths"][path][method]["responses"][str(reply.status)]
        media_type = reply.headers["content-type"]
        schema = described["content"][media_type]["schema"]
        whole = {**schema, "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(reply.json())
