"""Collections of the catalogue, page by page."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from collegium.rest.pages import DEFAULT_LIMIT, LARGEST_LIMIT
from fixtures.asgi import AsgiClient, Reply


async def add(client: AsgiClient, courses: str, code: str, **members: Any) -> Reply:
    """Add a course."""
    reply = await client.post(courses, {"code": code, "name": code, **members})
    assert reply.status == 201
    return reply


async def walk(client: AsgiClient, path: str | None, way: str = "next") -> list[str]:
    """Return all codes from a page on, in the order in which they are met."""
    found: list[str] = []
    while path is not None:
        reply = await client.get(path)
        assert reply.status == 200, reply.body
        codes = [item["code"] for item in reply.json()["items"]]
        found += codes if way == "next" else reversed(codes)
        path = reply.json()[way]
    return found


def links_of(reply: Reply) -> dict[str, str]:
    """Return the addresses of the Link header by their relation."""
    pairs = re.findall(r'<([^>]*)>; rel="(\w+)"', reply.headers["link"])
    return {rel: url for url, rel in pairs}


async def test_pages_cover_everything_once(catalogue: AsgiClient, nowhere: str) -> None:
    """Walked forward or backward, whatever the page's length, each item comes once."""
    codes = [f"C{number:02}" for number in range(23)]
    for code in random.Random(1).sample(codes, len(codes)):
        await add(catalogue, nowhere, code)
    for limit in (1, 5, 22, 23, 24):
        assert await walk(catalogue, f"{nowhere}?limit={limit}") == codes
        last = f"{nowhere}?limit={limit}&sort=-code"
        assert await walk(catalogue, last) == codes[::-1]


