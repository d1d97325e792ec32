"""Many who enrol at once, through real coordinators, one of which may be killed.

COLLEGIUM_TEST_ENROLMENTS says how many operations each test sends; the default keeps
the tests short.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fixtures.cluster import Program, free_port
from fixtures.postgresql import Postgresql
from fixtures.waiting import until

OPERATIONS = int(os.environ.get("COLLEGIUM_TEST_ENROLMENTS", "200"))
SLOWEST_PER_S = 10
pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(600 + OPERATIONS / SLOWEST_PER_S),
]

CLIENTS = 8
STUDENTS = 60
COURSES = 6
SESSION = "/v1/universities/U/sessions/T"
EXPECTED = {
    "enrol": {201, 409},
    "swap": {200, 404, 409, 412},
    "drop": {204, 404, 412},
    "limit": {200, 409, 412},
}


@dataclass
class Office:
    """Coordinators on one database."""

    folder: Path
    database: str
    ports: list[int]
    programs: list[Program | None] = field(default_factory=list)

    def start(self, number: int) -> None:
        """Start one of the coordinators."""
        port = self.ports[number]
        args = ["coordinator", "--port", str(port), "--database", self.database]
        args += ["--local-slots", "1", "--data-dir", str(self.folder / f"data{number}")]
        log = self.folder / f"coordinator{number}.log"
        program = Program(args, {"COLLEGIUM_WORKLOADS": "noop"}, log)
        if number < len(self.programs):
            self.programs[number] = program
        else:
            self.programs.append(program)

    async def ready(self, number: int) -> None:
        """Wait until one of the coordinators can serve."""

        async def is_ready() -> bool:
            program = self.programs[number]
            assert program is not None
            assert program.process.poll() in (None, -signal.SIGKILL), program.log
            try:
                url = f"{self.url(number)}/health/ready"
                async with aiohttp.request("GET", url) as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        await until(is_ready, 200)

    def url(self, number: int) -> str:
        """Where a coordinator answers."""
        return f"http://127.0.0.1:{self.ports[number % len(self.ports)]}"

    async def doctor(self) -> tuple[int, str]:
        """Return the exit code and the report of the doctor."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "collegium", "doctor", "--database", self.database),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode()

    def end(self) -> None:
        """End all coordinators."""
        for program in self.programs:
            if program is not None:
                program.kill()


@dataclass
class Ledger:
    """What clients were told, and what they were not.

    Parameters
    ----------
    acknowledged : student and course of each enrolment that was answered 201 and whose
        drop was not answered.
    asked : pairs of student and course whose enrolment was not answered.
    dropping : enrolments whose drop was not answered.
    dropped : enrolments whose drop was.
    """

    acknowledged: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: set[tuple[str, str]] = field(default_factory=set)
    dropping: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    n_unanswered: int = 0
    n_left: int = OPERATIONS


