"""What many clients see through several coordinators is one register for each course.

COLLEGIUM_TEST_HISTORY_S says for how many seconds clients ask; the default keeps the
tests short.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fixtures.coordinators import Coordinators
from fixtures.linearizable import Operation, Outcome, stuck_at
from fixtures.postgresql import Postgresql

HISTORY_S = float(os.environ.get("COLLEGIUM_TEST_HISTORY_S", "5"))
pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(400 + 6 * HISTORY_S),
]

CLIENTS = 16
CODES = ["C0", "C1", "C2"]
COURSES = "/v1/universities/U/courses"
PATIENCE_S = 3.0
"""After it a client gives up and does not know what became of its request."""
STOPPED_S = 1.5
PAUSE_S = 0.02
"""After a request that nobody answered, so that a dead coordinator is not all load."""
FIRST = "first"
MERGE_PATCH = "application/merge-patch+json"


@dataclass
class Seen:
    """What a client knows of a course: its value, and the tag of that."""

    value: str | None
    tag: str = ""


@dataclass
class History:
    """Everything that was asked and answered.

    Parameters
    ----------
    operations : by course.
    values_of_tags : what was shown under each tag.
    tags_of_values : under which tags each value was shown.
    """

    operations: dict[str, list[Operation]] = field(
        default_factory=lambda: defaultdict(list)
    )
    values_of_tags: dict[tuple[str, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    tags_of_values: dict[tuple[str, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def showed(self, code: str, tag: str, body: bytes, value: str) -> None:
        """Remember which bytes a tag has named, and which tag a value has had."""
        digest = hashlib.sha256(body).hexdigest()
        self.values_of_tags[code, tag].add(digest)
        self.tags_of_values[code, value].add(tag)

    def keep(self, file: Path) -> None:
        """Write it down, to be looked at when no order explains it."""
        file.write_text(
            "".join(
                f"{code} {op}\n"
                for code, operations in self.operations.items()
                for op in sorted(operations, key=lambda op: op.began_s)
            )
        )

    def check(self) -> None:
        """Fail unless each course was one register and each tag named one state."""
        for code, operations in self.operations.items():
            stuck = stuck_at(operations, FIRST)
            assert not stuck, (code, stuck)
        repeated = [key for key, seen in self.values_of_tags.items() if len(seen) > 1]
        assert not repeated, "a tag has named two representations"
        renamed = [key for key, seen in self.tags_of_values.items() if len(seen) > 1]
        assert not renamed, "one state had two tags"


class Registrar:
    """One client, which does one thing after the other through any coordinator."""

    def __init__(self, site: Coordinators, history: History, number: int) -> None:
        self._site = site
        self._history = history
        self._number = number
        self._random = random.Random(number)
        self._known: dict[str, Seen] = {code: Seen(FIRST) for code in CODES}
        self._n_written = 0

    async def run(self, until_s: float) -> None:
        """Read and write until the time has come."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            # Sent again behind our back, a PUT that had happened would be refused.
            session._retry_connection = False
            while time.monotonic() < until_s:
                code = self._random.choice(CODES)
                await self._do_something(session, code)

    async def _do_something(self, session: aiohttp.ClientSession, code: str) -> None:
        known = self._known[code]
        if not known.tag or self._random.random() < 0.55:
            is_list = self._random.random() < 0.2
            await (self._read_all(session) if is_list else self._read(session, code))
        elif known.value is None:
            await self._write(session, code, "PUT", self._new_value())
        elif self._random.random() < 0.12:
            await self._write(session, code, "DELETE", None)
        else:
            method = self._random.choice(["PUT", "PATCH"])
            await self._write(session, code, method, self._new_value())

    def _new_value(self) -> str:
        self._n_written += 1
        return f"{self._number}.{self._n_written}"

    def _url(self, path: str = "") -> str:
        number = self._random.randrange(len(self._site.ports))
        return f"{self._site.url(number)}{COURSES}{path}"

    async def _read(self, session: aiohttp.ClientSession, code: str) -> None:
        known = self._known[code]
        fields = {}
        if known.value is not None and known.tag and self._random.random() < 0.5:
            fields = {"if-none-match": known.tag}
        answer = await self._ask(session, "read", "GET", f"/{code}", headers=fields)
        if answer is None:
            return  # a read that was not answered says nothing
        status, shown, span = answer
        if status == 304:
            self._saw(code, known, span)
        elif status == 404:
            self._saw(code, Seen(None, "none"), span)
        elif status == 200:
            self._saw(code, shown, span)

    async def _read_all(self, session: aiohttp.ClientSession) -> None:
        """Look at all courses at once: a read of each."""
        began_s = time.monotonic()
        try:
            async with session.get(self._url()) as answer:
                page = await answer.json()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            return
        self._history.statuses["list", status] += 1
        if status == 200:
            found = {item["code"]: item["name"] for item in page["items"]}
            for code in CODES:
                self._record(code, "read", (began_s, time.monotonic()), found.get(code))

    def _saw(self, code: str, seen: Seen, span: tuple[float, float]) -> None:
        self._known[code] = seen
        self._record(code, "read", span, seen.value)

    async def _write(
        self, session: aiohttp.ClientSession, code: str, method: str, value: str | None
    ) -> None:
        known = self._known[code]
        fields = {"if-match": known.tag}
        if known.value is None:
            fields = {"if-none-match": "*"}
        body = None if value is None else {"name": value}
        if method == "PUT":
            body = {"code": code, "name": value}
        began_s = time.monotonic()
        answer = await self._ask(
            session, method, method, f"/{code}", headers=fields, json=body
        )
        unknown = (began_s, math.inf)
        self._known[code] = Seen(known.value)  # to be read again
        if answer is None or answer[0] == 503:
            # Nobody knows: a commit may have happened whose end was not told.
            self._record(code, "change", unknown, value, known.value, "info")
            return
        status, shown, span = answer
        if status == 404:
            self._record(code, "read", span, None)
        elif status == 412:
            self._record(code, "change", span, value, known.value, "fail")
        else:
            assert status in (200, 201, 204), status
            self._record(code, "change", span, value, known.value)
            self._known[code] = Seen(None, "none") if status == 204 else shown

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        kind: str,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        json: Any = None,
    ) -> tuple[int, Seen, tuple[float, float]] | None:
        """Send a request; return status, what it shows, and when; None: no answer."""
        if method == "PATCH":
            headers = {**headers, "content-type": MERGE_PATCH}
        began_s = time.monotonic()
        try:
            async with session.request(
                method, self._url(path), json=json, headers=headers
            ) as answer:
                body = await answer.read()
                ended_s = time.monotonic()
                tag = answer.headers.get("etag", "")
                seen = Seen(None, tag)
                if answer.status in (200, 201):
                    seen = Seen((await answer.json())["name"], tag)
        except (aiohttp.ClientError, TimeoutError):
            self._history.statuses[kind, 0] += 1
            await asyncio.sleep(PAUSE_S)
            return None
        if seen.value is not None:
            self._history.showed(path, tag, body, seen.value)
        self._history.statuses[kind, answer.status] += 1
        return answer.status, seen, (began_s, ended_s)

    def _record(
        self,
        code: str,
        kind: str,
        span: tuple[float, float],
        value: str | None,
        expected: str | None = None,
        outcome: Outcome = "ok",
    ) -> None:
        is_read = kind == "read"
        self._history.operations[code].append(
            Operation(
                "read" if is_read else "change",
                *span,
                value,
                expected,
                outcome,
                self._number,
            )
        )


