"""Pages, orders, conditions and fields of every noun's collection."""

from __future__ import annotations

import itertools
from typing import Any

from fixtures.asgi import AsgiClient
from fixtures.catalogue import catalogue_app
from fixtures.noun_requests import (
    NOBODY,
    every_noun,
    make,
    template,
)
from fixtures.nouns import NounCase
from fixtures.replies import matching, pointers, problem_of


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
    assert pointers(problem_of(unknown, 422, "malformed")) == {"/fields"}


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
        body = problem_of(
            await world.get(f"{noun.collection}?{query}"), 422, "malformed"
        )
        assert pointers(body) == {"/" + query.partition("=")[0]}
    twice = await world.get(f"{noun.collection}?limit=1&limit=2")
    problem_of(twice, 422, "malformed")
    shown = await make(world, noun)
    problem_of(await world.get(f"{shown.path}?a=b"), 422, "malformed")
