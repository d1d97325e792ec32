"""An import that is killed has never happened."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import apsw
import pytest

from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import save, write_problem
from fixtures.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def command(path: Path, problem: Path) -> list[str]:
    """Return the arguments of an import."""
    place = ["--university", "U", "--session", "T", "--start-date", "2030-09-02"]
    url = f"sqlite:///{path}"
    return ["import", "itc2019", str(problem), *place, "--database", url, "--quiet"]


def is_writing(path: Path) -> bool:
    """Tell whether another process has a transaction that writes."""
    connection = apsw.Connection(str(path))
    try:
        connection.execute("BEGIN IMMEDIATE").fetchall()
        connection.execute("ROLLBACK").fetchall()
    except apsw.BusyError:
        return True
    finally:
        connection.close()
    return False


def counts(path: Path) -> dict[str, int]:
    """Return how many rows some of the filled tables have."""
    connection = apsw.Connection(str(path))
    tables = ("universities", "sessions", "rooms", "people", "classes")
    found = {}
    for table in tables:
        sql = f"SELECT count(*) FROM {table}"
        found[table] = int(connection.execute(sql).fetchall()[0][0])
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    return found


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """Return a running command line."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "collegium",
        *arguments,
        stdout=asyncio.subprocess.DEVNULL,
    )


async def test_a_killed_import_leaves_nothing(tmp_path: Path) -> None:
    """Killed with -9 while it writes, an import leaves no row; again, it does all."""
    path, problem = tmp_path / "x.db", tmp_path / "p.xml.gz"
    sample = generate(SampleSize(n_classes=600, n_students=4000, n_rooms=60), seed=1)
    save(problem, write_problem(sample))
    made = await start("migrate", "--database", f"sqlite:///{path}")
    assert await made.wait() == 0
    process = await start(*command(path, problem))

    async def writes() -> bool:
        return is_writing(path) or process.returncode is not None

    await until(writes, timeout_s=60)
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    assert set(counts(path).values()) == {0}
    again = await start(*command(path, problem))
    assert await again.wait() == 0
    after = counts(path)
    assert after["classes"] == len(sample.classes)
    assert after["people"] == len(sample.students)
