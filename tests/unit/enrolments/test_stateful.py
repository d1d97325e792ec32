"""Random enrolments, drops, swaps and limits against a model that counts by hand."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from collegium.db.connect import database_at
from collegium.db.soundness import schema_findings
from collegium.enrolments.soundness import findings
from fixtures.asgi import Reply
from fixtures.registration import (
    OPEN,
    Registration,
    configuration,
    lesson,
    open_session,
    time,
)
from fixtures.world import served

N_STUDENTS = 5
CHAINS = {
    0: [("A-LEC-1", "A-LAB-1"), ("A-LEC-2", "A-LAB-2"), ("A-LEC-2", "A-LAB-3")],
    1: [("A-LEC-1",), ("A-LEC-2",)],
}
LIMITS = {
    "O0-A-LEC-1": 1,
    "O0-A-LEC-2": 2,
    "O0-A-LAB-1": 1,
    "O0-A-LAB-2": 1,
    "O0-A-LAB-3": 1,
    "O1-A-LEC-1": 1,
    "O1-A-LEC-2": 1,
}
MONDAYS = {"O0-A-LEC-1", "O1-A-LEC-1"}
"""What meets at the same time; everything else meets apart from all."""

Codes = frozenset[str]


async def fill(desk: Registration) -> None:
    """Offer what the model knows."""
    await open_session(desk.client, N_STUDENTS)

    def class_(code: str, day: int, **more: Any) -> dict[str, Any]:
        at = time() if code in MONDAYS else time(f"{1 << day:05b}", 120)
        return lesson(code[-1], LIMITS[code], at=at, **more)

    await desk.offer(
        0,
        configuration(
            ("LEC", [class_("O0-A-LEC-1", 0), class_("O0-A-LEC-2", 0)]),
            (
                "LAB",
                [
                    class_("O0-A-LAB-1", 1, parent="1"),
                    class_("O0-A-LAB-2", 1, parent="2"),
                    class_("O0-A-LAB-3", 1, parent="2"),
                ],
            ),
        ),
    )
    await desk.offer_lectures(1, class_("O1-A-LEC-1", 0), class_("O1-A-LEC-2", 2))


@dataclass
class Entry:
    """An enrolment as the model has it; ``since`` is None while it waits."""

    id: str
    student: int
    course: int
    classes: Codes
    since: int | None
    turn: int = 0


class Model:
    """Seats and turns, counted from scratch each time."""

    def __init__(self) -> None:
        self.limits = dict(LIMITS)
        self.entries: dict[tuple[int, int], Entry] = {}
        self.last_turn = dict.fromkeys(CHAINS, 0)

    def used(self, code: str) -> int:
        """Return how many have a seat in a class."""
        return sum(code in e.classes for e in self.seated())

    def seated(self) -> list[Entry]:
        """Return those who have seats."""
        return [e for e in self.entries.values() if e.since is not None]

    def is_busy(self, student: int, course: int, chain: Codes) -> bool:
        """Tell whether a student is elsewhere when a chain meets."""
        return bool(chain & MONDAYS) and any(
            e.student == student and e.course != course and e.classes & MONDAYS
            for e in self.seated()
        )

    def is_free(self, chain: Codes, held: Codes = frozenset()) -> bool:
        """Tell whether each class has a seat, or the student has one in it."""
        return all(self.used(code) < self.limits[code] for code in chain - held)

    def turn(self, course: int) -> int:
        """Return the next turn."""
        self.last_turn[course] += 1
        return self.last_turn[course]


def chains_of(course: int) -> list[Codes]:
    """Return all choices of a course by the codes of the classes."""
    return [frozenset(f"O{course}-{name}" for name in c) for c in CHAINS[course]]


students = st.integers(0, N_STUDENTS - 1)
courses = st.sampled_from(sorted(CHAINS))
waits = st.sampled_from([True, True, False])
chosen = st.none() | st.integers(0, 2)
picks = st.integers(0, 99)


class Desk(RuleBasedStateMachine):
    """The program beside the model."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="collegium-stateful-"))
        shutil.copy(self.template, self.folder / "c.db")
        self.database = database_at(f"sqlite:///{self.folder / 'c.db'}")
        self.model = Model()
        self.now = 0
        self.runner.run(self._open())

    async def _open(self) -> None:
        await self.database.open()
        self.desk = Registration(await served(self.database))
        page = await self.desk.client.get(f"{OPEN}/classes", query={"limit": 200})
        self.codes = {item["id"]: item["code"] for item in page.json()["items"]}
        self.order = sorted(
            CHAINS, key=lambda c: self._offering(page.json()["items"], c)
        )

    @staticmethod
    def _offering(items: list[dict[str, Any]], course: int) -> str:
        return next(
            i["offering_id"] for i in items if i["code"].startswith(f"O{course}-")
        )

    def teardown(self) -> None:
        """Let the doctor look, and close."""
        self.runner.run(self._close())
        self.runner.close()
        shutil.rmtree(self.folder)

    async def _close(self) -> None:
        for checks in (schema_findings, findings):
            async for finding in checks(self.database):
                assert not finding.breaches, finding
        await self.database.close()

    @rule(
        student=students,
        course=courses,
        way=chosen,
        wait=st.booleans(),
    )
    def enrol(self, student: int, course: int, way: int | None, wait: bool) -> None:
        """Somebody asks for classes, or for any."""
        self.now += 1
        choices = chains_of(course)
        if way is not None:
            choices = [choices[way % len(choices)]]
        named = sorted(choices[0]) if way is not None else []
        names = [code.partition("-")[2] for code in named]
        reply = self.runner.run(self.desk.ask(student, course, *names, wait=wait))
        model = self.model
        possible = [c for c in choices if not model.is_busy(student, course, c)]
        free = [c for c in possible if model.is_free(c)]
        if (student, course) in model.entries:
            assert self._problem(reply) == "already-enrolled"
        elif not possible:
            assert self._problem(reply) == "time-conflict"
        elif not free and not wait:
            assert self._problem(reply) == "class-full"
        else:
            assert reply.status == 201, reply.body
            shown = reply.json()
            classes = frozenset(self.codes[id_] for id_ in shown["class_ids"])
            entry = Entry(shown["id"], student, course, classes, None)
            if free:
                assert classes in free
                entry.since = self.now
            else:
                assert classes == frozenset(named)
                entry.turn = model.turn(course)
                assert shown["waitlist_seq"] == entry.turn
            model.entries[student, course] = entry

    @precondition(lambda self: self.model.entries)
    @rule(pick=picks)
    def drop(self, pick: int) -> None:
        """Somebody gives back what they have."""
        entry = self._picked(pick)
        del self.model.entries[entry.student, entry.course]
        self.now += 1
        self.runner.run(self.desk.drop(self._shown(entry)))
        self._promote()

    @precondition(lambda self: self.model.entries)
    @rule(pick=picks, way=st.integers(0, 2))
    def swap(self, pick: int, way: int) -> None:
        """Somebody asks for other classes, or waits for others."""
        entry = self._picked(pick)
        student, course = entry.student, entry.course
        self.now += 1
        wanted = chains_of(course)[way % len(CHAINS[course])]
        changes = {"class_ids": sorted(wanted)}
        reply = self.runner.run(self.desk.change(self._shown(entry), changes))
        model = self.model
        if entry.since is not None and wanted != entry.classes:
            if model.is_busy(student, course, wanted):
                assert self._problem(reply) == "time-conflict"
                return
            if not model.is_free(wanted, entry.classes):
                assert self._problem(reply) == "class-full"
                return
        assert reply.status == 200, reply.body
        entry.classes = wanted
        self._promote()

    @rule(
        code=st.sampled_from(sorted(LIMITS)),
        limit=st.integers(0, 3),
        forced=st.booleans(),
    )
    def limit(self, code: str, limit: int, forced: bool) -> None:
        """Change the limit of a class."""
        self.now += 1
        path = f"{OPEN}/classes/{code}/limit"
        tag = self.runner.run(self.desk.client.get(path)).etag
        body = {"limit": limit, "is_forced": forced}
        reply = self.runner.run(
            self.desk.client.put(path, body, headers={"if-match": tag})
        )
        model = self.model
        seated = [e for e in model.seated() if code in e.classes]
        if limit < len(seated) and not forced:
            assert self._problem(reply) == "below-enrolment"
            return
        assert reply.status == 200, reply.body
        seated.sort(key=lambda e: (e.since or 0, e.id))
        for entry in seated[limit:]:
            entry.since = None
            entry.turn = model.turn(entry.course)
        model.limits[code] = limit
        self._promote()

    def _promote(self) -> None:
        """Seat whoever can be, in order; where there is a choice, as the program."""
        for course in self.order:
            waiting = [
                e
                for e in self.model.entries.values()
                if e.course == course and e.since is None
            ]
            for entry in sorted(waiting, key=lambda e: e.turn):
                choices = [entry.classes] if entry.classes else chains_of(course)
                free = [
                    c
                    for c in choices
                    if not self.model.is_busy(entry.student, course, c)
                    and self.model.is_free(c)
                ]
                if free:
                    shown = self._shown(entry).json()
                    assert shown["state"] == "associated", "a turn was passed over"
                    taken = frozenset(self.codes[id_] for id_ in shown["class_ids"])
                    assert taken in free
                    entry.classes, entry.since = taken, self.now

    @invariant()
    def is_as_the_model_says(self) -> None:
        """Everybody has, or waits for, what the model says; limits and counts agree."""
        query = {"limit": 200}
        page = self.runner.run(self.desk.client.get(f"{OPEN}/enrolments", query=query))
        found = {
            item["id"]: (
                item["state"] == "associated",
                frozenset(self.codes[id_] for id_ in item["class_ids"]),
                item["waitlist_seq"] or 0,
            )
            for item in page.json()["items"]
        }
        assert found == {
            e.id: (e.since is not None, e.classes, 0 if e.since is not None else e.turn)
            for e in self.model.entries.values()
        }
        page = self.runner.run(self.desk.client.get(f"{OPEN}/classes", query=query))
        for item in page.json()["items"]:
            code = item["code"]
            assert item["enrolled"] == self.model.used(code)
            assert item["limit"] == self.model.limits[code]

    def _picked(self, pick: int) -> Entry:
        return list(self.model.entries.values())[pick % len(self.model.entries)]

    def _shown(self, entry: Entry) -> Reply:
        return self.runner.run(self.desk.client.get(f"{OPEN}/enrolments/{entry.id}"))

    @staticmethod
    def _problem(reply: Reply) -> str:
        assert reply.status == 409, reply.body
        return str(reply.json()["type"]).rpartition("/")[2]


async def _template(path: Path) -> None:
    database = database_at(f"sqlite:///{path}")
    await database.open()
    try:
        await fill(Registration(await served(database)))
    finally:
        await database.close()


def test_random_histories_agree_with_the_model(
    sqlite_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each step everybody has what a model says; at the end the doctor agrees."""
    path = tmp_path / "template.db"
    shutil.copy(sqlite_world, path)
    asyncio.run(_template(path))
    monkeypatch.setattr(Desk, "template", path, raising=False)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Desk, settings=settings(max_examples=20, stateful_step_count=50)
    )
