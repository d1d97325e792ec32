"""What is true of every noun of the catalogue; ``fixtures.nouns`` lists them."""

from __future__ import annotations

import asyncio
import copy
import functools
import itertools
import uuid
from typing import Any

import jsonschema
import pytest

from fixtures.asgi import AsgiClient, Reply
from fixtures.catalogue import catalogue_app
from fixtures.nouns import NOUNS, NounCase
from fixtures.world import AWAY, HOME

NOBODY = "00000000-0000-7000-8000-000000000000"
REVALIDATING = {"no-cache", "private, no-cache"}

every_noun = pytest.mark.parametrize("noun", NOUNS.values(), ids=NOUNS)
with_references = pytest.mark.parametrize(
    ("noun", "member"),
    [
        pytest.param(noun, member, id=f"{name}-{member}")
        for name, noun in NOUNS.items()
        for member in noun.refers
    ],
)


def problem(reply: Reply, status: int, slug: str) -> dict[str, Any]:
    """Return the problem document of an answer after a look at its form."""
    assert reply.status == status, reply.body
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["cache-control"] == "no-store"
    body = reply.json()
    assert body["status"] == status
    assert body["type"] == f"/problems/{slug}", body
    assert body["detail"]
    return body


def pointers(body: dict[str, Any]) -> set[str]:
    """Return the members that a problem is about."""
    return {error["pointer"] for error in body["errors"]}


async def make(client: AsgiClient, noun: NounCase, body: Any = None) -> Reply:
    """Return the answer to a POST that has made a row, read from its own address."""
    created = await client.post(noun.collection, body or noun.minimal)
    assert created.status == 201, created.body
    return await client.get(created.headers["location"])


def matching(reply: Reply) -> dict[str, str]:
    """Return the condition that a row is as it was read."""
    return {"if-match": reply.etag}


def placed(body: Any, member: str, value: Any) -> dict[str, Any]:
    """Return a body with another value at a path of members and indices."""
    changed: dict[str, Any] = copy.deepcopy(dict(body))
    *path, last = member.split("/")
    inner: Any = changed
    for step in path:
        inner = inner[int(step) if isinstance(inner, list) else step]
    inner[int(last) if isinstance(inner, list) else last] = value
    return changed


def found(body: Any, member: str) -> Any:
    """Return the value at a path of members and indices."""
    for step in member.split("/"):
        body = body[int(step) if isinstance(body, list) else step]
    return body


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
        problem(by_code, 404, "not-found")
    for key in (NOBODY, "NOBODY", "%00", "a/b"):
        problem(await world.get(f"{noun.collection}/{key}"), 404, "not-found")


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
        assert "If-Match" in problem(bare, 428, "precondition-required")["detail"]
        late = await world.request(method, shown.path, body, headers=stale)
        problem(late, 412, "precondition-failed")
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
        problem(again, 412, "precondition-failed")
        other = await world.put(f"{noun.collection}/OTHER", noun.full)
        assert pointers(problem(other, 422, "malformed")) == {"/code"}
    else:
        problem(made, 404, "not-found")
    problem(await world.put(f"{noun.collection}/{NOBODY}", noun.full), 404, "not-found")


@every_noun
async def test_delete_twice(world: AsgiClient, noun: NounCase) -> None:
    """The first DELETE is answered 204; then there is nothing to read or delete."""
    shown = await make(world, noun, noun.full)
    gone = await world.delete(shown.path, headers=matching(shown))
    assert (gone.status, gone.body) == (204, b"")
    problem(await world.get(shown.path), 404, "not-found")
    again = await world.delete(shown.path, headers=matching(shown))
    problem(again, 404, "not-found")


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
            problem(reply, 405, "method-not-allowed")
            assert set(reply.headers["allow"].split(", ")) == allowed


