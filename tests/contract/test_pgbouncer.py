"""PostgreSQL behind a pool that gives each transaction another connection."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.migrate import migrate
from collegium.db.postgresql import PostgresqlDatabase
from collegium.errors import Misconfigured, Unavailable
from fixtures.asgi import AsgiClient
from fixtures.catalogue import served
from fixtures.cluster import free_port
from fixtures.postgresql import Postgresql
from fixtures.waiting import until

WRITERS = 16
CS = {"code": "CS101", "name": "Programming"}
CONFIG = """
[databases]
* = host=127.0.0.1 port={server} user=collegium
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
"""


@pytest.fixture
def pooled_url(postgresql: Postgresql) -> Iterator[str]:
    """Return the address of an empty database behind a pool of three connections."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("pgbouncer is not installed here")
    port, name = free_port(), postgresql.create()
    folder = Path(tempfile.mkdtemp(prefix="collegium-pool-"))
    config = folder / "pgbouncer.ini"
    config.write_text(CONFIG.format(server=postgresql.port, port=port))
    options: dict[str, str] = {}
    if postgresql._user is not None:  # it, too, refuses to run as root
        options = {"user": postgresql._user}
        for path in (folder, config):
            shutil.chown(path, postgresql._user)
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            [program, str(config)],
            stdout=said,
            stderr=said,
            **options,  # type: ignore[call-overload]
        )
    try:
        yield f"postgresql://collegium@127.0.0.1:{port}/{name}"
    finally:
        ended_by_itself = process.poll()
        process.terminate()
        process.wait(20)
        assert ended_by_itself is None, (folder / "said.txt").read_text()
        postgresql.drop(name)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def pooled(pooled_url: str) -> AsyncIterator[Database]:
    """Return a database behind the pool, with our schema."""
    database = database_at(f"{pooled_url}?pooling=transaction")

    async def answers() -> bool:
        try:
            await database.open()
        except Unavailable:
            return False
        return True

    await until(answers, 60)
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


@pytest.fixture
async def client(pooled: Database) -> AsgiClient:
    """Return a client of the catalogue there."""
    return await served(pooled)


async def test_the_catalogue_needs_no_session(client: AsgiClient) -> None:
    """More clients than connections write and read, and each sees what was written."""
    await client.post("/v1/universities", {"code": "U", "name": "U"})
    courses = "/v1/universities/U/courses"

    async def use(number: int) -> None:
        body = {"code": f"C{number}", "name": "0"}
        key = {"idempotency-key": f'"{number}"'}
        made = await client.post(courses, body, headers=key)
        again = await client.post(courses, body, headers=key)
        assert (made.status, again.body) == (201, made.body)
        tag = made.etag
        for turn in range(1, 6):
            body = {"code": f"C{number}", "name": str(turn)}
            fields = {"if-match": tag}
            changed = await client.put(f"{courses}/C{number}", body, headers=fields)
            assert changed.status == 200, changed.body
            shown = await client.get(f"{courses}/C{number}")
            assert (shown.etag, shown.json()["name"]) == (changed.etag, str(turn))
            tag = shown.etag
        found = await client.get("/v1/universities/U/search", query={"q": str(number)})
        assert found.status == 200

    await asyncio.gather(*(use(number) for number in range(WRITERS)))
    page = await client.get(courses)
    assert {item["name"] for item in page.json()["items"]} == {"5"}
    assert len(page.json()["items"]) == WRITERS


async def test_nothing_is_left_behind(
    client: AsgiClient, pooled: Database, pooled_url: str
) -> None:
    """No prepared statement, no setting and no lock stays with a connection."""
    await client.post("/v1/universities", {"code": "U", "name": "U"})
    connection = await asyncpg.connect(pooled_url, statement_cache_size=0)
    try:
        for _ in range(6):
            async with connection.transaction():
                assert await connection.fetchval("SHOW lock_timeout") == "0"
                for table in ("pg_prepared_statements", "pg_cursors"):
                    sql = f"SELECT count(*) FROM {table} WHERE name <> ''"
                    assert await connection.fetchval(sql) == 0
    finally:
        await connection.close()


async def test_without_being_told_it_does_not_work(
    pooled_url: str, pooled: Database
) -> None:
    """The pool is a real one: what needs a session is refused there."""
    database = PostgresqlDatabase(pooled_url)
    with pytest.raises(Unavailable):
        await database.open()


def test_other_pools_are_refused() -> None:
    """A kind of pooling that nobody knows is an error at the start."""
    with pytest.raises(Misconfigured):
        database_at("postgresql://h/name?pooling=statement")
    database_at("postgresql://h/name?pooling=session")
