"""Read request bodies: bounded in size and time, strict in form."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import jiter
from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator
from starlette.requests import Request
from starlette.types import Scope

from collegium.errors import Malformed, TooLarge, Unreadable
from collegium.rest.digests import require_digests
from collegium.rest.headers import header
from collegium.rest.problems import BodyTooSlow, UnsupportedMediaType

JSON = "application/json"
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The only way to write U+0000 in JSON: an escape whose backslash is not escaped."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a client may ask this server to hold.

    Parameters
    ----------
    size_bytes : largest body.
    read_s : longest time from the end of the headers to the end of the body.
    """

    size_bytes: int = 2**20
    read_s: float = 30.0


async def read_body(request: Request, limits: BodyLimits) -> bytes:
    """Return the whole body of a request.

    Raises
    ------
    TooLarge
        When it is larger than allowed; it is not read further than that.
    BodyTooSlow
        When it does not arrive in time.
    Unreadable
        When the client leaves in the middle.
    WrongDigest
        When it is not what a digest in the header says.
    """
    refuse_large(request.scope, limits.size_bytes)
    try:
        async with asyncio.timeout(limits.read_s):
            body = await _receive_all(request, limits.size_bytes)
    except TimeoutError:
        raise BodyTooSlow(f"The body must arrive within {limits.read_s:g} s.") from None
    await require_digests(request.scope, body)
    return body


async def body_pieces(request: Request, limits: BodyLimits) -> AsyncIterator[bytes]:
    """Yield the body of a request as it arrives.

    Raises
    ------
    TooLarge, BodyTooSlow, Unreadable
        As ``read_body`` raises them.
    """
    refuse_large(request.scope, limits.size_bytes)
    ends_s = asyncio.get_running_loop().time() + limits.read_s
    size = 0
    while True:
        try:
            async with asyncio.timeout_at(ends_s):
                message = await request.receive()
        except TimeoutError:
            raise BodyTooSlow(
                f"The body must arrive within {limits.read_s:g} s."
            ) from None
        if message["type"] == "http.disconnect":
            raise Unreadable("The client left before its body had arrived.")
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limits.size_bytes:
            raise TooLarge(f"A body may have {limits.size_bytes} bytes.")
        yield piece
        if not message.get("more_body", False):
            return


def refuse_large(scope: Scope, limit_bytes: int) -> None:
    """Refuse a body by the length that its headers announce.

    Raises
    ------
    TooLarge
        When the announced length is above the limit.
    """
    length = header(scope, b"content-length")
    if length is not None and length.isdecimal() and int(length) > limit_bytes:
        raise TooLarge(f"A body may have {limit_bytes} bytes, this one has {length}.")


async def _receive_all(request: Request, limit_bytes: int) -> bytes:
    message = await request.receive()
    body: bytes = message.get("body", b"")
    parts = [body]
    size = len(body)
    while message.get("more_body", False):
        if size > limit_bytes:
            break
        message = await request.receive()
        body = message.get("body", b"")
        size += len(body)
        parts.append(body)
    if size > limit_bytes:
        raise TooLarge(f"A body may have {limit_bytes} bytes.")
    if message["type"] == "http.disconnect":
        raise Unreadable("The client left before its body had arrived.")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def require_media_type(scope: Scope, accepted: tuple[str, ...]) -> None:
    """Refuse a body of another media type; a missing Content-Type is refused too.

    Raises
    ------
    UnsupportedMediaType
        When the type is not among ``accepted``, or its charset is not UTF-8.
    """
    text = header(scope, b"content-type")
    if text in accepted:
        return
    media_type, _, parameters = (text or "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() in accepted and charset in ("", "charset=utf-8"):
        return
    raise UnsupportedMediaType(
        f"Send the body as {' or '.join(accepted)} in UTF-8.", accepted=accepted
    )


def decoded(raw: bytes) -> Any:
    """Decode JSON strictly (RFC 8259, and no name twice in one object).

    Raises
    ------
    Unreadable
        When it is not JSON in UTF-8, names a member twice, is nested deeper than 200
        levels, has numbers of thousands of digits, NaN or half of a surrogate pair.
    Malformed
        When a text or a name has the character U+0000, which PostgreSQL cannot store.
    """
    try:
        value = jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        raise Unreadable(f"The body is not acceptable JSON: {error}.") from None
    if b"\\u0000" in raw and _NUL.search(raw) is not None:
        found = dict.fromkeys(_places_of_nul(value), "has the character U+0000")
        raise Malformed("No text may have the character U+0000.", pointers=found)
    return value


def _places_of_nul(value: Any, pointer: str = "") -> Iterator[str]:
    """Yield the pointer of each text with U+0000, and of what has it in a name."""
    if isinstance(value, str):
        if "\0" in value:
            yield pointer
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _places_of_nul(part, f"{pointer}/{number}")
    elif isinstance(value, dict):
        for name, part in value.items():
            if "\0" in name:
                yield pointer
            else:
                yield from _places_of_nul(part, pointer + _step(name))


def _step(part: object) -> str:
    """Return a member's name or an item's number as a step of a JSON pointer."""
    return "/" + str(part).replace("~", "~0").replace("/", "~1")


def validated(model: type[Model], raw: bytes) -> Model:
    """Decode and check a JSON body.

    Values must have the very type that the model says: no text for a number, no
    number for a truth value.

    Raises
    ------
    Unreadable
        When it is not JSON.
    Malformed
        When it does not match the model, with a pointer to each offending member.
    """
    decoded(raw)
    validator: SchemaValidator = model.__pydantic_validator__  # type: ignore[assignment]
    try:
        return validator.validate_json(raw, strict=True)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise malformed(error, "The body does not match its description.") from None


def malformed(error: ValidationError, sentence: str) -> Malformed:
    """Return what a model found wrong as an error with JSON pointers."""
    pointers: dict[str, str] = {}
    for item in error.errors(include_url=False, include_context=False):
        pointer = "".join(map(_step, item["loc"]))
        pointers.setdefault(pointer, item["msg"])
    return Malformed(sentence, pointers=pointers)
