"""Make the framework's OpenAPI document say what these routes really answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from collegium.rest.access import Access
from collegium.rest.links import linked
from collegium.rest.problems import KINDS, MEDIA_TYPE, Problem

SCOPE = "x-scope"
"""Names the scope that a key needs, in the description of an operation."""
_METHODS = ("get", "post", "put", "patch", "delete")
_EVERYWHERE = (400, 404, 422, 431, 500, 503)
_GUARDED = (401, 403)
_WITH_BODY = (408, 413, 415)
_BY_METHOD = {
    "post": (409, *_WITH_BODY),
    "put": (409, 412, 428, *_WITH_BODY),
    "patch": (409, 412, 428, *_WITH_BODY),
    "delete": (409, 412, 428),
}
_DESCRIPTION = (
    "One interface for all resources: entity tags and conditions, pages with links, "
    "problems (RFC 9457) for every error, and keys for what must happen once."
)
_SCHEME = "bearer"
_LONGEST_KEY = 64
"""Of what stands in a path: an id, a code or a hash; a longer one leads nowhere."""
UNCONDITIONAL = {"x-unconditional": True}
"""For the ``openapi_extra`` of an operation without tags and conditions."""
_LENGTHS = {"date": 10, "date-time": 35, "uuid": 36}
"""Longest texts of the formats that the standard bounds but few tools know to."""
_WITHOUT_NUL = r"^[^\u0000]*$"
_TAG_LIST = {
    "type": "string",
    "format": "entity-tags",  # RFC 9110, sections 13.1.1 and 13.1.2
    "maxLength": 1024,
    "examples": ['"1.2af0"'],
}
_HEADERS: dict[str, dict[str, Any]] = {
    "IfMatch": {
        "name": "If-Match",
        "description": "ETag of the state that this changes; needed when there is one.",
        "schema": _TAG_LIST,
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "description": "ETags of the states that need not be sent again.",
        "schema": _TAG_LIST,
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "description": "Names one intended effect: sent again, nothing more happens.",
        "schema": {
            "type": "string",
            "format": "sf-string",  # RFC 9651, section 3.3.3
            "maxLength": 257,
            "examples": ['"3f6d0c9e"'],
        },
    },
}
"""What a method may carry, by the names in ``components``."""
_HEADERS_BY_METHOD = {
    "get": ("IfNoneMatch",),
    "put": ("IfMatch",),
    "patch": ("IfMatch",),
    "delete": ("IfMatch",),
    "post": ("IdempotencyKey",),
}
_RATE_HEADERS = {
    "RateLimit-Policy": (
        "Where a limit is set: q requests are allowed in w seconds.",
        '"default";q=600;w=60',
    ),
    "RateLimit": (
        "Where a limit is set: r requests are left, and all of them in t seconds.",
        '"default";r=599;t=1',
    ),
}


def described(document: dict[str, Any], *, is_limited: bool = False) -> dict[str, Any]:
    """Return the document with what every route has in common.

    Parameters
    ----------
    document : as FastAPI makes it; changed in place.
    is_limited : whether there may be a limit on how often somebody asks.
    """
    document["servers"] = [{"url": "/", "description": "Where this document is."}]
    document["info"]["description"] = _DESCRIPTION
    document["info"]["license"] = {
        "name": "Apache License 2.0",
        "identifier": "Apache-2.0",
    }
    components = document.setdefault("components", {})
    components["parameters"] = {
        name: {"in": "header", "required": False, **header}
        for name, header in _HEADERS.items()
    }
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _, definitions = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    schemas.update(definitions["$defs"])
    tags: set[str] = set()
    for _, method, operation in _operations(document):
        _describe(method, operation)
        tags.update(operation.get("tags", ()))
        if is_limited:
            _limit(operation["responses"])
    if is_limited:
        components["headers"] = {
            name: {
                "description": text,
                "schema": {"type": "string"},
                "example": example,
            }
            for name, (text, example) in _RATE_HEADERS.items()
        }
    document["tags"] = [{"name": tag} for tag in sorted(tags)]
    _bound_texts(document)
    linked(document)
    return document


def _operations(
    document: dict[str, Any],
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document.get("paths", {}).items():
        for method in _METHODS:
            if method in operations:
                yield path, method, operations[method]


def secured(
    document: dict[str, Any],
    needs: Mapping[tuple[str, str], Access],
    is_asking: Callable[[Access], bool],
) -> None:
    """Say in the document what each operation needs; changed in place.

    Parameters
    ----------
    document : as FastAPI makes it; ``described`` adds what is common.
    needs : by path and method in lower case, what the route declares.
    is_asking : tells whether what needs this is closed without a key or token.
    """
    document.setdefault("components", {})["securitySchemes"] = {
        _SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "A key, or the token of operators or workers.",
        }
    }
    for path, method, operation in _operations(document):
        access = needs.get((path, method))
        scope = None if access is None else access.scope(method.upper())
        if access is None or scope is None:
            operation["security"] = []
            continue
        operation[SCOPE] = scope
        # With a key that is wrong nothing is open, also where none is needed.
        operation["security"] = [{_SCHEME: []}, *([] if is_asking(access) else [{}])]
        for status in _GUARDED:
            operation["responses"].setdefault(str(status), _problem(status))


def _describe(method: str, operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    if _is_framework_422(responses.get("422")):
        del responses["422"]
    is_conditional = not operation.pop("x-unconditional", False)
    for status in (*_EVERYWHERE, *_BY_METHOD.get(method, ())):
        if is_conditional or status not in (412, 428):
            responses.setdefault(str(status), _problem(status))
    if method == "get" and is_conditional:
        responses.setdefault("304", {"description": "Not modified since."})
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            parameter["schema"].setdefault("minLength", 1)
            parameter["schema"].setdefault("maxLength", _LONGEST_KEY)
        elif parameter["in"] == "query":
            _exclude_nul(parameter["schema"])
    if is_conditional:
        parameters.extend(
            {"$ref": f"#/components/parameters/{name}"}
            for name in _HEADERS_BY_METHOD[method]
        )


def _exclude_nul(schema: dict[str, Any]) -> None:
    for part in (schema, *schema.get("anyOf", ())):
        if part.get("type") == "string" and not part.keys() & {"enum", "const"}:
            part.setdefault("pattern", _WITHOUT_NUL)


def _bound_texts(part: Any) -> None:
    """Say of each text in a known format how long it can be."""
    if isinstance(part, list):
        for item in part:
            _bound_texts(item)
    elif isinstance(part, dict):
        length = _LENGTHS.get(str(part.get("format")))
        if length is not None and part.get("type") == "string":
            part.setdefault("maxLength", length)
        for item in part.values():
            _bound_texts(item)


def _limit(responses: dict[str, Any]) -> None:
    responses["429"] = _problem(429)
    responses["429"]["headers"] = {
        "Retry-After": {
            "description": "Seconds until the next request may come.",
            "schema": {"type": "integer"},
        }
    }
    for response in responses.values():
        headers = response.setdefault("headers", {})
        for name in _RATE_HEADERS:
            headers[name] = {"$ref": f"#/components/headers/{name}"}


def _is_framework_422(response: dict[str, Any] | None) -> bool:
    if response is None:
        return False
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith("/HTTPValidationError")


def _problem(status: int) -> dict[str, Any]:
    titles = [kind.title for kind in KINDS.values() if kind.status == status]
    return {
        "description": "; ".join(titles) + ".",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
