"""Say in an OpenAPI document where an answer leads: what was made can be asked for."""

from __future__ import annotations

import re
from typing import Any

_MADE = ("201", "202")
_METHODS = ("get", "put", "patch", "delete")
_KEY = re.compile(r"\{(\w+)\}")


def linked(document: dict[str, Any]) -> None:
    """Link each answer that made something to the operations on what was made.

    Parameters
    ----------
    document : complete but for its links; changed in place.
    """
    paths: dict[str, dict[str, Any]] = document.get("paths", {})
    for path, operations in paths.items():
        post = operations.get("post")
        for status in _MADE:
            answer = (post or {}).get("responses", {}).get(status)
            members = _members(document, answer)
            if not members:
                continue
            for below in paths:
                key = _key_of_member(path, below)
                if key is not None:
                    links = _links(path, key, members, paths[below])
                    answer.setdefault("links", {}).update(links)


def _key_of_member(collection: str, path: str) -> str | None:
    """Return the last key of a path if it is that of a member of a collection."""
    rest = path.removeprefix(f"{collection}/")
    match = _KEY.fullmatch(rest) if rest != path else None
    return None if match is None else match[1]


def _links(
    collection: str, key: str, members: set[str], operations: dict[str, Any]
) -> dict[str, Any]:
    parents = {name: f"$request.path.{name}" for name in _KEY.findall(collection)}
    made = f"$response.body#/{key if key in members else 'id'}"
    found: dict[str, Any] = {}
    for method in _METHODS:
        if method not in operations:
            continue
        parameters = {**parents, key: made}
        if "412" in operations[method]["responses"]:
            parameters["If-Match"] = "$response.header.ETag"
        name = operations[method]["operationId"]
        found[name] = {"operationId": name, "parameters": parameters}
    return found


def _members(document: dict[str, Any], answer: dict[str, Any] | None) -> set[str]:
    """Return the names of the members of an answer's body."""
    content = (answer or {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    reference = schema.get("$ref")
    if reference is not None:
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return set(schema.get("properties", {}))
