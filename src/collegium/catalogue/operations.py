"""The six operations of a resource, from request to answer.

Each takes the request, the noun's own function, and what that function needs. Writes
run in one transaction that is committed before the answer is sent; when another was in
its way, the whole of it is done again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec

import msgspec
from starlette.requests import Request

from collegium.catalogue.context import actor_of, catalogue_of, database_of, work_of
from collegium.catalogue.reach import own_rows
from collegium.catalogue.schemas import ListQuery
from collegium.db import answers
from collegium.db.addresses import Keys
from collegium.db.database import Reader, Transaction
from collegium.db.records import Guard, Record, Records
from collegium.db.retries import in_transaction
from collegium.db.walks import Walk
from collegium.db.work import Work
from collegium.errors import Malformed
from collegium.rest.access import principal_of
from collegium.rest.answers import (
    REVALIDATE,
    Answer,
    changed,
    created,
    deleted,
    location_in,
    shown,
)
from collegium.rest.binding import raw_body
from collegium.rest.etag import Preconditions
from collegium.rest.idempotency import Claim, claim_of
from collegium.rest.pages import links, not_modified, written
from collegium.rest.problems import KeyReused, StillRunning

P = ParamSpec("P")


class KeptAnswer(msgspec.Struct):
    """An answer as it is kept for a repeated request."""

    status: int
    fields: list[tuple[str, str]]
    body: str


async def show(
    request: Request,
    find: Callable[Concatenate[Reader, P], Awaitable[Record]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Answer:
    """Answer a GET of one resource."""
    return shown(request, await find(database_of(request), *args, **kwargs))


async def list_page(
    request: Request,
    records: Records,
    keys: Keys,
    query: ListQuery,
    *,
    filters: Mapping[str, Any] | None = None,
    prefixes: Mapping[str, str | None] | None = None,
    cache_control: bytes = REVALIDATE,
) -> Answer:
    """Answer a GET of a collection with a page of what the client may see of it.

    Parameters
    ----------
    request : the GET.
    records : the kind of rows.
    keys : of their parents.
    query : order, length of the page, cursor, and members to show.
    filters : value that a column must have; None leaves the column free.
    prefixes : text that a column must begin with; None leaves the column free.
    cache_control : how the page may be kept.

    Raises
    ------
    Malformed
        When the query names a member that is not there.
    """
    catalogue = catalogue_of(request)
    own = tuple(own_rows(principal_of(request.scope), records).items())
    walk = _walk(query, filters or {}, prefixes or {})
    walk = replace(
        walk,
        filters=walk.filters + own,
        fields=_fields(records, query.fields),
    )
    name = walk.name()
    if query.cursor is not None:
        position = catalogue.seal.open(query.cursor, walk=name)
        walk = replace(walk, after=position.values, is_backward=position.is_backward)
    async with catalogue.database.snapshot() as reader:
        ids = await records.scope(reader, keys)
        etag = await records.revision(reader, ids)
        unchanged = not_modified(request, etag, cache_control=cache_control)
        if unchanged is not None:
            return unchanged
        key = _page_key(request, (*ids, *(str(value) for _, value in own)), etag)
        page = catalogue.pages.find(key)
        if page is None:
            found = await records.page(reader, ids, etag, walk)
            page = written(found, links(request, found, catalogue.seal, walk=name))
            catalogue.pages.keep(key, page)
    return page.answer(cache_control)


def _page_key(request: Request, ids: tuple[str, ...], etag: str) -> tuple[str, ...]:
    """Return what decides every byte of a page: address, whose rows, which state."""
    scope = request.scope
    query = scope["query_string"].decode("latin-1")
    return (scope.get("root_path", ""), scope["path"], query, *ids, etag)


def _fields(records: Records, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(dict.fromkeys(("id", *text.split(","))))
    unknown = [name for name in names if name not in records.shown_columns]
    if unknown:
        raise Malformed(
            f"{records.one.capitalize()} has {', '.join(records.shown_columns)}.",
            pointers={"/fields": f"no member {unknown[0]!r}"},
        )
    return names


def _walk(
    query: ListQuery, filters: Mapping[str, Any], prefixes: Mapping[str, str | None]
) -> Walk:
    return Walk(
        sort=query.sort.removeprefix("-"),
        is_descending=query.sort.startswith("-"),
        limit=query.limit,
        filters=tuple((k, v) for k, v in filters.items() if v is not None),
        prefixes=tuple((k, v) for k, v in prefixes.items() if v is not None),
    )


async def create(
    request: Request,
    add: Callable[Concatenate[Work, P], Awaitable[Record]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Answer:
    """Answer a POST to a collection; with an Idempotency-Key, the same each time."""

    async def act(work: Work) -> Answer:
        record = await add(work, *args, **kwargs)
        location = location_in(request, request.scope["path"], record.id)
        return created(request, record, location=location)

    return await repeatable(request, act)


async def repeatable(
    request: Request, act: Callable[[Work], Awaitable[Answer]]
) -> Answer:
    """Answer a POST; with an Idempotency-Key, act once and answer the same each time.

    Parameters
    ----------
    request : the POST.
    act : what it does, and its answer, which is sent after the commit; called again
        when another transaction was in the way.
    """
    claim = claim_of(request, raw_body(request), principal=actor_of(request))

    async def act_once(transaction: Transaction) -> Answer:
        work = work_of(request, transaction)
        if claim is not None:
            kept = await _recall(work, claim)
            if kept is not None:
                return kept
        answer = await act(work)
        if claim is not None:
            await _remember(work, claim, answer)
        return answer

    return await in_transaction(database_of(request), act_once)


async def put(
    request: Request,
    assign: Callable[Concatenate[Work, Guard, P], Awaitable[tuple[Record, bool]]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Answer:
    """Answer a PUT: ``assign`` returns the new state, and whether it is a new row."""
    guard = Preconditions.of(request.scope)

    async def act(transaction: Transaction) -> tuple[Record, bool]:
        return await assign(work_of(request, transaction), guard, *args, **kwargs)

    record, is_new = await in_transaction(database_of(request), act)
    if is_new:
        return created(request, record, location=_sibling_location(request, record))
    return changed(request, record)


async def patch(
    request: Request,
    change: Callable[Concatenate[Work, Guard, P], Awaitable[Record]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Answer:
    """Answer a PATCH."""
    guard = Preconditions.of(request.scope)

    async def act(transaction: Transaction) -> Record:
        return await change(work_of(request, transaction), guard, *args, **kwargs)

    return changed(request, await in_transaction(database_of(request), act))


async def delete(
    request: Request,
    remove: Callable[Concatenate[Work, Guard, P], Awaitable[None]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Answer:
    """Answer a DELETE."""
    guard = Preconditions.of(request.scope)

    async def act(transaction: Transaction) -> None:
        await remove(work_of(request, transaction), guard, *args, **kwargs)

    await in_transaction(database_of(request), act)
    return deleted()


def _sibling_location(request: Request, record: Record) -> str:
    collection = request.scope["path"].rpartition("/")[0]
    return location_in(request, collection, record.id)


async def _recall(work: Work, claim: Claim) -> Answer | None:
    if not await work.transaction.try_lock(f"{claim.scope} {claim.key}"):
        raise StillRunning
    row = await answers.recall(work, claim.scope, claim.key)
    if row is None:
        return None
    fingerprint, text = row
    if fingerprint != claim.fingerprint:
        raise KeyReused(
            "This Idempotency-Key came with another request before: take a new key "
            "for a new request."
        )
    kept = msgspec.json.decode(text, type=KeptAnswer)
    fields = [(name.encode(), value.encode()) for name, value in kept.fields]
    fields.append((b"idempotent-replayed", b"true"))
    return Answer(kept.status, kept.body.encode(), fields)


async def _remember(work: Work, claim: Claim, answer: Answer) -> None:
    kept = KeptAnswer(
        status=answer.status_code,
        fields=[
            (name.decode(), value.decode())
            for name, value in answer.raw_headers
            if name != b"content-length"
        ],
        body=bytes(answer.body).decode(),
    )
    await answers.remember(
        work,
        claim.scope,
        claim.key,
        fingerprint=claim.fingerprint,
        answer=msgspec.json.encode(kept).decode(),
    )
