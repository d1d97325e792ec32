"""Every route, every role, every university: what is declared is what happens."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts

from collegium.coordinator.app import create_app
from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.rest.access import ROLE_SCOPES, Area, Role, access_of
from collegium.rest.application import Application
from collegium.settings import CoordinatorSettings
from fixtures.access import KeyHolder, new_key
from fixtures.asgi import AsgiClient, serving

UNIVERSITY = "/v1/universities/{university}"
SESSION = f"{UNIVERSITY}/sessions/{{session}}"
AREAS: dict[str, Area | None] = {
    "/": None,
    "/ui/{name}": None,
    "/openapi.json": None,
    "/metrics": None,
    "/health/live": None,
    "/health/ready": None,
    "/v1/workers": Area.FLEET,
    "/v1/workers/{worker_id}": Area.MEMBERSHIP,
    "/v1/stats": Area.FLEET,
    "/v1/tasks": Area.TASKS,
    "/v1/task-batches": Area.TASKS,
    "/v1/tasks/{task_id}": Area.RUNNING,
    "/v1/self": Area.RUNNING,
    "/v1/blobs/{sha256}": Area.BLOBS,
    "/v1/jobs": Area.JOBS,
    "/v1/jobs/{job}": Area.JOBS,
    "/v1/jobs/{job}/result": Area.JOBS,
    "/v1/jobs/{job}/events": Area.JOBS,
    "/v1/keys": Area.KEYS,
    "/v1/keys/{key}": Area.KEYS,
    "/v1/audit-events": Area.AUDIT,
    "/v1/audit-events/{seq}": Area.AUDIT,
    "/v1/universities": Area.UNIVERSITIES,
    UNIVERSITY: Area.UNIVERSITIES,
    f"{UNIVERSITY}/search": Area.COURSES,
    f"{SESSION}/classes/{{class_}}/limit": Area.OFFERINGS,
    f"{SESSION}/imports": Area.INTERCHANGE,
    f"{UNIVERSITY}/imports": Area.INTERCHANGE,
    f"{UNIVERSITY}/exports/oneroster": Area.INTERCHANGE,
    f"{UNIVERSITY}/exports/courses": Area.INTERCHANGE,
    f"{UNIVERSITY}/exports/rooms": Area.INTERCHANGE,
    f"{UNIVERSITY}/exports/people": Area.INTERCHANGE,
    f"{SESSION}/exports/enrolments": Area.INTERCHANGE,
    f"{SESSION}/problem": Area.INTERCHANGE,
    f"{SESSION}/snapshots": Area.INTERCHANGE,
    f"{SESSION}/publications": Area.PUBLICATIONS,
    f"{SESSION}/publications/current": Area.PUBLICATIONS,
    f"{SESSION}/publications/{{number}}": Area.PUBLICATIONS,
    **{
        path: area
        for base, member, area in (
            (f"{UNIVERSITY}/keys", "key", Area.KEYS),
            (f"{UNIVERSITY}/audit-events", "seq", Area.AUDIT),
            (f"{UNIVERSITY}/organisations", "organisation", Area.CATALOGUE),
            (f"{UNIVERSITY}/sessions", "session", Area.CATALOGUE),
            (f"{UNIVERSITY}/buildings", "building", Area.CATALOGUE),
            (f"{UNIVERSITY}/rooms", "room", Area.CATALOGUE),
            (f"{UNIVERSITY}/travel-times", "travel_time", Area.CATALOGUE),
            (f"{UNIVERSITY}/people", "person", Area.PEOPLE),
            (f"{UNIVERSITY}/memberships", "membership", Area.PEOPLE),
            (f"{UNIVERSITY}/courses", "course", Area.COURSES),
            (f"{SESSION}/offerings", "offering", Area.OFFERINGS),
            (f"{SESSION}/classes", "class_", Area.OFFERINGS),
            (f"{SESSION}/course-offerings", "course_offering", Area.OFFERINGS),
            (f"{SESSION}/distributions", "distribution", Area.PLANNING),
            (
                f"{SESSION}/teaching-assignments",
                "teaching_assignment",
                Area.PLANNING,
            ),
            (f"{SESSION}/requests", "course_request", Area.ENROLMENTS),
            (f"{SESSION}/enrolments", "enrolment", Area.ENROLMENTS),
        )
        for path in (base, f"{base}/{{{member}}}")
    },
}
"""What each resource needs, said a second time: a route that is not here fails."""

LIMITED = {"/v1/universities", "/v1/jobs", "/v1/blobs"}
"""What limits itself to the university of a key without naming it in the path."""
LIMITING = {Area.UNIVERSITIES, Area.JOBS, Area.BLOBS}
SAMPLES = {"university": "HOME", "session": "TERM", "name": "console.js"}
BOUND = (Role.REGISTRAR, Role.SCHEDULER, Role.STUDENT)


def routes_of(app: Application) -> Iterator[tuple[str, str]]:
    """Yield method and path of each route."""
    for context in iter_route_contexts(app.routes):
        for method in sorted(context.methods or ()):
            yield method, context.path_format or ""


def address(path: str, university: str) -> str:
    """Return a path with something in place of its parameters."""
    values = {**SAMPLES, "university": university}
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], "0"), path)


def needed(method: str, path: str) -> str | None:
    """Return the scope that a route needs."""
    area = AREAS[path]
    return area and f"{area}:{'read' if method in {'GET', 'HEAD'} else 'write'}"


@pytest.fixture(scope="session")
def settings(
    sqlite_world: Path, tmp_path_factory: pytest.TempPathFactory
) -> CoordinatorSettings:
    """Return the settings of a coordinator that demands keys, with the world."""
    folder = tmp_path_factory.mktemp("access")
    path = folder / "world.db"
    path.write_bytes(sqlite_world.read_bytes())
    return CoordinatorSettings(
        database=f"sqlite:///{path}",
        data_dir=folder,
        workloads=("noop",),
        local_slots=1,
        auth="required",
    )


@pytest.fixture
async def database(settings: CoordinatorSettings) -> AsyncIterator[Database]:
    """Return the coordinator's database."""
    database = database_at(settings.database)
    await database.open()
    yield database
    await database.close()


