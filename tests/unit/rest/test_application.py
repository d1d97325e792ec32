"""Guards, routing and binding of an application, asked without sockets."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Message, Scope

from collegium.errors import NotFound, Overloaded, Unauthenticated
from collegium.rest.answers import IMMUTABLE, json_answer
from collegium.rest.application import Application
from collegium.rest.bodies import BodyLimits
from collegium.rest.guards import HeaderLimits
from collegium.rest.patch import MEDIA_TYPE as MERGE_PATCH
from collegium.rest.patch import Patch
from collegium.rest.problems import KINDS
from fixtures.asgi import AsgiClient, Reply


class Thing(BaseModel):
    """A body."""

    model_config = ConfigDict(extra="forbid")

    name: str


class ThingQuery(BaseModel):
    """A query."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=5, ge=1, le=9)


router = APIRouter(prefix="/things")


@router.get("")
async def list_things(query: Annotated[ThingQuery, Query()]) -> Response:
    """List."""
    return json_answer({"limit": query.limit})


@router.post("", status_code=201)
async def create_thing(body: Annotated[Thing, Body()]) -> Response:
    """Add."""
    return json_answer({"name": body.name}, status=201)


@router.get("/fixed")
async def show_fixed() -> Response:
    """Show the one with a fixed name."""
    return PlainTextResponse("fixed")


@router.get("/{thing}")
async def show_thing(request: Request, thing: str) -> Response:
    """Show."""
    return json_answer({"thing": thing, "route": request.scope["collegium.route"]})


@router.patch("/{thing}")
async def patch_thing(
    thing: str, body: Annotated[Patch[Thing], Body(media_type=MERGE_PATCH)]
) -> Response:
    """Change."""
    return json_answer({"name": body.apply(Thing, {"name": thing}).name})


@router.get("/{thing}/error")
async def fail(thing: str) -> Response:
    """Fail in a way that the name tells."""
    errors: dict[str, Exception] = {
        "missing": NotFound("There is no such thing."),
        "busy": Overloaded("Too much.", retry_after_s=7),
        "secret": ZeroDivisionError("password is 1234"),
    }
    raise errors[thing]


@router.get("/{thing}/published")
async def show_published(thing: str) -> Response:
    """Show what never changes."""
    return json_answer({"thing": thing}, cache_control=IMMUTABLE)


@router.get("/{thing}/stream")
async def stream(thing: str) -> Response:
    """Send parts for ever, or fail after the first."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        if thing == "broken":
            raise RuntimeError("in the middle")
        await asyncio.Event().wait()

    return StreamingResponse(parts())


def _number(number: int = 3) -> int:
    return number


@router.get("/{thing}/framework")
async def through_framework(
    thing: int, number: Annotated[int, Depends(_number)]
) -> dict[str, int]:
    """Answer as the framework does: it is not lean."""
    return {"thing": thing, "number": number}


OBSERVED: list[tuple[Any, int]] = []


def _gate(scope: Scope) -> None:
    if b"let me in" not in dict(scope["headers"]).get(b"authorization", b"let me in"):
        raise Unauthenticated


@pytest.fixture
def client() -> AsgiClient:
    """Return a client of an application with these routes."""
    app = Application(
        title="Things",
        body_limits=BodyLimits(size_bytes=100),
        header_limits=HeaderLimits(size_bytes=2000, count=20),
        observer=lambda scope, status, seconds: OBSERVED.append(
            (scope.get("collegium.route"), status)
        ),
        gate=_gate,
    )
    app.include_router(router)
    return AsgiClient(app)


def assert_problem(reply: Reply, status: int, slug: str) -> dict[str, Any]:
    """Make sure of the form that every error has, and return it."""
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = reply.json()
    assert problem["status"] == status
    assert problem["type"] == f"/problems/{slug}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == reply.headers["x-request-id"]
    return problem


async def test_parameters_reach_the_function(client: AsgiClient) -> None:
    """Path, query and body come as the signature says."""
    assert (await client.get("/things/a b")).json()["thing"] == "a b"
    assert (await client.get("/things?limit=7")).json() == {"limit": 7}
    assert (await client.get("/things")).json() == {"limit": 5}
    reply = await client.post("/things", {"name": "x"})
    assert (reply.status, reply.json()) == (201, {"name": "x"})
    reply = await client.patch("/things/old", {"name": "new"})
    assert reply.json() == {"name": "new"}


@pytest.mark.parametrize("url", ["/things/a\0b", "/\0"])
async def test_paths_have_no_null_character(client: AsgiClient, url: str) -> None:
    """No key can have U+0000, which PostgreSQL would refuse as a parameter."""
    assert_problem(await client.get(url), 400, "unreadable")


async def test_queries_have_no_null_character(client: AsgiClient) -> None:
    """The same in a query; an escaped percent sign is only that."""
    assert_problem(await client.get("/things?q=%00"), 400, "unreadable")
    assert_problem(await client.get("/things?q=%2500"), 422, "malformed")


async def test_fixed_names_come_before_parameters(client: AsgiClient) -> None:
    """A path that is written out wins over one with a parameter."""
    assert (await client.get("/things/fixed")).body == b"fixed"


async def test_templates_name_routes(client: AsgiClient) -> None:
    """Observers are told the route's template, not the address."""
    OBSERVED.clear()
    reply = await client.get("/things/whatever")
    assert reply.json()["route"] == "/things/{thing}"
    await client.get("/nowhere")
    await client.request("HEAD", "/things/4/framework")
    assert OBSERVED == [
        ("/things/{thing}", 200),
        (None, 404),
        ("/things/{thing}/framework", 200),
    ]


