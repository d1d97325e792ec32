"""Jobs that name a session instead of a problem."""

from __future__ import annotations

from typing import Any

import pytest

from collegium.blobs.shelf import Shelf
from collegium.blobs.store import BlobStore
from collegium.db.database import Database
from collegium.db.work import Work
from collegium.errors import Conflict, Malformed
from collegium.jobs.schemas import JobIn
from collegium.jobs.sessions import read_session
from collegium.jobs.single import as_job
from collegium.timetabling.itc2019 import read_problem
from collegium.workloads.simple import Echo
from collegium.workloads.timetable import Timetable
from fixtures.asgi import AsgiClient
from fixtures.catalogue import catalogue_app
from fixtures.world import HOME

WORKLOADS = {"timetable": as_job(Timetable()), "echo": as_job(Echo())}
TERM = f"{HOME}/sessions/TERM"
TIME = {"days": "10100", "start": 96, "length": 12, "weeks": "1" * 14}


def database() -> Database:
    """Return the database of the catalogue that is being tested."""
    found: Database = catalogue_app().state.catalogue.database
    return found


def job(session: Any, **more: Any) -> JobIn:
    """Return a timetable job about a session."""
    return JobIn(workload="timetable", input={"session": session, **more})


async def emptied(world: AsgiClient) -> None:
    """Leave one class that can be placed in the session."""
    shown = await world.get(f"{TERM}/offerings/OFFERING")
    body = {
        "code": "OFFERING",
        "courses": [{"course_id": "COURSE"}],
        "configurations": [
            {
                "code": "1",
                "subparts": [
                    {
                        "code": "LEC",
                        "classes": [
                            {
                                "suffix": "1",
                                "room_options": [{"room_id": "ROOM1"}],
                                "time_options": [TIME],
                            }
                        ],
                    }
                ],
            }
        ],
    }
    put = await world.put(shown.path, body, headers={"if-match": shown.etag})
    assert put.status == 200, put.body


async def test_a_session_becomes_its_problem(world: AsgiClient) -> None:
    """The job reads a stored snapshot of the session, and keeps its other input."""
    await emptied(world)
    submission = await read_session(database(), WORKLOADS, job(TERM, seconds=3))
    given = submission.body.input
    assert isinstance(given, dict)
    assert set(given) == {"problem", "seconds"}
    async with database().transaction() as transaction:
        await submission.keep(Work(transaction, "2030-01-01T00:00:00.000000Z"))
    data = await BlobStore(database(), Shelf()).fetch(str(given["problem"]))
    problem = read_problem(data)
    assert [class_.id for class_ in problem.classes] == ["OFFERING-1-LEC-1"]
    assert [room.id for room in problem.rooms] == ["ROOM1"]
    same = await read_session(database(), WORKLOADS, job(TERM, seconds=3))
    assert same.body == submission.body


@pytest.mark.parametrize(
    "session", [f"{HOME}/sessions/NONE", f"{HOME}/rooms/TERM", "TERM", 3, None]
)
async def test_what_is_no_session(world: AsgiClient, session: Any) -> None:
    """An address that leads to no session is refused, with a pointer."""
    with pytest.raises(Malformed) as caught:
        await read_session(database(), WORKLOADS, job(session))
    assert set(caught.value.pointers) == {"/input/session"}


async def test_classes_need_something_to_choose(world: AsgiClient) -> None:
    """A session with classes that have no time cannot be timetabled; they are named."""
    with pytest.raises(Conflict, match="OFFERING-1-LEC-0"):
        await read_session(database(), WORKLOADS, job(TERM))


async def test_other_jobs_stay_as_they_are(world: AsgiClient) -> None:
    """A job that is not about a problem keeps a member of that name."""
    body = JobIn(workload="echo", input={"session": "of Parliament"})
    assert (await read_session(database(), WORKLOADS, body)).body == body
    both = job(TERM, problem="0" * 64)
    assert (await read_session(database(), WORKLOADS, both)).body == both