async def keys_of(database: Database) -> dict[Role, str]:
    """Return a key of each role, all of HOME where they have a university."""
    more = {
        Role.SCHEDULER: {"organisation_id": "DEPT"},
        Role.STUDENT: {"person_id": "PERSON"},
    }
    return {role: await new_key(database, role, **more.get(role, {})) for role in Role}


async def last_seq(database: Database, code: str) -> int:
    """Return the number of the latest change of a university."""
    row = await database.fetch_one(
        "SELECT seq FROM audit_counters WHERE university_id = "
        "(SELECT id FROM universities WHERE code = ?)",
        (code,),
    )
    return 0 if row is None else int(row[0])


def test_every_route_is_known_here() -> None:
    """Each route declares the area that this page says it has, and none is left out."""
    settings = CoordinatorSettings(
        database="sqlite:///never-opened.db", parent=("http://127.0.0.1:9",)
    )
    app = create_app(settings)
    declared = {}
    for context in iter_route_contexts(app.routes):
        access = access_of(context.endpoint)
        assert access is not None, f"{context.path_format} does not say what it needs"
        declared[context.path_format] = access.area
        start = "/".join((context.path_format or "").split("/")[:3])
        assert access.limits_itself is (start in LIMITED and access.area in LIMITING)
    assert declared == AREAS


def test_roles_reach_as_far_as_they_are_meant_to() -> None:
    """Only operators reach beyond a university; a worker cannot touch a catalogue."""
    everything = {f"{a}:{level}" for a in Area for level in ("read", "write")}
    assert ROLE_SCOPES[Role.OPERATOR] == everything
    fleet = {Area.FLEET, Area.TASKS, Area.RUNNING, Area.MEMBERSHIP}
    for role in BOUND:
        areas = {scope.partition(":")[0] for scope in ROLE_SCOPES[role]}
        assert not areas & fleet
        assert "universities:write" not in ROLE_SCOPES[role]
    assert ROLE_SCOPES[Role.SCHEDULER] < ROLE_SCOPES[Role.REGISTRAR]
    assert ROLE_SCOPES[Role.STUDENT] < ROLE_SCOPES[Role.REGISTRAR]
    assert {s.partition(":")[0] for s in ROLE_SCOPES[Role.WORKER]} == {
        Area.MEMBERSHIP,
        Area.BLOBS,
    }


