"""Who is let in with which token or key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import pytest
from fastapi import APIRouter
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from collegium.errors import Forbidden, Misconfigured, NotFound, Unauthenticated
from collegium.rest.access import (
    OPEN,
    ROLE_SCOPES,
    Access,
    Area,
    Principal,
    Role,
    guarded,
    principal_of,
)
from collegium.rest.answers import json_answer
from collegium.rest.application import Application
from collegium.rest.gate import CoordinatorGate, worker_gate
from fixtures.asgi import AsgiClient

API, WORKER = SecretStr("the clients' own"), SecretStr("the workers' own")
REGISTRAR = SecretStr("cgk_registrar")
CLIENT_AREAS = [
    Area.UNIVERSITIES,
    Area.JOBS,
    Area.FLEET,
    Area.TASKS,
    Area.RUNNING,
    Area.KEYS,
]
WORKER_AREAS = [Area.MEMBERSHIP, Area.BLOBS]
OWN = {"university": "own"}
Pair = tuple[SecretStr | None, SecretStr | None]


class OneKey:
    """The key of a registrar, as long as it is not revoked."""

    is_revoked = False

    async def find_key(self, presented: bytes) -> Principal | None:
        """Return the registrar."""
        if self.is_revoked or presented.decode() != REGISTRAR.get_secret_value():
            return None
        scopes = ROLE_SCOPES[Role.REGISTRAR]
        return Principal("id", Role.REGISTRAR, scopes, university_id="own")

    async def find_university(self, code: str) -> str | None:
        """Return the id of the one university."""
        return "own" if code == "HOME" else None


def scope_of(method: str, token: SecretStr | None) -> Scope:
    """Return the scope of a request that shows a token."""
    fields = []
    if token is not None:
        shown = f"Bearer {token.get_secret_value()}"
        fields.append((b"authorization", shown.encode()))
    return {"type": "http", "method": method, "headers": fields, "state": {}}


async def outcome(
    gate: CoordinatorGate,
    area: Area | None,
    token: SecretStr | None,
    *,
    method: str = "GET",
    params: Mapping[str, str] | None = None,
) -> str:
    """Tell what becomes of a request, or who it is from when it passes."""
    scope = scope_of(method, token)
    try:
        await gate(scope, Access(area), params or {})
    except (Unauthenticated, Forbidden, NotFound) as error:
        return type(error).__name__
    return principal_of(scope).name


def gate_of(configured: Pair, *, is_required: bool | None = None) -> CoordinatorGate:
    """Return a gate as a coordinator with these two tokens has it."""
    required = configured[0] is not None if is_required is None else is_required
    return CoordinatorGate(*configured, is_required=required, keys=OneKey())


@pytest.mark.parametrize("area", WORKER_AREAS)
@pytest.mark.parametrize("configured", [(API, WORKER), (API, None), (None, WORKER)])
async def test_any_token_closes_what_workers_use(configured: Pair, area: Area) -> None:
    """Blobs and announcements need one of the tokens as soon as either is set."""
    gate = gate_of(configured)
    for token in (None, SecretStr("wrong")):
        assert await outcome(gate, area, token) == "Unauthenticated"
    for token, name in ((API, "token"), (WORKER, "worker")):
        expected = name if token in configured else "Unauthenticated"
        assert await outcome(gate, area, token) == expected


@pytest.mark.parametrize("area", CLIENT_AREAS)
async def test_a_workers_token_opens_nothing_else(area: Area) -> None:
    """What clients use is forbidden to it, and closed to strangers."""
    gate = gate_of((API, WORKER))
    assert await outcome(gate, area, API) == "token"
    assert await outcome(gate, area, WORKER) == "Forbidden"
    assert await outcome(gate, area, None) == "Unauthenticated"


async def test_a_parent_asks_for_tasks() -> None:
    """With a parent, the fleet's token opens what a parent asks of a member."""
    gate = CoordinatorGate(API, WORKER, is_required=True, has_parent=True)
    assert await outcome(gate, Area.RUNNING, WORKER, method="PUT") == "worker"
    assert await outcome(gate, Area.TASKS, WORKER, method="POST") == "Forbidden"


async def test_some_things_are_for_everybody() -> None:
    """What is declared open needs no token."""
    assert await outcome(gate_of((API, WORKER)), None, None) == "local"


@pytest.mark.parametrize("area", list(Area))
async def test_where_nothing_is_required_all_is_open(area: Area) -> None:
    """On loopback without tokens nobody is asked; and then no token is wrong."""
    gate = gate_of((None, None))
    for token in (None, SecretStr("whatever")):
        assert await outcome(gate, area, token, method="POST") == "local"
    assert worker_gate(None) is None


