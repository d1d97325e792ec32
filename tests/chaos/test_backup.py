"""A backup that is taken while many write, and what is made of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from fixtures.coordinators import Coordinators
from fixtures.postgresql import Postgresql, find_programs
from fixtures.waiting import until

WRITERS = 6
BEFORE = 20
"""Courses of each writer that are acknowledged before the backup begins."""
COURSES = "/v1/universities/U/courses"

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Coordinators]:
    """Return a coordinator that has not been started."""
    if request.param == "sqlite":
        site = Coordinators(tmp_path, f"sqlite:///{tmp_path / 'c.db'}")
    else:
        server: Postgresql = request.getfixturevalue("postgresql")
        name = server.create(request.getfixturevalue("postgresql_template"))
        site = Coordinators(tmp_path, server.url(name))
    yield site
    site.end()


async def command(*args: str) -> None:
    """Run a program that must succeed."""
    done = await asyncio.to_thread(
        subprocess.run, args, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def restored(site: Coordinators, request: pytest.FixtureRequest) -> str:
    """Take a backup of a running site; return the address of a database made of it."""
    if site.database.startswith("sqlite"):
        copy = site.folder / "copy.db"
        program = (sys.executable, "-m", "collegium", "backup")
        await command(*program, "--database", site.database, "--out", str(copy))
        return f"sqlite:///{copy}"
    server: Postgresql = request.getfixturevalue("postgresql")
    programs = find_programs()
    assert programs is not None
    dump = str(site.folder / "dump")
    await command(
        str(programs / "pg_dump"), "--format=custom", f"--file={dump}", site.database
    )
    url = server.url(await asyncio.to_thread(server.create))
    await command(str(programs / "pg_restore"), f"--dbname={url}", dump)
    return url


async def codes(http: aiohttp.ClientSession, url: str) -> set[str]:
    """Return the codes of all courses."""
    found: set[str] = set()
    following: str | None = f"{COURSES}?limit=200&fields=code"
    while following:
        async with http.get(f"{url}{following}") as answer:
            assert answer.status == 200, await answer.text()
            page = await answer.json()
        found |= {item["code"] for item in page["items"]}
        following = page["next"]
    return found


async def test_a_backup_is_the_state_of_one_instant(
    site: Coordinators, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It has all that was acknowledged before, and of each writer no gap.

    A coordinator serves it, and the doctor finds nothing.
    """
    await site.start_all()
    n_written = [0] * WRITERS
    is_over = asyncio.Event()
    async with aiohttp.ClientSession() as http:
        university = {"code": "U", "name": "U"}
        async with http.post(
            f"{site.url()}/v1/universities", json=university
        ) as answer:
            assert answer.status == 201

        async def write(writer: int) -> None:
            while not is_over.is_set():
                code = f"W{writer}-{n_written[writer]}"
                body = {"code": code, "name": code}
                async with http.post(f"{site.url()}{COURSES}", json=body) as answer:
                    assert answer.status == 201, await answer.text()
                n_written[writer] += 1

        async def enough() -> bool:
            return min(n_written) >= BEFORE

        writers = [asyncio.create_task(write(number)) for number in range(WRITERS)]
        await until(enough, 300)
        before = list(n_written)
        url = await restored(site, request)
        after = list(n_written)
        is_over.set()
        await asyncio.gather(*writers)
        assert sum(after) > sum(before), "nobody wrote meanwhile"

        copy = Coordinators(tmp_path / "copy", url)
        copy.folder.mkdir()
        try:
            await command(
                sys.executable, "-m", "collegium", "doctor", "--database", url
            )
            await copy.start_all()
            found = await codes(http, copy.url())
        finally:
            copy.end()
    for writer in range(WRITERS):
        own = {code for code in found if code.startswith(f"W{writer}-")}
        assert own == {f"W{writer}-{number}" for number in range(len(own))}
        assert before[writer] <= len(own) <= after[writer] + 1