async def test_the_matrix(settings: CoordinatorSettings, database: Database) -> None:
    """Each role at each route, in its own university, in another and in none.

    Without a key everything but the open routes is 401; another university is 404 as
    one that is not there; what the scopes do not have is 403; the rest is let in, and
    complains of the body or finds nothing at most.
    """
    keys = await keys_of(database)
    away = await last_seq(database, "AWAY")
    app = create_app(settings)
    wrong = []

    def note(what: str, found: int, expected: object) -> None:
        if found != expected:
            wrong.append(f"{what}: {found} in place of {expected}")

    async with serving(app):
        stranger = AsgiClient(app)
        for method, path in routes_of(app):
            scope = needed(method, path)
            own, other, none = (address(path, u) for u in ("HOME", "AWAY", "NONE"))
            if scope is None:
                note(f"nobody {method} {path}", (await stranger.get(own)).status, 200)
                continue
            reply = await stranger.request(method, own, {})
            note(f"nobody {method} {path}", reply.status, 401)
            for role, key in keys.items():
                client = KeyHolder(app, key)
                what = f"{role} {method} {path}"
                is_elsewhere = "{university}" not in path and not any(
                    path.startswith(limited) for limited in LIMITED
                )
                may = scope in ROLE_SCOPES[role] and not (
                    role in BOUND and is_elsewhere
                )
                reply = await client.request(method, own, {})
                note(what, 0 if reply.status in (401, 403) else 1, int(may))
                if role not in BOUND or "{university}" not in path:
                    continue
                there = await client.request(method, other, {})
                nowhere = await client.request(method, none, {})
                note(f"{what} elsewhere", there.status, 404)
                note(f"{what} nowhere", nowhere.status, 404)
                said, unsaid = (
                    re.sub(rb'"(request_id)": ?"[^"]*"', b"", r.body)
                    for r in (there, nowhere)
                )
                assert said.replace(b"AWAY", b"NONE") == unsaid
    assert wrong == []
    assert await last_seq(database, "AWAY") == away


async def test_a_bound_key_lists_only_its_university(
    settings: CoordinatorSettings, database: Database
) -> None:
    """The one collection above all universities shows one of them."""
    app = create_app(settings)
    operator = KeyHolder(app, await new_key(database, "operator"))
    async with serving(app):
        for role in BOUND:
            key = (await keys_of(database))[role]
            client = KeyHolder(app, key)
            everything = (await operator.get("/v1/universities")).json()["items"]
            assert {u["code"] for u in everything} == {"HOME", "AWAY"}
            listed = (await client.get("/v1/universities")).json()["items"]
            assert [u["code"] for u in listed] == ["HOME"]


async def test_jobs_of_others_are_not_there(
    settings: CoordinatorSettings, database: Database
) -> None:
    """A registrar sees, follows and cancels jobs of its own university only."""
    app = create_app(settings)
    home = KeyHolder(app, await new_key(database, "registrar"))
    away = KeyHolder(app, await new_key(database, "registrar", "AWAY"))
    operator = KeyHolder(app, await new_key(database, "operator"))
    async with serving(app):
        made = await home.post("/v1/jobs", {"workload": "noop", "input": {}})
        if made.status == 422:  # no workload of this coordinator takes jobs
            async with database.transaction() as transaction:
                await transaction.execute(
                    "INSERT INTO jobs (id, workload, input, state, progress, "
                    "is_cancel_requested, version, epoch, lease_until_s, elapsed_s, "
                    "created_at, updated_at, university_id) "
                    "SELECT 'a-job', 'noop', '{}', 'failed', '{}', 0, 1, 0, 0, 0, "
                    "'', '', id FROM universities WHERE code = 'HOME'"
                )
            path = "/v1/jobs/a-job"
        else:
            path = made.headers["location"]
        for method, at in (
            ("GET", path),
            ("GET", f"{path}/events"),
            ("GET", f"{path}/result"),
            ("DELETE", path),
        ):
            assert (await away.request(method, at)).status == 404
        assert (await away.get("/v1/jobs")).json()["items"] == []
        for client in (home, operator):
            assert (await client.get(path)).status == 200
            assert len((await client.get("/v1/jobs")).json()["items"]) == 1
