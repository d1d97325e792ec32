"""Make the framework's OpenAPI document say what these routes really answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from collegium.rest.access import Access
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
    """Return the document with a problem for each error that can occur.

    Parameters
    ----------
    document : as FastAPI makes it; changed in place.
    is_limited : whether there may be a limit on how often somebody asks.
    """
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _, definitions = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    schemas.update(definitions["$defs"])
    for operations in document.get("paths", {}).values():
        for method in _METHODS:
            if method in operations:
                _describe(method, operations[method])
                if is_limited:
                    _limit(operations[method]["responses"])
    if is_limited:
        document["components"]["headers"] = {
            name: {
                "description": text,
                "schema": {"type": "string"},
                "example": example,
            }
            for name, (text, example) in _RATE_HEADERS.items()
        }
    return document


def secured(document: dict[str, Any], needs: Mapping[tuple[str, str], Access]) -> None:
    """Say in the document what each operation needs; changed in place.

    Parameters
    ----------
    document : with a problem for each error.
    needs : by path and method in lower case, what the route declares.
    """
    document["components"]["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key, or the token of operators or workers; nothing "
            "where the coordinator asks nobody.",
        }
    }
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            access = needs.get((path, method))
            scope = None if access is None else access.scope(method.upper())
            if scope is not None:
                operation[SCOPE] = scope
                operation["security"] = [{"bearer": []}, {}]
                for status in _GUARDED:
                    operation["responses"].setdefault(str(status), _problem(status))


def _describe(method: str, operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    if _is_framework_422(responses.get("422")):
        del responses["422"]
    for status in (*_EVERYWHERE, *_BY_METHOD.get(method, ())):
        responses.setdefault(str(status), _problem(status))
    if method == "get":
        responses.setdefault("304", {"description": "Not modified since."})


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