async def test_pages_are_never_older_than_the_collection(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """A page asked for again and again shows each change that happened between."""
    path = f"{nowhere}?limit=2"
    assert (await catalogue.get(path)).json()["items"] == []
    course = await add(catalogue, nowhere, "C1")
    first = await catalogue.get(path)
    again = await catalogue.get(path)
    assert (again.body, again.headers["link"]) == (first.body, first.headers["link"])
    assert [item["code"] for item in again.json()["items"]] == ["C1"]
    url = f"{nowhere}/C1"
    etag = {"if-match": course.etag}
    await catalogue.patch(url, {"name": "changed"}, headers=etag)
    assert (await catalogue.get(path)).json()["items"][0]["name"] == "changed"
    with_fields = await catalogue.get(f"{path}&fields=code")
    assert list(with_fields.json()["items"][0]) == ["id", "code"]
    etag = {"if-match": (await catalogue.get(url)).etag}
    await catalogue.delete(url, headers=etag)
    assert (await catalogue.get(path)).json()["items"] == []


async def test_pages_of_a_code_follow_whoever_has_it(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """When a university's code goes to another, its addresses show the other's rows."""
    await add(catalogue, nowhere, "C1")
    assert len((await catalogue.get(nowhere)).json()["items"]) == 1
    url = "/v1/universities/NOWHERE"
    etag = {"if-match": (await catalogue.get(url)).etag}
    await catalogue.patch(url, {"code": "ELSEWHERE"}, headers=etag)
    await catalogue.post("/v1/universities", {"code": "NOWHERE", "name": "N"})
    assert (await catalogue.get(nowhere)).json()["items"] == []
    there = (await catalogue.get("/v1/universities/ELSEWHERE/courses")).json()
    assert [item["code"] for item in there["items"]] == ["C1"]


async def test_back_is_the_way_that_was_come(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """From the last page, prev leads over the same items back to the first."""
    for number in range(10):
        await add(catalogue, nowhere, f"C{number}")
    pages: list[Any] = []
    path: str | None = f"{nowhere}?limit=4"
    while path is not None:
        reply = await catalogue.get(path)
        pages.append(reply.json()["items"])
        path = reply.json()["next"]
    back = [reply.json()["items"]]
    while reply.json()["prev"] is not None:
        reply = await catalogue.get(reply.json()["prev"])
        back.insert(0, reply.json()["items"])
    assert back == pages
    first = await catalogue.get(links_of(reply)["first"])
    assert first.json()["items"] == pages[0]


async def test_body_and_header_have_the_same_links(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """Link and body agree; other query parameters stay in the links."""
    for number in range(9):
        await add(catalogue, nowhere, f"C{number}", subject_code="CS")
    reply = await catalogue.get(f"{nowhere}?limit=3&subject_code=CS&sort=-code")
    for _ in range(3):
        links = links_of(reply)
        assert links.get("next") == reply.json()["next"]
        assert links.get("prev") == reply.json()["prev"]
        for url in links.values():
            assert "subject_code=CS" in url
            assert "limit=3" in url
        if "next" in links:
            reply = await catalogue.get(links["next"])
    assert "next" not in links


async def test_what_stays_is_met_exactly_once(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """While others come and go, items that stay are neither lost nor repeated."""
    chance = random.Random(7)
    stay = [f"S{number:03}" for number in range(0, 60, 2)]
    etags = {code: (await add(catalogue, nowhere, code)).etag for code in stay}
    others: dict[str, str] = {}
    found: list[str] = []
    path: str | None = f"{nowhere}?limit=4"
    while path is not None:
        reply = await catalogue.get(path)
        found += [item["code"] for item in reply.json()["items"]]
        path = reply.json()["next"]
        for _ in range(3):
            code = f"S{chance.randrange(60):03}x"
            if code in others:
                headers = {"if-match": others.pop(code)}
                await catalogue.delete(f"{nowhere}/{code}", headers=headers)
            else:
                others[code] = (await add(catalogue, nowhere, code)).etag
    assert [code for code in found if code in etags] == stay
    assert len(found) == len(set(found))


@pytest.mark.parametrize("limit", ["0", "-1", str(LARGEST_LIMIT + 1), "x", "1.5", ""])
async def test_limits_are_bounded(
    catalogue: AsgiClient, nowhere: str, limit: str
) -> None:
    """A page has between one and the documented number of items."""
    reply = await catalogue.get(f"{nowhere}?limit={limit}")
    assert reply.status == 422
    assert reply.json()["errors"][0]["pointer"] == "/limit"


async def test_default_length(catalogue: AsgiClient, nowhere: str) -> None:
    """Without a limit a page has the documented length."""
    for number in range(DEFAULT_LIMIT + 1):
        await add(catalogue, nowhere, f"C{number}")
    assert len((await catalogue.get(nowhere)).json()["items"]) == DEFAULT_LIMIT


@pytest.mark.parametrize(
    "query", ["cursor=abc", "cursor=", "other=1", "sort=id", "sort=credits", "q=a&q=b"]
)
async def test_bad_queries_are_refused(
    catalogue: AsgiClient, nowhere: str, query: str
) -> None:
    """Made-up cursors, unknown parameters and orders are refused with 422."""
    reply = await catalogue.get(f"{nowhere}?{query}")
    assert (reply.status, reply.json()["type"]) == (422, "/problems/malformed")


async def test_cursors_belong_to_their_walk(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """A cursor cannot be used with another order or filter."""
    for number in range(3):
        await add(catalogue, nowhere, f"C{number}", subject_code="CS")
    path = (await catalogue.get(f"{nowhere}?limit=1")).json()["next"]
    assert (await catalogue.get(path)).status == 200
    for extra in ("sort=name", "subject_code=CS", "q=C"):
        assert (await catalogue.get(f"{path}&{extra}")).status == 422


async def test_filters_and_prefixes(catalogue: AsgiClient, nowhere: str) -> None:
    """Items can be chosen by value, or by the beginning of their code."""
    await add(catalogue, nowhere, "CS101", subject_code="CS", level="bachelor")
    await add(catalogue, nowhere, "CS102", subject_code="CS", level="master")
    await add(catalogue, nowhere, "MA101", subject_code="MA", level="bachelor")
    for query, codes in (
        ("code=CS102", ["CS102"]),
        ("subject_code=CS", ["CS101", "CS102"]),
        ("subject_code=CS&level=master", ["CS102"]),
        ("level=none", []),
        ("q=CS", ["CS101", "CS102"]),
        ("q=CS102", ["CS102"]),
        ("q=Z", []),
    ):
        assert await walk(catalogue, f"{nowhere}?{query}&limit=1") == codes


async def test_collections_have_the_tag_of_their_state(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """Each change of any item changes the tag of its collection, and no other's."""
    await catalogue.post("/v1/universities", {"code": "OTHER", "name": "Other"})
    other = "/v1/universities/OTHER/courses"
    seen = [(await catalogue.get(nowhere)).etag]
    elsewhere = (await catalogue.get(other)).etag
    created = await add(catalogue, nowhere, "A")
    seen.append((await catalogue.get(nowhere)).etag)
    changed = await catalogue.patch(
        f"{nowhere}/A", {"name": "B"}, headers={"if-match": created.etag}
    )
    seen.append((await catalogue.get(nowhere)).etag)
    await catalogue.delete(f"{nowhere}/A", headers={"if-match": changed.etag})
    seen.append((await catalogue.get(nowhere)).etag)
    assert len(set(seen)) == 4
    assert (await catalogue.get(other)).etag == elsewhere
