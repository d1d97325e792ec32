"""Tags and conditions of the catalogue, shown with courses."""

from __future__ import annotations

import asyncio

from fixtures.asgi import AsgiClient
from fixtures.courses import CS, create
from fixtures.replies import matching, problem_of


async def test_known_states_are_not_sent_again(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """If-None-Match gives 304 with the fields of a 200 and no body, also to HEAD."""
    created = await create(catalogue, nowhere)
    for path in (created.headers["location"], nowhere, "/v1/universities"):
        got = await catalogue.get(path)
        assert got.headers["cache-control"] == "no-cache"
        for value in (got.etag, f"W/{got.etag}", f'"x", {got.etag}', "*"):
            for method in ("GET", "HEAD"):
                reply = await catalogue.request(
                    method, path, headers={"if-none-match": value}
                )
                assert (reply.status, reply.body) == (304, b"")
                assert reply.etag == got.etag
                assert reply.headers["cache-control"] == "no-cache"
                assert "content-type" not in reply.headers
        reply = await catalogue.get(path, headers={"if-none-match": '"other"'})
        assert (reply.status, reply.body) == (200, got.body)


async def test_writes_need_the_state_that_they_change(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """Without If-Match 428, with an old one 412; neither changes anything."""
    old = await create(catalogue, nowhere)
    path = f"{nowhere}/CS101"
    now = await catalogue.patch(path, {"name": "New"}, headers=matching(old))
    assert now.status == 200
    for method, body in (("PUT", CS), ("PATCH", {"name": "X"}), ("DELETE", None)):
        reply = await catalogue.request(method, path, body)
        assert "If-Match" in problem_of(reply, 428, "precondition-required")["detail"]
        for value in (old.etag, f"W/{now.etag}", '"none"'):
            reply = await catalogue.request(
                method, path, body, headers={"if-match": value}
            )
            problem_of(reply, 412, "precondition-failed")
        reply = await catalogue.request(
            method, path, body, headers={"if-match": "nonsense"}
        )
        problem_of(reply, 400, "unreadable")
    assert (await catalogue.get(path)).body == now.body


async def test_missing_comes_before_conditions(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """If-Match on what does not exist is 404, or 412 where a PUT could make it."""
    headers = {"if-match": '"1"'}
    path = f"{nowhere}/CS101"
    problem_of(await catalogue.patch(path, {}, headers=headers), 404, "not-found")
    problem_of(await catalogue.delete(path, headers=headers), 404, "not-found")
    reply = await catalogue.put(path, CS, headers=headers)
    problem_of(reply, 412, "precondition-failed")


async def test_tags_do_not_come_back(catalogue: AsgiClient, nowhere: str) -> None:
    """Deleted and made again with the same content, a course has another tag."""
    seen = set()
    for _ in range(3):
        reply = await create(catalogue, nowhere)
        seen.add(reply.etag)
        reply = await catalogue.delete(f"{nowhere}/CS101", headers=matching(reply))
        assert (reply.status, reply.body) == (204, b"")
        seen.add((await catalogue.get(nowhere)).etag)
    assert len(seen) == 6


async def test_equal_bytes_have_equal_tags(catalogue: AsgiClient, nowhere: str) -> None:
    """The tag changes exactly when the representation does."""
    await create(catalogue, nowhere)
    path = f"{nowhere}/CS101"
    seen: dict[str, bytes] = {}
    for name in ("A", "A", "B", "B", "A"):
        before = await catalogue.get(path)
        reply = await catalogue.patch(path, {"name": name}, headers=matching(before))
        assert (reply.etag == before.etag) == (reply.body == before.body)
        assert seen.setdefault(reply.etag, reply.body) == reply.body
    assert len(seen) == 3


async def test_only_one_creation_wins(catalogue: AsgiClient, nowhere: str) -> None:
    """Of ten PUTs that must create, exactly one answers 201 and the others 412."""
    headers = {"if-none-match": "*"}
    replies = await asyncio.gather(
        *(
            catalogue.put(f"{nowhere}/CS101", {**CS, "name": str(n)}, headers=headers)
            for n in range(10)
        )
    )
    assert sorted(reply.status for reply in replies) == [201, *[412] * 9]
    (winner,) = (reply for reply in replies if reply.status == 201)
    assert (await catalogue.get(f"{nowhere}/CS101")).body == winner.body


async def test_only_one_change_of_a_state_wins(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """Of ten changes of the same state, exactly one happens."""
    created = await create(catalogue, nowhere)
    path = f"{nowhere}/CS101"
    replies = await asyncio.gather(
        *(
            catalogue.patch(path, {"credits": float(n)}, headers=matching(created))
            for n in range(10)
        )
    )
    assert sorted(reply.status for reply in replies) == [200, *[412] * 9]
    (winner,) = (reply for reply in replies if reply.status == 200)
    assert (await catalogue.get(path)).body == winner.body
