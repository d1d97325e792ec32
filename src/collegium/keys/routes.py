"""``/v1/keys``, and ``keys`` of a university."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter
from fastapi import Body as FromBody
from fastapi import Query as FromQuery
from starlette.requests import Request
from starlette.responses import Response

from collegium.catalogue import operations
from collegium.catalogue.context import database_of
from collegium.catalogue.resources import page_model
from collegium.db.work import Work
from collegium.keys import service
from collegium.keys.schemas import Key, KeyIn, KeyQuery, NewKey, UniversityKeyIn
from collegium.keys.secrets import key_of
from collegium.keys.service import ALL_KEYS, UNIVERSITY_KEYS, MadeKey
from collegium.rest.access import Area, guarded, principal_of
from collegium.rest.answers import PRIVATE, Answer, created, location_in, shown

router = APIRouter(tags=["keys"])
university_router = APIRouter(tags=["keys"])


@router.get("", response_model=page_model(Key))
@guarded(Area.KEYS)
async def list_keys(
    request: Request, query: Annotated[KeyQuery, FromQuery()]
) -> Response:
    """List the keys of all universities, and those of none."""
    return await operations.list_page(
        request, ALL_KEYS, (), query, filters=_filters(query), cache_control=PRIVATE
    )


@router.post("", response_model=NewKey, status_code=201)
@guarded(Area.KEYS)
async def create_key(request: Request, body: Annotated[KeyIn, FromBody()]) -> Response:
    """Make a key; its secret is in this answer and nowhere else."""

    async def make(work: Work) -> MadeKey:
        university = await service.university_id_of(
            work.transaction, body.university_id
        )
        maker = principal_of(request.scope)
        return await service.make_key(work, maker, university, body)

    return await _made(request, make)


@router.get("/{key}", response_model=Key)
@guarded(Area.KEYS)
async def show_key(request: Request, key: str) -> Response:
    """Show a key without its secret."""
    found = await ALL_KEYS.find(database_of(request), (key,))
    return shown(request, found, cache_control=PRIVATE)


@router.delete("/{key}", status_code=204)
@guarded(Area.KEYS)
async def revoke_key(request: Request, key: str) -> Response:
    """Revoke a key: it is worth nothing from now on, with any coordinator."""
    return await operations.delete(request, service.revoke_key, ALL_KEYS, (key,))


@university_router.get("", response_model=page_model(Key))
@guarded(Area.KEYS)
async def list_university_keys(
    request: Request, university: str, query: Annotated[KeyQuery, FromQuery()]
) -> Response:
    """List the keys of a university."""
    return await operations.list_page(
        request,
        UNIVERSITY_KEYS,
        (university,),
        query,
        filters=_filters(query),
        cache_control=PRIVATE,
    )


@university_router.post("", response_model=NewKey, status_code=201)
@guarded(Area.KEYS)
async def create_university_key(
    request: Request, university: str, body: Annotated[UniversityKeyIn, FromBody()]
) -> Response:
    """Make a key of a university; its secret is in this answer and nowhere else."""

    async def make(work: Work) -> MadeKey:
        (id_,) = await UNIVERSITY_KEYS.scope(work.transaction, (university,))
        return await service.make_key(work, principal_of(request.scope), id_, body)

    return await _made(request, make)


@university_router.get("/{key}", response_model=Key)
@guarded(Area.KEYS)
async def show_university_key(request: Request, university: str, key: str) -> Response:
    """Show a key of a university without its secret."""
    found = await UNIVERSITY_KEYS.find(database_of(request), (university, key))
    return shown(request, found, cache_control=PRIVATE)


@university_router.delete("/{key}", status_code=204)
@guarded(Area.KEYS)
async def revoke_university_key(
    request: Request, university: str, key: str
) -> Response:
    """Revoke a key: it is worth nothing from now on, with any coordinator."""
    keys = (university, key)
    return await operations.delete(request, service.revoke_key, UNIVERSITY_KEYS, keys)


def _filters(query: KeyQuery) -> dict[str, str | None]:
    return {
        "role": query.role,
        "person_id": query.person_id,
        "organisation_id": query.organisation_id,
    }


async def _made(
    request: Request, make: Callable[[Work], Awaitable[MadeKey]]
) -> Response:
    """Answer with a new key; a repeated request gets the same without the secret.

    What is kept for a repeated request is what the transaction returned, and the secret
    joins only what goes out.
    """
    made: list[MadeKey] = []

    async def act(work: Work) -> Answer:
        key = await make(work)
        made[:] = [key]
        record = key.record
        location = location_in(request, request.scope["path"], record.id)
        return created(request, record, location=location)

    answer = await operations.repeatable(request, act)
    is_repeated = any(name == b"idempotent-replayed" for name, _ in answer.raw_headers)
    if made and not is_repeated and answer.body:
        key = made[0]
        value = msgspec.json.decode(answer.body)
        value["key"] = key_of(key.record.id, key.secret)
        fields = [f for f in answer.raw_headers if f[0] != b"content-length"]
        answer = Answer(answer.status_code, msgspec.json.encode(value), fields)
    return answer
