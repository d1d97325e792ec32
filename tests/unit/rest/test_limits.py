"""How often anybody may ask."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import APIRouter
from http_sf import parse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.requests import Request

from collegium.errors import Misconfigured
from collegium.rest.access import Area, guarded
from collegium.rest.answers import Answer
from collegium.rest.application import Application
from collegium.rest.buckets import TokenBuckets
from collegium.rest.gate import CoordinatorGate
from collegium.rest.health import health_router
from collegium.rest.limits import RateLimits, networks
from fixtures.asgi import AsgiClient, Reply

API, WORKER = SecretStr("clients"), SecretStr("fleet")


class Clock:
    """A time that a test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return it."""
        return self.now_s


def app_of(rates: RateLimits, *, has_gate: bool = False) -> AsgiClient:
    """Return a client of an application with a limit."""
    router = APIRouter()

    @router.get("/things")
    @guarded(Area.CATALOGUE)
    async def list_things(request: Request) -> Answer:
        """List things."""
        return Answer(204, b"", [])

    @router.put("/workers/{name}")
    @guarded(Area.MEMBERSHIP)
    async def announce(request: Request, name: str) -> Answer:
        """Announce."""
        return Answer(204, b"", [])

    gate = CoordinatorGate(API, WORKER, is_required=True) if has_gate else None
    app = Application(title="test", admission=gate, rates=rates)
    app.include_router(router, prefix="/v1")
    app.include_router(health_router(lambda request: {}), prefix="/health")
    return AsgiClient(app)


async def ask(
    client: AsgiClient, token: str | None = None, forwarded: str | None = None
) -> Reply:
    """Ask once."""
    headers = {}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    if forwarded is not None:
        headers["x-forwarded-for"] = forwarded
    return await client.get("/v1/things", headers=headers)


async def test_beyond_the_quota_is_429_until_time_has_passed() -> None:
    """The answers say what is left; then it is a problem with Retry-After."""
    clock = Clock()
    client = app_of(RateLimits(3, 60, clock_s=clock))
    left: list[Any] = []
    for _ in range(3):
        reply = await ask(client)
        assert reply.status == 204
        assert reply.headers["ratelimit-policy"] == '"default";q=3;w=60'
        left.append(reply.headers["ratelimit"])
    assert left == [f'"default";r={r};t={t}' for r, t in [(2, 20), (1, 40), (0, 60)]]
    refused = await ask(client)
    assert refused.status == 429
    assert refused.json()["type"] == "/problems/rate-limited"
    assert refused.headers["retry-after"] == "20"
    assert refused.headers["cache-control"] == "no-store"
    assert refused.headers["ratelimit"] == '"default";r=0;t=60'
    clock.now_s += 19.9
    assert (await ask(client)).status == 429
    clock.now_s += 0.1
    assert (await ask(client)).status == 204


async def test_fields_are_structured() -> None:
    """A parser of structured fields reads both, as lists of strings with integers."""
    reply = await ask(app_of(RateLimits(3, 60)))
    for name, keys in [("ratelimit-policy", {"q", "w"}), ("ratelimit", {"r", "t"})]:
        ((value, parameters),) = parse(reply.headers[name].encode(), tltype="list")
        assert value == "default"
        assert set(parameters) == keys
        assert all(isinstance(number, int) for number in parameters.values())


async def test_off_by_default() -> None:
    """With a quota of 0 nobody is limited, and nothing is said of it."""
    client = app_of(RateLimits(0, 60))
    replies = [await ask(client) for _ in range(50)]
    assert {reply.status for reply in replies} == {204}
    assert "ratelimit" not in replies[-1].headers


async def test_machines_go_on() -> None:
    """Health, metrics and announcements are answered when the quota is used up."""
    client = app_of(RateLimits(1, 60))
    await ask(client)
    assert (await ask(client)).status == 429
    for _ in range(5):
        assert (await client.get("/health/live")).status == 200
        assert (await client.put("/v1/workers/w", {})).status == 204


async def test_a_good_token_has_its_own_quota_a_guess_has_not() -> None:
    """Guesses are counted at their address; the token behind it is not hindered."""
    client = app_of(RateLimits(5, 60, unlimited=[WORKER]), has_gate=True)
    assert (await ask(client, "clients")).status == 204
    statuses = [(await ask(client, f"guess {n}")).status for n in range(10)]
    assert statuses == 4 * [401] + 6 * [429]
    assert [(await ask(client, "clients")).status for _ in range(5)] == 5 * [204]
    assert (await ask(client, "clients")).status == 429


async def test_open_pages_do_not_make_a_token_good() -> None:
    """Showing anything where nothing needs to be shown opens no new quota."""
    client = app_of(RateLimits(2, 60), has_gate=True)
    statuses = []
    for number in range(4):
        headers = {"authorization": f"Bearer guess {number % 2}"}
        reply = await client.get("/openapi.json", headers=headers)
        statuses.append(reply.status)
    assert statuses == [200, 200, 429, 429]


async def test_the_fleet_is_not_limited() -> None:
    """Who shows the workers' token gets payloads as often as there are tasks."""
    client = app_of(RateLimits(1, 60, unlimited=[WORKER]), has_gate=True)
    for _ in range(5):
        reply = await client.get(
            "/v1/workers/w", headers={"authorization": "Bearer fleet"}
        )
        assert reply.status == 405
        assert "ratelimit" not in reply.headers


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        ((), "9.9.9.9", "127.0.0.1"),
        (("10.0.0.0/8",), "9.9.9.9", "127.0.0.1"),
        (("127.0.0.0/8",), "9.9.9.9", "9.9.9.9"),
        (("127.0.0.0/8",), "1.2.3.4, 9.9.9.9", "9.9.9.9"),
        (("127.0.0.0/8", "9.9.9.9/32"), "1.2.3.4, 9.9.9.9", "1.2.3.4"),
        (("127.0.0.0/8",), "nonsense", "127.0.0.1"),
        (("127.0.0.0/8",), "nonsense, 9.9.9.9", "9.9.9.9"),
        (("127.0.0.0/8",), "2001:db8::1", "2001:db8::1"),
        (("127.0.0.0/8",), None, "127.0.0.1"),
    ],
)
def test_only_trusted_proxies_are_believed(
    trusted: tuple[str, ...], forwarded: str | None, address: str
) -> None:
    """Nobody who asks directly, or behind a proxy, can say to be somebody else."""
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    scope = {"client": ("127.0.0.1", 1), "headers": headers}
    assert RateLimits(1, 1, trusted=networks(trusted)).address(scope) == address


