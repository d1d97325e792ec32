"""POSTs that are sent again with their Idempotency-Key."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

from collegium.db import answers
from collegium.db.database import Database
from collegium.db.work import Work, timestamp, utc_clock
from fixtures.asgi import AsgiClient

CS = {"code": "CS101", "name": "Programming"}
KEY = {"idempotency-key": '"one"'}


async def codes_of(client: AsgiClient, courses: str) -> list[str]:
    """Return the codes of all courses."""
    return [item["code"] for item in (await client.get(courses)).json()["items"]]


async def test_repeated_is_done_once(catalogue: AsgiClient, nowhere: str) -> None:
    """The same request again gets the same answer, marked, and no second effect."""
    first = await catalogue.post(nowhere, CS, headers=KEY)
    second = await catalogue.post(nowhere, CS, headers=KEY)
    assert (first.status, second.status) == (201, 201)
    assert second.body == first.body
    assert second.etag == first.etag
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await codes_of(catalogue, nowhere) == ["CS101"]


async def test_many_at_once_are_one(catalogue: AsgiClient, nowhere: str) -> None:
    """Of twenty equal requests at once one acts; all get its answer."""
    replies = await asyncio.gather(
        *(catalogue.post(nowhere, CS, headers=KEY) for _ in range(20))
    )
    assert {reply.status for reply in replies} <= {201, 409}
    assert len({reply.body for reply in replies if reply.status == 201}) == 1
    for reply in replies:
        if reply.status == 409:
            assert int(reply.headers["retry-after"]) >= 1
    assert await codes_of(catalogue, nowhere) == ["CS101"]
    again = await catalogue.post(nowhere, CS, headers=KEY)
    assert again.headers["idempotent-replayed"] == "true"


async def test_another_request_under_the_key(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """A key that came with other content is refused and does nothing."""
    await catalogue.post(nowhere, CS, headers=KEY)
    reply = await catalogue.post(nowhere, {**CS, "code": "CS102"}, headers=KEY)
    assert (reply.status, reply.json()["type"]) == (422, "/problems/key-reused")
    assert await codes_of(catalogue, nowhere) == ["CS101"]


async def test_keys_belong_to_their_address(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """The same key at another collection is another key."""
    await catalogue.post("/v1/universities", {"code": "B", "name": "B"})
    first = await catalogue.post(nowhere, CS, headers=KEY)
    other = await catalogue.post("/v1/universities/B/courses", CS, headers=KEY)
    assert (first.status, other.status) == (201, 201)
    assert "idempotent-replayed" not in other.headers


async def test_errors_are_not_kept(catalogue: AsgiClient, nowhere: str) -> None:
    """A request that failed changed nothing, so its key is still free."""
    headers = {"idempotency-key": '"two"'}
    await catalogue.post(nowhere, CS)
    refused = await catalogue.post(nowhere, CS, headers=headers)
    assert refused.status == 409
    state = await catalogue.get(f"{nowhere}/CS101")
    await catalogue.delete(f"{nowhere}/CS101", headers={"if-match": state.etag})
    assert (await catalogue.post(nowhere, CS, headers=headers)).status == 201


async def test_bad_keys_are_refused(catalogue: AsgiClient, nowhere: str) -> None:
    """A key that is no quoted text is an error, not no key."""
    for key in ('"open', "a b", ""):
        reply = await catalogue.post(nowhere, CS, headers={"idempotency-key": key})
        assert (reply.status, reply.json()["type"]) == (400, "/problems/unreadable")
    assert await codes_of(catalogue, nowhere) == []


async def test_answers_expire(
    catalogue: AsgiClient, nowhere: str, database: Database
) -> None:
    """After its time an answer is forgotten, before it is not."""
    await catalogue.post(nowhere, CS, headers=KEY)

    async def forget(after: datetime.timedelta) -> int:
        async with database.transaction() as transaction:
            now = timestamp(utc_clock() + after)
            return await answers.forget_expired(Work(transaction, now), limit=10)

    minute = datetime.timedelta(minutes=1)
    assert await forget(answers.KEPT - minute) == 0
    assert await forget(answers.KEPT + minute) == 1
    reply: Any = await catalogue.post(nowhere, CS, headers=KEY)
    assert reply.status == 409