class Student:
    """One client, which does one thing after the other."""

    def __init__(
        self, http: aiohttp.ClientSession, office: Office, ledger: Ledger, number: int
    ) -> None:
        self._http = http
        self._office = office
        self._ledger = ledger
        self._number = number
        self._random = random.Random(number)

    async def run(self) -> None:
        """Do something until enough has been done, whatever becomes of it."""
        kinds = ["enrol"] * 5 + ["drop"] * 3 + ["swap"] * 2 + ["limit"]
        while self._ledger.n_left > 0:
            self._ledger.n_left -= 1
            kind = self._random.choice(kinds)
            try:
                status = await getattr(self, kind)()
            except (aiohttp.ClientError, TimeoutError):
                self._ledger.n_unanswered += 1
                await self._office.ready(self._number % len(self._office.ports))
                continue
            if status is not None:
                self._ledger.statuses[kind, status] += 1

    async def enrol(self) -> int:
        """Ask for a place."""
        pair = (
            f"S{self._random.randrange(STUDENTS)}",
            f"C{self._random.randrange(COURSES)}",
        )
        body = {"student_id": pair[0], "course_offering_id": pair[1]}
        waits = {"is_waitlist_ok": self._random.random() < 0.7}
        self._ledger.asked.add(pair)
        async with self._http.post(
            self._url("/enrolments"), json={**body, **waits}
        ) as answer:
            shown = await answer.json(content_type=None)
        if answer.status == 201:
            self._ledger.acknowledged[shown["id"]] = pair
        return answer.status

    async def drop(self) -> int | None:
        """Give a place or a turn back."""
        shown = await self._some_enrolment()
        if shown is None:
            return None
        id_, tag, _ = shown
        self._ledger.dropping.add(id_)
        async with self._http.delete(
            self._url(f"/enrolments/{id_}"), headers={"if-match": tag}
        ) as answer:
            await answer.read()
        if answer.status == 204:
            assert id_ not in self._ledger.dropped, "two were told that they dropped it"
            self._ledger.dropped.add(id_)
            self._ledger.acknowledged.pop(id_, None)
        return answer.status

    async def swap(self) -> int | None:
        """Ask for other classes."""
        shown = await self._some_enrolment()
        if shown is None:
            return None
        id_, tag, course = shown
        way = self._random.choice("12")
        classes = [f"{course}-A-LEC-{way}", f"{course}-A-LAB-{way}"]
        async with self._http.patch(
            self._url(f"/enrolments/{id_}"),
            json={"class_ids": classes},
            headers={
                "if-match": tag,
                "content-type": "application/merge-patch+json",
            },
        ) as answer:
            await answer.read()
        return answer.status

    async def limit(self) -> int:
        """Change a limit, sometimes below the number of those who are enrolled."""
        course = f"C{self._random.randrange(COURSES)}"
        kind = self._random.choice(["LEC", "LAB"])
        path = self._url(
            f"/classes/{course}-A-{kind}-{self._random.choice('12')}/limit"
        )
        async with self._http.get(path) as answer:
            tag = answer.headers["etag"]
            await answer.read()
        body = {
            "limit": self._random.randrange(2, 9),
            "is_forced": self._random.random() < 0.3,
        }
        async with self._http.put(path, json=body, headers={"if-match": tag}) as answer:
            await answer.read()
        return answer.status

    async def _some_enrolment(self) -> tuple[str, str, str] | None:
        """Return id, tag and course of an enrolment, None when it is gone."""
        if not self._ledger.acknowledged:
            return None
        id_ = self._random.choice(list(self._ledger.acknowledged))
        course = self._ledger.acknowledged[id_][1]
        async with self._http.get(self._url(f"/enrolments/{id_}")) as answer:
            await answer.read()
            tag = answer.headers.get("etag")
        return None if tag is None else (id_, tag, course)

    def _url(self, path: str) -> str:
        return f"{self._office.url(self._number)}{SESSION}{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """Return one coordinator on SQLite, or two on one PostgreSQL."""
    if request.param == "sqlite":
        office = Office(tmp_path, f"sqlite:///{tmp_path / 'c.db'}", [free_port()])
    else:
        server: Postgresql = request.getfixturevalue("postgresql")
        name = server.create(request.getfixturevalue("postgresql_template"))
        office = Office(tmp_path, server.url(name), [free_port(), free_port()])
    yield office
    office.end()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Return what sends requests."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield session


async def opened(office: Office, http: aiohttp.ClientSession) -> None:
    """Start the coordinators and fill their catalogue."""
    for number in range(len(office.ports)):
        office.start(number)
        await office.ready(number)
    times = [
        [{"days": f"{1 << day:05b}", "start": 96, "length": 12, "weeks": "1" * 14}]
        for day in range(5)
    ]

    async def post(path: str, body: dict[str, Any]) -> None:
        url = f"{office.url(0)}/v1/universities{path}"
        async with http.post(url, json=body) as answer:
            assert answer.status == 201, await answer.text()

    await post("", {"code": "U", "name": "U"})
    term = {"code": "T", "name": "T", "start_date": "2031-09-01"}
    term |= {"end_date": "2031-12-19", "state": "registration"}
    await post("/U/sessions", {**term, "n_weeks": 14, "n_days": 5})
    for number in range(STUDENTS):
        await post("/U/people", {"code": f"S{number}", "name": f"S{number}"})
    for number in range(COURSES):
        code = f"C{number}"
        await post("/U/courses", {"code": code, "name": code})
        lectures = [
            {"suffix": "1", "limit": 6, "time_options": times[number % 3]},
            {"suffix": "2", "limit": 5, "time_options": times[(number + 1) % 5]},
        ]
        labs = [{"suffix": s, "limit": 5, "parent": s} for s in "12"]
        subparts = [
            {"code": "LEC", "classes": lectures},
            {"code": "LAB", "parent": "LEC", "classes": labs},
        ]
        offering = {"code": code, "courses": [{"course_id": code}]}
        offering["configurations"] = [{"code": "A", "subparts": subparts, "limit": 11}]
        await post("/U/sessions/T/offerings", offering)


async def every(http: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    """Return all items of a collection."""
    items: list[dict[str, Any]] = []
    following: str | None = f"{url}?limit=200"
    base = url.split("/v1/")[0]
    while following:
        async with http.get(following) as answer:
            assert answer.status == 200, await answer.text()
            page = await answer.json()
        items += page["items"]
        following = page["next"]
        if following and following.startswith("/"):
            following = base + following
    return items


async def check(office: Office, http: aiohttp.ClientSession, ledger: Ledger) -> None:
    """Compare what is there with what clients were told, and count again."""
    base = f"{office.url(len(office.ports) - 1)}{SESSION}"
    enrolments = {item["id"]: item for item in await every(http, f"{base}/enrolments")}
    must_be = set(ledger.acknowledged) - ledger.dropping
    assert must_be <= set(enrolments), "an acknowledged enrolment is lost"
    assert not ledger.dropped & set(enrolments), "an acknowledged drop is undone"
    pairs = Counter(
        (item["student_id"], item["offering_id"]) for item in enrolments.values()
    )
    assert max(pairs.values()) == 1
    unknown = set(enrolments) - set(ledger.acknowledged)
    assert len(unknown) <= ledger.n_unanswered, "somebody is enrolled who never asked"
    seats = Counter(
        class_id
        for item in enrolments.values()
        if item["state"] == "associated"
        for class_id in item["class_ids"]
    )
    for class_ in await every(http, f"{base}/classes"):
        assert class_["enrolled"] == seats[class_["id"]] <= class_["limit"]
    turns = [
        (item["offering_id"], item["waitlist_seq"])
        for item in enrolments.values()
        if item["state"] == "queued"
    ]
    assert len(set(turns)) == len(turns)
    code, report = await office.doctor()
    assert code == 0, report


async def test_many_enrol_at_once(
    office: Office,
    http: aiohttp.ClientSession,
    record_property: Callable[[str, object], None],
) -> None:
    """After mixed enrolments, drops, swaps and limits every count is right.

    No class is over its limit, nobody waits for a free seat, no turn is lost, no
    request failed for another reason than the rules, and the doctor finds nothing.
    """
    await opened(office, http)
    ledger = Ledger()
    start = time.monotonic()
    clients = [Student(http, office, ledger, number) for number in range(CLIENTS)]
    await asyncio.gather(*(client.run() for client in clients))
    seconds = time.monotonic() - start
    record_property("operations_per_s", round(OPERATIONS / seconds, 1))
    record_property("statuses", str(dict(ledger.statuses)))
    for kind, status in ledger.statuses:
        assert status in EXPECTED[kind], (kind, status)
    assert ledger.n_unanswered == 0
    assert ledger.statuses["enrol", 201] > OPERATIONS / 20
    await check(office, http, ledger)


async def test_a_killed_coordinator_keeps_what_it_acknowledged(
    office: Office, http: aiohttp.ClientSession
) -> None:
    """Killed in the middle and started again, it has every acknowledged write.

    What was not acknowledged is there wholly or not at all.
    """
    await opened(office, http)
    ledger = Ledger()
    clients = [Student(http, office, ledger, number) for number in range(CLIENTS)]
    running = asyncio.gather(*(client.run() for client in clients))

    async def half_done() -> bool:
        return ledger.n_left <= OPERATIONS // 2

    await until(half_done, 600)
    program = office.programs[0]
    assert program is not None
    program.kill()
    office.start(0)
    await office.ready(0)
    await running
    assert ledger.n_unanswered > 0, "nothing was interrupted"
    for kind, status in ledger.statuses:
        assert status in EXPECTED[kind], (kind, status)
    await check(office, http, ledger)
