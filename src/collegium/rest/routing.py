"""Find the route of a request by its path's segments, and say what a path allows.

The framework tries one route after the other, and answers 405 with the methods of the
first that fits. Here a path is looked up in a tree, which costs the same with ten
routes or a thousand, knows every method of a path, and gives HEAD to whatever has GET.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Receive, Scope, Send

from collegium.errors import Misconfigured, NotFound, Unreadable
from collegium.rest.access import OPEN, Access, Admission, access_of
from collegium.rest.answers import Answer
from collegium.rest.binding import lean_app
from collegium.rest.bodies import BodyLimits
from collegium.rest.problems import MethodNotAllowed, MethodUnknown

KNOWN_METHODS = frozenset(
    {
        *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY"),
        *("OPTIONS", "TRACE", "CONNECT"),
    }
)


@dataclass(slots=True)
class Endpoint:
    """What one method of one path leads to.

    Parameters
    ----------
    template : path with its parameters' names, for metrics and logs.
    names : names of the path parameters, in order.
    app : lean application, or the framework's router.
    access : what it needs; None where nobody asks.
    """

    template: str
    names: tuple[str, ...]
    app: ASGIApp
    access: Access | None = None


@dataclass(slots=True)
class Node:
    """One place in the tree of paths."""

    fixed: dict[str, Node] = field(default_factory=dict)
    parameter: Node | None = None
    methods: dict[str, Endpoint] = field(default_factory=dict)
    allow: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Tell whether one of its methods is for everybody."""
        return any(endpoint.access == OPEN for endpoint in self.methods.values())


class Dispatcher:
    """ASGI application that leads each request to its route.

    Parameters
    ----------
    application : whose routes are served.
    limits : bounds of bodies.
    admission : lets requests pass or turns them away, by what their routes declare;
        None lets all pass.

    Raises
    ------
    Misconfigured
        When there is an admission and a route that does not declare what it needs.
    """

    def __init__(
        self,
        application: FastAPI,
        limits: BodyLimits,
        admission: Admission | None = None,
    ) -> None:
        self._admission = admission
        self._router: ASGIApp = AsyncExitStackMiddleware(application.router)
        self._root = Node()
        for context in iter_route_contexts(application.routes):
            path = context.path_format
            if path is None or not context.methods or ":path}" in (context.path or ""):
                continue
            app = lean_app(context, limits) or self._router
            access = access_of(context.endpoint)
            if admission is not None and access is None:
                raise Misconfigured(f"The route {path} does not say what it needs.")
            self._add(path, context.methods, app, access)
        _count_methods(self._root)

    def _add(
        self, path: str, methods: set[str], app: ASGIApp, access: Access | None
    ) -> None:
        node = self._root
        names: list[str] = []
        for segment in path.split("/")[1:]:
            if segment.startswith("{") and segment.endswith("}"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(segment, Node())
        for method in methods:
            endpoint = Endpoint(path, tuple(names), app, access)
            node.methods.setdefault(method, endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        method: str = scope["method"]
        if method not in KNOWN_METHODS:
            raise MethodUnknown(f"{method[:32]!r} is not a method of this server.")
        if "\0" in scope["path"]:
            raise Unreadable("A path cannot have the character U+0000.")
        node, values = self._find(scope)
        if node is None:
            await self._serve_unknown(scope, receive, send)
            return
        endpoint = node.methods.get(method)
        if endpoint is None and method == "HEAD":
            endpoint = node.methods.get("GET")
        if endpoint is None:
            await self._answer_options(node, scope, receive, send)
            return
        scope["collegium.route"] = endpoint.template
        if self._admission is not None and endpoint.access is not None:
            params = dict(zip(endpoint.names, values, strict=True))
            await self._admission(scope, endpoint.access, params)
        if method == "HEAD" and endpoint.app is self._router:
            # The server keeps its own scope and knows that this is a HEAD.
            scope = {**scope, "method": "GET"}
        if endpoint.app is not self._router:
            scope["path_params"] = dict(zip(endpoint.names, values, strict=True))
        await endpoint.app(scope, receive, send)

    async def _serve_unknown(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._admission is None:
            # Mounted applications and catch-all paths, or its 404.
            await self._router(scope, receive, send)
            return
        # The router reads paths in its own way, and would pass the admission by.
        await self._admission.admit_stranger(scope)
        raise NotFound("Not Found")

    async def _answer_options(
        self, node: Node, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if self._admission is not None and not node.is_open:
            await self._admission.admit_stranger(scope)
        if scope["method"] != "OPTIONS":
            raise MethodNotAllowed(
                f"This resource offers {', '.join(node.allow)}.", allowed=node.allow
            )
        allow = ", ".join(node.allow).encode()
        await Answer(204, b"", [(b"allow", allow)])(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[Node | None, list[str]]:
        path: str = scope["path"]
        values: list[str] = []
        node: Node | None = self._root
        for segment in _segments(scope, path):
            assert node is not None
            known = node.fixed.get(segment)
            if known is None:
                known = node.parameter if segment else None
                values.append(segment)
            if known is None:
                return None, values
            node = known
        if node is not None and not node.methods:
            return None, values
        return node, values


def _segments(scope: Scope, path: str) -> list[str]:
    """Split a path at its own slashes, not at those that a client has escaped."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        return path.split("/")[1:]
    text = raw.partition(b"?")[0].decode("latin-1")
    return [unquote(segment) for segment in text.split("/")[1:]]


def _count_methods(node: Node) -> None:
    methods = set(node.methods) | {"OPTIONS"}
    if "GET" in methods:
        methods.add("HEAD")
    node.allow = tuple(sorted(methods))
    for child in node.fixed.values():
        _count_methods(child)
    if node.parameter is not None:
        _count_methods(node.parameter)