def test_a_proxy_is_a_network() -> None:
    """Anything else is said at the start."""
    with pytest.raises(Misconfigured, match="nonsense"):
        networks(["10.0.0.1", "nonsense"])


async def test_the_interface_declares_it() -> None:
    """Every operation may answer 429, and every answer may carry the fields."""
    client = app_of(RateLimits(0, 60))
    document = (await client.get("/openapi.json")).json()
    assert set(document["components"]["headers"]) == {"RateLimit", "RateLimit-Policy"}
    for operations in document["paths"].values():
        for operation in operations.values():
            assert "Retry-After" in operation["responses"]["429"]["headers"]
            for response in operation["responses"].values():
                assert {"RateLimit", "RateLimit-Policy"} <= set(response["headers"])


gaps = st.lists(st.floats(0.0, 30.0), min_size=1, max_size=200)


@given(gaps, st.integers(1, 20), st.integers(1, 60))
def test_no_window_sees_more_than_twice_the_quota(
    pauses: list[float], quota: int, window_s: int
) -> None:
    """In any window at most a full bucket and what flows in meanwhile is admitted."""
    buckets = TokenBuckets(quota, window_s)
    now_s, admitted = 0.0, []
    for pause in pauses:
        now_s += pause
        if buckets.take("a", now_s).is_admitted:
            admitted.append(now_s)
    for start_s in admitted:
        inside = [t for t in admitted if start_s <= t < start_s + window_s]
        assert len(inside) <= 2 * quota


@given(gaps, st.integers(1, 20), st.integers(1, 60))
def test_whoever_waits_as_told_is_admitted(
    pauses: list[float], quota: int, window_s: int
) -> None:
    """Retry-After is enough; what is said to remain is there at once."""
    buckets = TokenBuckets(quota, window_s)
    now_s = 0.0
    for pause in pauses:
        now_s += pause
        verdict = buckets.take("a", now_s)
        assert 0 <= verdict.remaining < quota or quota == verdict.remaining == 0
        if not verdict.is_admitted:
            assert verdict.retry_after_s >= 1
            now_s += verdict.retry_after_s
            assert buckets.take("a", now_s).is_admitted
        elif verdict.remaining:
            assert buckets.take("a", now_s).is_admitted


@given(st.lists(st.text(max_size=3), max_size=100), st.integers(1, 5))
def test_memory_is_bounded_and_callers_are_apart(callers: list[str], most: int) -> None:
    """Never more callers are remembered than allowed; nobody pays for another."""
    buckets = TokenBuckets(1, 60, most=most)
    for caller in callers:
        buckets.take(caller, 0.0)
        assert len(buckets) <= most
    apart = TokenBuckets(1, 60)
    for caller in dict.fromkeys(callers):
        assert apart.take(caller, 0.0).is_admitted
        assert not apart.take(caller, 0.0).is_admitted


def test_no_token_is_kept() -> None:
    """What identifies a caller in memory is a digest."""
    rates = RateLimits(1, 60)
    scope = {"client": None, "headers": [(b"authorization", b"Bearer secret")]}
    rates.let_in(scope)
    assert all(re.fullmatch("[0-9a-f]{32}", caller) for caller in rates._known)