@every_noun
async def test_unknown_members_are_refused(world: AsgiClient, noun: NounCase) -> None:
    """A member that nobody knows, or that only we set, stops a write."""
    shown = await make(world, noun)
    etag = (await world.get(noun.collection)).etag
    for member in ("colour", "id", "version", "created_at", "email_hash"):
        body = {**noun.numbered(1), member: "x"}
        posted = await world.post(noun.collection, body)
        assert pointers(problem(posted, 422, "malformed")) == {f"/{member}"}
        patched = await world.patch(shown.path, {member: "x"}, headers=matching(shown))
        assert pointers(problem(patched, 422, "malformed")) == {f"/{member}"}
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
            at = pointers(problem(reply, 422, "malformed"))
            assert all(p == f"/{member}" or p.startswith(f"/{member}/") for p in at)
    for raw in (b"[]", b"1", b'"x"', b"null"):
        headers = {"content-type": "application/json"}
        reply = await world.post(noun.collection, None, content=raw, headers=headers)
        problem(reply, 422, "malformed")


@every_noun
async def test_required_members_are_required(world: AsgiClient, noun: NounCase) -> None:
    """Without one of its least members a row is neither made nor left."""
    shown = await make(world, noun)
    for member in noun.minimal:
        without = {k: v for k, v in noun.minimal.items() if k != member}
        posted = await world.post(noun.collection, without)
        at = pointers(problem(posted, 422, "malformed"))
        assert at in ({f"/{member}"}, {""})  # or a rule about several members
        patched = await world.patch(shown.path, {member: None}, headers=matching(shown))
        problem(patched, 422, "malformed")


@every_noun
async def test_other_media_types_are_refused(world: AsgiClient, noun: NounCase) -> None:
    """Bodies of other types are answered 415 with those that would do."""
    shown = await make(world, noun)
    text = {"content-type": "text/plain"}
    posted = await world.post(noun.collection, noun.full, headers=text)
    problem(posted, 415, "unsupported-media-type")
    assert posted.headers["accept-post"] == "application/json"
    for media_type in ("application/json", "application/json-patch+json"):
        headers = {"content-type": media_type, **matching(shown)}
        patched = await world.patch(shown.path, noun.change, headers=headers)
        problem(patched, 415, "unsupported-media-type")
        assert patched.headers["accept-patch"] == "application/merge-patch+json"


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
    assert pointers(problem(posted, 409, "already-exists")) == set(noun.taken)
    other = await make(world, noun, noun.numbered(3))
    put = await world.put(other.path, noun.minimal, headers=matching(other))
    assert pointers(problem(put, 409, "already-exists")) == set(noun.taken)
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
    problem(other, 422, "key-reused")


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
    detail = problem(refused, 409, "still-referenced")["detail"]
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
        assert pointers(problem(reply, 422, "malformed")) == {f"/{member}"}


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
            problem(reply, 404, "not-found")
    nowhere = noun.collection.replace(HOME, "/v1/universities/NOWHERE")
    problem(await world.get(nowhere), 404, "not-found")
    problem(await world.post(nowhere, noun.minimal), 404, "not-found")


@every_noun
async def test_pages_neither_skip_nor_repeat(world: AsgiClient, noun: NounCase) -> None:
    """Whatever comes and goes between pages, rows that stay are met exactly once."""
    early = [await make(world, noun, noun.numbered(i)) for i in (0, 2, 4, 6, 8)]
    stays = {reply.json()["id"] for reply in early[:2] + early[3:]}
    late = iter([1, 3, 5, 7])
    seen: list[str] = []
    path: str | None = f"{noun.collection}?limit=2"
    while path is not None:
        page = await world.get(path)
        assert page.status == 200, page.body
        items = page.json()["items"]
        assert 1 <= len(items) <= 2
        seen.extend(item["id"] for item in items)
        path = page.json()["next"]
        assert (path is None) == ('rel="next"' not in page.headers["link"])
        assert path is None or f'<{path}>; rel="next"' in page.headers["link"]
        if len(seen) == 2:
            await world.delete(early[2].path, headers=matching(early[2]))
        for number in itertools.islice(late, 1):
            await make(world, noun, noun.numbered(number))
    assert len(set(seen)) == len(seen)
    assert stays <= set(seen)


@every_noun
async def test_pages_go_back(world: AsgiClient, noun: NounCase) -> None:
    """The link back leads to the page before, in the same order."""
    for i in range(6):
        await make(world, noun, noun.numbered(i))
    first = await world.get(f"{noun.collection}?limit=3")
    assert first.json()["prev"] is None
    second = await world.get(first.json()["next"])
    back = await world.get(second.json()["prev"])
    assert back.json()["items"] == first.json()["items"]
    assert f'<{noun.collection}?limit=3>; rel="first"' in second.headers["link"]