async def test_required_needs_no_token_to_be_set() -> None:
    """Keys alone can be demanded."""
    gate = gate_of((None, None), is_required=True)
    assert await outcome(gate, Area.COURSES, None) == "Unauthenticated"
    assert await outcome(gate, Area.MEMBERSHIP, None) == "Unauthenticated"
    assert await outcome(gate, Area.COURSES, REGISTRAR, params=OWN) == "id"


@pytest.mark.parametrize("is_required", [True, False])
async def test_a_revoked_key_ends_at_once(is_required: bool) -> None:
    """Nothing is kept; and it is refused even where nobody is asked for a key."""
    gate = gate_of((None, None), is_required=is_required)
    assert await outcome(gate, Area.COURSES, REGISTRAR, params=OWN) == "id"
    assert isinstance(gate.keys, OneKey)
    gate.keys.is_revoked = True
    assert await outcome(gate, Area.COURSES, REGISTRAR) == "Unauthenticated"
    assert await outcome(gate, Area.COURSES, SecretStr("cgk_x")) == "Unauthenticated"


async def test_a_bound_key_sees_one_university() -> None:
    """By its id or its code; any other is not there, whatever the scope."""
    gate = gate_of((API, None))
    for key, expected in (("own", "id"), ("HOME", "id"), ("x", "NotFound")):
        found = await outcome(gate, Area.COURSES, REGISTRAR, params={"university": key})
        assert found == expected
    for area in (Area.FLEET, Area.COURSES):
        assert await outcome(gate, area, REGISTRAR) == "Forbidden"
    assert (
        await outcome(gate, Area.FLEET, REGISTRAR, params={"university": "x"})
        == "NotFound"
    )


def application(router: APIRouter, gate: CoordinatorGate | None = None) -> AsgiClient:
    """Return a client of an application with an admission."""
    app = Application(title="gated", admission=gate or gate_of((API, None)))
    app.include_router(router)
    return AsgiClient(app)


async def show(request: Request) -> Response:
    """Show something that a shared cache would keep."""
    return json_answer({}, cache_control=b"public, max-age=60")


async def test_a_route_must_say_what_it_needs() -> None:
    """An application with an admission does not start with a silent route."""
    router = APIRouter()
    router.add_api_route("/things", show)
    with pytest.raises(Misconfigured, match="/things"):
        await application(router).get("/things")


async def test_strangers_learn_nothing() -> None:
    """What is not there, and what it offers, is told only to those who are let in."""
    router = APIRouter()
    router.add_api_route("/things", guarded(Area.COURSES)(_copy()))
    router.add_api_route("/open", guarded(OPEN)(_copy()))
    client = application(router)
    shown = {"authorization": f"Bearer {API.get_secret_value()}"}
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("POST", "/things", 405),
        ("OPTIONS", "/things", 204),
        ("GET", "/things", 200),
    ):
        stranger = await client.request(method, path)
        assert stranger.status == 401
        assert stranger.headers["www-authenticate"] == "Bearer"
        assert stranger.headers["cache-control"] == "no-store"
        assert (await client.request(method, path, headers=shown)).status == status
    assert (await client.get("/open")).status == 200
    assert (await client.request("POST", "/open")).status == 405


async def test_paths_have_one_meaning() -> None:
    """A path that is escaped otherwise does not lead past the gate."""
    router = APIRouter()
    router.add_api_route("/a/things", guarded(Area.FLEET)(_copy()))
    app = Application(title="gated", admission=gate_of((None, None)))
    app.include_router(router)
    sent = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    scope = {
        **scope_of("GET", REGISTRAR),
        "http_version": "1.1",
        "path": "/a/things",
        "raw_path": b"/a%2Fthings",
        "query_string": b"",
    }
    scope["headers"] = [*scope["headers"], (b"host", b"test")]
    await app(scope, receive, send)
    assert sent[0]["status"] == 404  # type: ignore[index]


async def test_what_somebody_is_shown_stays_theirs() -> None:
    """With Authorization no answer is for shared caches; without, nothing changes."""
    router = APIRouter()
    router.add_api_route("/things", guarded(Area.COURSES)(_copy()))
    client = application(router, gate_of((None, None)))
    plain = await client.get("/things")
    assert plain.headers["cache-control"] == "public, max-age=60"
    assert "vary" not in plain.headers
    shown = await client.get("/things", headers={"authorization": "Bearer x"})
    assert shown.headers["cache-control"] == "private, max-age=60"
    assert shown.headers["vary"] == "authorization"


def _copy() -> Callable[[Request], Awaitable[Response]]:
    async def copy(request: Request) -> Response:
        return await show(request)

    return copy