async def test_other_functions_are_served_by_the_framework(client: AsgiClient) -> None:
    """A route with dependencies works too, with our errors."""
    reply = await client.get("/things/4/framework?number=5")
    assert reply.json() == {"thing": 4, "number": 5}
    problem = assert_problem(await client.get("/things/x/framework"), 422, "malformed")
    assert problem["errors"][0]["pointer"] == "/thing"
    reply = await client.request("HEAD", "/things/4/framework")
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize(
    ("path", "query", "slug"),
    [
        ("/things", "limit=0", "malformed"),
        ("/things", "limit=10", "malformed"),
        ("/things", "limit=x", "malformed"),
        ("/things", "limit=1&limit=2", "malformed"),
        ("/things", "other=1", "malformed"),
        ("/things/a", "other=1", "malformed"),
    ],
)
async def test_queries_are_strict(
    client: AsgiClient, path: str, query: str, slug: str
) -> None:
    """Unknown, repeated and unfit query parameters are refused everywhere."""
    assert_problem(await client.get(f"{path}?{query}"), 422, slug)


@pytest.mark.parametrize("query", ["limit=%ff", "&&", "limit"])
async def test_unreadable_queries(client: AsgiClient, query: str) -> None:
    """A query that is not a form in UTF-8 cannot be read."""
    assert_problem(await client.get(f"/things?{query}"), 400, "unreadable")


async def test_allow_lists_all_methods(client: AsgiClient) -> None:
    """405 and OPTIONS name every method of the path, HEAD and OPTIONS among them."""
    allow = "GET, HEAD, OPTIONS, POST"
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        reply = await client.request(method, "/things")
        assert_problem(reply, 405, "method-not-allowed")
        assert reply.headers["allow"] == allow
    reply = await client.request("OPTIONS", "/things")
    assert (reply.status, reply.body, reply.headers["allow"]) == (204, b"", allow)
    reply = await client.request("OPTIONS", "/things/fixed")
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_unknown_methods_are_not_implemented(client: AsgiClient) -> None:
    """A method that no resource knows is 501, whatever the path."""
    for path in ("/things", "/nowhere"):
        assert_problem(await client.request("BREW", path), 501, "method-unknown")


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/things/", "//things", "/things/a/b"]
)
async def test_unknown_paths(client: AsgiClient, path: str) -> None:
    """Nothing is at any other path; none redirects."""
    assert_problem(await client.get(path), 404, "not-found")


