"""Describe ``msgspec`` structs in the OpenAPI document of lean routes."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

from collegium.errors import Malformed, TooLarge, Unreadable
from collegium.rest.answers import Document
from collegium.rest.bodies import JSON

Body = TypeVar("Body")


def described_body(struct: type[Any]) -> dict[str, Any]:
    """Return the description of a JSON body, for a route's ``openapi_extra``."""
    content = {JSON: {"schema": inline_schema(struct)}}
    return {"requestBody": {"required": True, "content": content}}


def answered(
    struct: type[Any], description: str, status: int = 200
) -> dict[int | str, dict[str, Any]]:
    """Return the description of an answer, for a route's ``responses``."""
    content = {JSON: {"schema": inline_schema(struct)}}
    return {status: {"description": description, "content": content}}


def inline_schema(struct: type[Any]) -> dict[str, Any]:
    """Return the JSON schema of a struct or a list of them, references resolved.

    The structs of the protocol do not contain themselves, so this ends.
    """
    (schema,), parts = msgspec.json.schema_components([struct], ref_template="{name}")
    resolved = _resolve(schema, parts)
    assert isinstance(resolved, dict)
    return resolved


def read_struct(decoder: msgspec.json.Decoder[Body], raw: bytes) -> Body:
    """Decode a body that is a struct.

    Raises
    ------
    Malformed
        When it does not match the struct.
    Unreadable
        When it is not JSON.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Malformed(f"The body does not match its description: {error}.") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(f"The body is not acceptable JSON: {error}.") from None


def read_structs(
    decoder: msgspec.json.Decoder[list[Body]], raw: bytes, most: int
) -> list[Body]:
    """Decode a body that is a list of structs, as ``read_struct`` does one.

    Raises
    ------
    TooLarge
        When it has more than ``most``.
    """
    found = read_struct(decoder, raw)
    if len(found) > most:
        raise TooLarge(f"One request may have {most} of them, not {len(found)}.")
    return found


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
