"""Describe ``msgspec`` structs in the OpenAPI document of lean routes."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from collegium.rest.answers import Document
from collegium.rest.bodies import JSON


def described_body(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the description of a JSON body, for a route's ``openapi_extra``."""
    content = {JSON: {"schema": inline_schema(struct)}}
    return {"requestBody": {"required": True, "content": content}}


def answered(
    struct: type[msgspec.Struct], description: str, status: int = 200
) -> dict[int | str, dict[str, Any]]:
    """Return the description of an answer, for a route's ``responses``."""
    content = {JSON: {"schema": inline_schema(struct)}}
    return {status: {"description": description, "content": content}}


def inline_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON schema of a struct with every reference put in its place.

    The structs of the protocol do not contain themselves, so this ends.
    """
    (schema,), parts = msgspec.json.schema_components([struct], ref_template="{name}")
    resolved = _resolve(schema, parts)
    assert isinstance(resolved, dict)
    return resolved


def document_of(struct: msgspec.Struct) -> Document:
    """Return a struct as a document whose tag is a digest of its content."""
    raw = msgspec.json.encode(struct)
    return Document(raw, hashlib.sha256(raw).hexdigest()[:32])


def _resolve(schema: Any, parts: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_resolve(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolve(parts[schema["$ref"]], parts)
    return {name: _resolve(value, parts) for name, value in schema.items()}