async def test_head_is_get_without_a_body(client: AsgiClient) -> None:
    """HEAD has the fields that GET has, and nothing after them."""
    for path in ("/things", "/things/fixed", "/openapi.json"):
        got = await client.get(path)
        head = await client.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        ignored = {"x-request-id"}
        assert {k: v for k, v in head.headers.items() if k not in ignored} == {
            k: v for k, v in got.headers.items() if k not in ignored
        }


async def test_errors_become_problems(client: AsgiClient) -> None:
    """Our errors tell their reason, and when to come back."""
    problem = assert_problem(
        await client.get("/things/missing/error"), 404, "not-found"
    )
    assert problem["detail"] == "There is no such thing."
    assert problem["instance"] == "/things/missing/error"
    reply = await client.get("/things/busy/error")
    assert_problem(reply, 503, "overloaded")
    assert reply.headers["retry-after"] == "7"


async def test_faults_tell_nothing(
    client: AsgiClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of the program is logged with its trace and hidden from the client."""
    with caplog.at_level(logging.ERROR):
        reply = await client.get("/things/secret/error")
    problem = assert_problem(reply, 500, "internal")
    assert b"1234" not in reply.body
    assert problem["request_id"] in caplog.text
    assert "ZeroDivisionError: password is 1234" in caplog.text


async def test_broken_streams_are_cut(client: AsgiClient) -> None:
    """An error after the first bytes reaches the server, which cuts the connection."""
    with pytest.raises(RuntimeError, match="in the middle"):
        await client.get("/things/broken/stream")


async def test_every_answer_has_safe_fields(client: AsgiClient) -> None:
    """Good answers and bad ones say how to be kept and not to be guessed at."""
    for path in ("/things", "/nowhere", "/things/secret/error"):
        reply = await client.get(path)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-security-policy"].startswith("default-src 'none'")
        assert reply.headers["cache-control"] == "no-store"


async def test_what_needs_a_token_is_not_public(client: AsgiClient) -> None:
    """No shared cache keeps for all what somebody was shown for a token."""
    reply = await client.get("/things/a/published")
    assert reply.headers["cache-control"] == IMMUTABLE.decode()
    token = {"authorization": "Bearer let me in"}
    reply = await client.get("/things/a/published", headers=token)
    assert reply.headers["cache-control"] == "private, max-age=31536000, immutable"


async def test_request_ids(client: AsgiClient) -> None:
    """A client may name its request; a name that is none gets another."""
    reply = await client.get("/things", headers={"x-request-id": "my-1"})
    assert reply.headers["x-request-id"] == "my-1"
    found = {
        (await client.get("/things", headers={"x-request-id": bad})).headers[
            "x-request-id"
        ]
        for bad in ("a b", "x" * 65, "", "a\tb")
    }
    assert len(found) == 4
    assert not found & {"a b", "x" * 65, "", "a\tb"}


async def test_large_headers_are_refused(client: AsgiClient) -> None:
    """Headers over the limit of bytes or of fields are refused."""
    reply = await client.get("/things", headers={"x-long": "x" * 2000})
    assert_problem(reply, 431, "headers-too-large")
    assert reply.headers["connection"] == "close"
    many = {f"x-{number}": "" for number in range(30)}
    assert_problem(await client.get("/things", headers=many), 431, "headers-too-large")


async def test_bodies_are_bounded_and_typed(client: AsgiClient) -> None:
    """Bodies too large, of another type or broken have answers of their own."""
    reply = await client.post("/things", {"name": "x" * 100})
    assert_problem(reply, 413, "too-large")
    assert reply.headers["connection"] == "close"
    fields = {"content-type": "text/plain"}
    reply = await client.request("POST", "/things", content=b"{}", headers=fields)
    assert_problem(reply, 415, "unsupported-media-type")
    assert reply.headers["accept-post"] == "application/json"
    fields = {"content-type": "application/json"}
    reply = await client.request("PATCH", "/things/a", content=b"{}", headers=fields)
    assert_problem(reply, 415, "unsupported-media-type")
    assert reply.headers["accept-patch"] == MERGE_PATCH
    reply = await client.request("POST", "/things", content=b"{", headers=fields)
    assert_problem(reply, 400, "unreadable")
    problem = assert_problem(await client.post("/things", {}), 422, "malformed")
    assert problem["errors"] == [{"pointer": "/name", "detail": "Field required"}]


async def test_gate_comes_first(client: AsgiClient) -> None:
    """Who is turned away learns neither routes nor rules."""
    headers = {"authorization": "no"}
    for path in ("/things", "/nowhere"):
        reply = await client.get(path, headers=headers)
        assert_problem(reply, 401, "unauthenticated")
        assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [(b"host", b"a"), (b"host", b"a")],
        [(b"host", b"a b")],
        [(b"host", b"")],
        [(b"host", b"a/b")],
        [(b"host", b"user@a")],
        [(b"host", b"a"), (b"content-length", b"1"), (b"content-length", b"1")],
        [
            (b"host", b"a"),
            (b"content-length", b"1"),
            (b"transfer-encoding", b"chunked"),
        ],
    ],
)
async def test_unclear_framing_is_refused(
    client: AsgiClient, fields: list[tuple[bytes, bytes]]
) -> None:
    """Without exactly one host, or with two ends of the body, nothing is done."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/things",
        "raw_path": b"/things",
        "query_string": b"",
        "headers": fields,
    }
    await client._app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_escaped_slashes_stay_in_their_segment(client: AsgiClient) -> None:
    """An escaped slash belongs to a name and does not lead to another route."""
    seen: list[Message] = []

    async def send(message: Message) -> None:
        seen.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/things/a/error",
        "raw_path": b"/things/a%2Ferror",
        "query_string": b"",
        "headers": [(b"host", b"a")],
    }
    await client._app(scope, receive, send)
    assert b'"thing":"a/error"' in seen[1]["body"]


