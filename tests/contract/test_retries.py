"""Transactions of PostgreSQL that meet others, and are done again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from collegium.db.database import Database, Transaction
from collegium.db.retries import TRIES, in_transaction
from fixtures.asgi import AsgiClient

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

CS = {"code": "CS101", "name": "Programming"}
FAILURES = """
CREATE SEQUENCE tries;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence is not set back with the transaction.
    IF nextval('tries') <= {count} THEN
        RAISE EXCEPTION 'another was in the way' USING ERRCODE = '{code}';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON courses
FOR EACH ROW EXECUTE FUNCTION fail();
"""
STATES = ["40001", "40P01"]


async def _tries(database: Database) -> int:
    row = await database.fetch_one("SELECT last_value FROM tries")
    assert row is not None
    return int(row[0])


async def _write(client: AsgiClient, courses: str, method: str) -> Any:
    """Send a write of each kind to a course that is there, but for POST."""
    if method == "POST":
        key = {"idempotency-key": '"one"'}
        return await client.post(courses, {**CS, "code": "NEW"}, headers=key)
    url = f"{courses}/CS101"
    etag = {"if-match": (await client.get(url)).etag}
    body = {"DELETE": None, "PATCH": {"name": "new"}}.get(method, {**CS, "name": "new"})
    return await client.request(method, url, body, headers=etag)


@pytest.mark.parametrize("code", STATES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_what_met_another_is_done_again(
    catalogue: AsgiClient, nowhere: str, database: Database, method: str, code: str
) -> None:
    """A write that the database refuses all but the last time succeeds, once."""
    await catalogue.post(nowhere, CS)
    await database.run_script(FAILURES.format(count=TRIES - 1, code=code))
    reply = await _write(catalogue, nowhere, method)
    assert reply.status in (200, 201, 204)
    assert await _tries(database) == TRIES
    codes = [item["code"] for item in (await catalogue.get(nowhere)).json()["items"]]
    assert codes == {"POST": ["CS101", "NEW"], "DELETE": []}.get(method, ["CS101"])


@pytest.mark.parametrize("code", STATES)
async def test_tries_are_bounded(
    catalogue: AsgiClient, nowhere: str, database: Database, code: str
) -> None:
    """A write that fails each time is answered 503 with a time to come back."""
    await database.run_script(FAILURES.format(count=1000, code=code))
    reply = await _write(catalogue, nowhere, "POST")
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) >= 1
    assert await _tries(database) == TRIES
    assert (await catalogue.get(nowhere)).json()["items"] == []


async def test_two_that_wait_for_each_other_both_end(
    nowhere: str, database: Database
) -> None:
    """Of two transactions in a real deadlock one is done again, and both commit."""
    await database.run_script(
        "CREATE TABLE counters (id integer PRIMARY KEY, value integer NOT NULL);"
        "INSERT INTO counters VALUES (1, 0), (2, 0);"
    )
    both_began = asyncio.Barrier(2)
    calls = 0

    async def add(first: int, second: int) -> None:
        async def act(transaction: Transaction) -> None:
            nonlocal calls
            calls += 1
            update = "UPDATE counters SET value = value + 1 WHERE id = ?"
            await transaction.execute(update, (first,))
            if calls <= 2:
                await both_began.wait()
            await transaction.execute(update, (second,))

        await in_transaction(database, act)

    await asyncio.gather(add(1, 2), add(2, 1))
    assert calls == 3
    rows = await database.fetch_all("SELECT value FROM counters ORDER BY id")
    assert [row[0] for row in rows] == [2, 2]