@every_noun
async def test_lists_are_sorted_as_asked(world: AsgiClient, noun: NounCase) -> None:
    """Every order that is offered holds over the pages, upwards and downwards."""
    for i in range(6):
        await make(world, noun, noun.numbered(i))
    for sort in offered(noun, "sort"):
        rows: list[dict[str, Any]] = []
        path: str | None = f"{noun.collection}?limit=2&sort={sort}"
        while path is not None:
            page = (await world.get(path)).json()
            rows.extend(page["items"])
            path = page["next"]
        column = sort.removeprefix("-")
        keys = [(row[column], row["id"]) for row in rows]
        assert keys == sorted(keys, reverse=sort.startswith("-"))
        assert len({row["id"] for row in rows}) == len(rows) >= 6


@every_noun
async def test_lists_are_filtered_as_asked(world: AsgiClient, noun: NounCase) -> None:
    """Every condition that is offered finds the row that meets it, and only such."""
    row = (await make(world, noun, noun.full)).json()
    for name in offered(noun, None):
        value = row[{"q": "code"}.get(name, name)]
        if value is None:
            continue
        query = {name: value, "limit": 200}
        items = (await world.get(noun.collection, query=query)).json()["items"]
        assert row["id"] in [item["id"] for item in items]
        assert all(item[{"q": "code"}.get(name, name)] == value for item in items)
        others = await world.get(noun.collection, query={name: other_than(value)})
        if others.status == 200:
            assert row["id"] not in others.body.decode()


def other_than(value: str) -> str:
    """Return a text of the same kind that no row has."""
    return NOBODY if len(value) == 36 else f"{value}X"


def offered(noun: NounCase, name: str | None) -> list[str]:
    """Return the values that a query parameter may have, or all conditions."""
    operation = catalogue_app().openapi()["paths"][template(noun)]["get"]
    parameters = {
        p["name"]: p["schema"] for p in operation["parameters"] if "$ref" not in p
    }
    if name is not None:
        return list(parameters[name]["enum"])
    general = {"university", "session", "sort", "limit", "cursor", "fields"}
    return sorted(set(parameters) - general)


@every_noun
async def test_lists_show_the_fields_asked_for(
    world: AsgiClient, noun: NounCase
) -> None:
    """``fields`` reduces the items to those members and the id, also on next pages."""
    for i in range(4):
        await make(world, noun, noun.numbered(i))
    path = f"{noun.collection}?fields=version,created_at&limit=2"
    for _ in range(2):
        page = (await world.get(path)).json()
        for item in page["items"]:
            assert set(item) == {"id", "version", "created_at"}
        path = page["next"]
    unknown = await world.get(f"{noun.collection}?fields=id,email_hash")
    assert pointers(problem(unknown, 422, "malformed")) == {"/fields"}


MEANINGLESS = (
    "limit=0",
    "limit=201",
    "limit=x",
    "sort=colour",
    "colour=red",
    "cursor=AAAA",
    "fields=",
    "fields=,",
)


@every_noun
async def test_queries_that_mean_nothing_are_refused(
    world: AsgiClient, noun: NounCase
) -> None:
    """A wrong or unknown query parameter is refused, and named."""
    for query in MEANINGLESS:
        body = problem(await world.get(f"{noun.collection}?{query}"), 422, "malformed")
        assert pointers(body) == {"/" + query.partition("=")[0]}
    twice = await world.get(f"{noun.collection}?limit=1&limit=2")
    problem(twice, 422, "malformed")
    shown = await make(world, noun)
    problem(await world.get(f"{shown.path}?a=b"), 422, "malformed")


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


def template(noun: NounCase, *, is_member: bool = False) -> str:
    """Return the path of a noun as the OpenAPI document has it."""
    path = noun.collection.replace(HOME, "/v1/universities/{university}")
    path = path.replace("/sessions/TERM/", "/sessions/{session}/")
    return members()[path] if is_member else path


@functools.cache
def members() -> dict[str, str]:
    """Return the path of the members of each collection that is served."""
    paths = catalogue_app().openapi()["paths"]
    return {
        collection: path
        for path in paths
        for collection, _, last in [path.rpartition("/")]
        if last.startswith("{") and collection in paths and "put" in paths[path]
    }


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