def test_problem_types_are_distinct() -> None:
    """Each line of the table has a name of its own and a status that is an error."""
    slugs = [kind.slug for kind in KINDS.values()]
    assert len(slugs) == len(set(slugs))
    assert all(400 <= kind.status < 600 for kind in KINDS.values())


async def test_the_document_is_made_once_and_elsewhere() -> None:
    """Many who ask at once get one document, and the loop does not make it."""
    made_in: list[threading.Thread] = []

    class Slow(Application):
        def openapi(self) -> dict[str, Any]:
            made_in.append(threading.current_thread())
            return super().openapi()

    client = AsgiClient(Slow(title="Things"))
    replies = await asyncio.gather(*(client.get("/openapi.json") for _ in range(5)))
    assert len({reply.body for reply in replies}) == 1
    assert len(made_in) == 1
    assert made_in[0] is not threading.current_thread()
    known = {"if-none-match": replies[0].etag}
    assert (await client.get("/openapi.json", headers=known)).status == 304


async def test_document_describes_lean_routes(client: AsgiClient) -> None:
    """The OpenAPI document has the bodies, queries and problems of lean routes."""
    document = (await client.get("/openapi.json")).json()
    post = document["paths"]["/things"]["post"]
    body = post["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Thing"}
    problem = {"$ref": "#/components/schemas/Problem"}
    for status in ("400", "404", "413", "415", "422", "500"):
        content = post["responses"][status]["content"]
        assert content["application/problem+json"]["schema"] == problem
    limit, known = document["paths"]["/things"]["get"]["parameters"]
    assert known == {"$ref": "#/components/parameters/IfNoneMatch"}
    assert (limit["name"], limit["in"]) == ("limit", "query")
    patch = document["paths"]["/things/{thing}"]["patch"]["requestBody"]["content"]
    assert patch[MERGE_PATCH]["schema"]["properties"]["name"]["anyOf"][1] == {
        "type": "null"
    }
    assert "HTTPValidationError" not in document["components"]["schemas"]
