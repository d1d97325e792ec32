"""Call a route's function with what its signature asks for, by the shortest way.

FastAPI reads the signature and describes it in the OpenAPI document; this module
serves it. A function is *lean* when it is asynchronous, returns a ready ``Response``
and takes nothing but

- ``request: Request``,
- path parameters as ``str``,
- one model of all query parameters, ``Annotated[Query, Query()]``,
- one JSON body, ``Annotated[Body, Body()]``, or a merge patch ``Patch[Body]``.

Any other function is served by FastAPI itself. Lean functions get strict bodies, and
skip dependency resolution, which costs more than reading a row.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from collegium.errors import Malformed, Unreadable
from collegium.rest.bodies import (
    JSON,
    BodyLimits,
    decoded,
    malformed,
    read_body,
    require_media_type,
    validated,
)
from collegium.rest.patch import MEDIA_TYPE as MERGE_PATCH
from collegium.rest.patch import Patch

Argument = Callable[[Request], Awaitable[Any]]


def lean_app(context: RouteContext, limits: BodyLimits) -> ASGIApp | None:
    """Return an ASGI application for a lean route, None for any other."""
    endpoint = context.endpoint
    dependant: Dependant | None = getattr(context, "dependant", None)
    if endpoint is None or dependant is None or not _is_lean(endpoint, dependant):
        return None
    name_of_request = dependant.request_param_name
    query = _query(dependant)
    body = _body(dependant, limits)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        arguments: dict[str, Any] = scope["path_params"]
        if name_of_request is not None:
            arguments[name_of_request] = request
        if query is not None:
            arguments[query[0]] = query[1](scope)
        elif scope["query_string"]:
            raise Malformed("This resource takes no query parameters.")
        if body is not None:
            arguments[body[0]] = await body[1](request)
        response: Response = await endpoint(**arguments)
        await response(scope, receive, send)

    return app


def raw_body(request: Request) -> bytes:
    """Return the bytes of the body that a lean route was given."""
    raw: bytes = request.scope.get("collegium.body", b"")
    return raw


def _is_lean(endpoint: Callable[..., Any], dependant: Dependant) -> bool:
    returned = inspect.signature(endpoint, eval_str=True).return_annotation
    return (
        inspect.iscoroutinefunction(endpoint)
        and isinstance(returned, type)
        and issubclass(returned, Response)
        and not dependant.dependencies
        and not dependant.header_params
        and not dependant.cookie_params
        and all(field.field_info.annotation is str for field in dependant.path_params)
        and len(dependant.query_params) <= 1
        and all(_is_model(field) for field in dependant.query_params)
        and len(dependant.body_params) <= 1
        and all(_is_model(f) or _is_patch(f) for f in dependant.body_params)
        and not (dependant.response_param_name or dependant.websocket_param_name)
        and not dependant.background_tasks_param_name
    )


def _is_model(field: Any) -> bool:
    annotation = field.field_info.annotation
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_patch(field: Any) -> bool:
    return get_origin(field.field_info.annotation) is Patch


def _query(dependant: Dependant) -> tuple[str, Callable[[Scope], Any]] | None:
    if not dependant.query_params:
        return None
    field = dependant.query_params[0]
    model = cast(type[BaseModel], field.field_info.annotation)

    def read(scope: Scope) -> BaseModel:
        pairs = _pairs(scope["query_string"])
        try:
            return model.model_validate(pairs)
        except ValidationError as error:
            sentence = "The query parameters do not match their description."
            raise malformed(error, sentence) from None

    return field.name, read


def _pairs(query_string: bytes) -> dict[str, str]:
    if not query_string:
        return {}
    if b"%00" in query_string:
        raise Unreadable("A query cannot have the character U+0000.")
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=100,
        )
    except ValueError:
        raise Unreadable("The query string cannot be read.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("A query parameter is given twice.")
    return found


def _body(
    dependant: Dependant, limits: BodyLimits
) -> tuple[str, Callable[[Request], Awaitable[Any]]] | None:
    if not dependant.body_params:
        return None
    field = dependant.body_params[0]
    annotation = field.field_info.annotation
    is_patch = _is_patch(field)
    model = cast(type[BaseModel], get_args(annotation)[0] if is_patch else annotation)
    accepted = (MERGE_PATCH,) if is_patch else (JSON,)

    async def read(request: Request) -> Any:
        require_media_type(request.scope, accepted)
        raw = await read_body(request, limits)
        request.scope["collegium.body"] = raw
        return Patch(decoded(raw)) if is_patch else validated(model, raw)

    return field.name, read