@pytest.fixture(params=["sqlite", "sqlite, two processes", "postgresql, two processes"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Coordinators]:
    """Return coordinators on one database that have not been started."""
    count = 2 if "two" in request.param else 1
    if request.param.startswith("sqlite"):
        site = Coordinators(tmp_path, f"sqlite:///{tmp_path / 'c.db'}", count)
    else:
        server: Postgresql = request.getfixturevalue("postgresql")
        name = server.create(request.getfixturevalue("postgresql_template"))
        site = Coordinators(tmp_path, server.url(name), count)
    yield site
    site.end()


@pytest.fixture
async def filled(site: Coordinators) -> Coordinators:
    """Return running coordinators with the courses as they are at first."""
    await site.start_all()
    async with aiohttp.ClientSession(site.url()) as session:
        bodies = [{"code": code, "name": FIRST} for code in CODES]
        for path, body in [
            ("/v1/universities", {"code": "U", "name": "U"}),
            *((COURSES, body) for body in bodies),
        ]:
            async with session.post(path, json=body) as answer:
                assert answer.status == 201, await answer.text()
    return site


async def disturb(site: Coordinators, end_s: float) -> None:
    """Stop one coordinator for a while, then kill one and start it again."""
    last = len(site.ports) - 1
    await asyncio.sleep(0.2 * (end_s - time.monotonic()))
    while time.monotonic() < end_s - STOPPED_S:
        site.signal(last, signal.SIGSTOP)
        await asyncio.sleep(STOPPED_S)
        site.signal(last, signal.SIGCONT)
        await asyncio.sleep(0.3)
        await site.kill_and_restart(0)
        await asyncio.sleep(0.3)


async def test_each_course_is_one_register(
    filled: Coordinators, record_property: Callable[[str, object], None]
) -> None:
    """Reads and conditional changes are linearizable, whoever is stopped or killed.

    So a read that begins after a change was acknowledged never shows what was before,
    of several changes of one state one happens, and what was not acknowledged happens
    wholly or not at all. A tag names one sequence of bytes and comes never back.
    """
    history = History()
    end_s = time.monotonic() + HISTORY_S
    registrars = [Registrar(filled, history, number) for number in range(CLIENTS)]
    await asyncio.gather(disturb(filled, end_s), *(r.run(end_s) for r in registrars))
    record_property("statuses", str(dict(history.statuses)))
    assert sum(map(len, history.operations.values())) > 20 * HISTORY_S
    # The disturbance was felt, and it was not all that there was.
    assert any(status == 0 for _, status in history.statuses)
    assert history.statuses["PUT", 200] + history.statuses["PATCH", 200] > HISTORY_S
    assert history.statuses["PUT", 412] + history.statuses["PATCH", 412] > 0
    # Who is in another's way is told to come back, or how it is now: never a fault.
    assert {status for _, status in history.statuses if status >= 500} <= {503}
    history.keep(filled.folder / "history.txt")
    history.check()
