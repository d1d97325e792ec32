"""The routes of a noun: a collection and its members, as every noun has them."""

# Annotations are not postponed here: they name types that only a call knows.

from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature
from keyword import iskeyword
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Body as FromBody
from fastapi import Query as FromQuery
from pydantic import BaseModel, create_model
from starlette.requests import Request
from starlette.responses import Response

from collegium.catalogue import operations
from collegium.catalogue.context import database_of
from collegium.catalogue.nouns import Noun
from collegium.catalogue.reach import Reached
from collegium.catalogue.schemas import ListQuery, PageLinks, Stored
from collegium.rest.access import Access, Area, guarded, principal_of
from collegium.rest.answers import shown
from collegium.rest.patch import MEDIA_TYPE as MERGE_PATCH
from collegium.rest.patch import Patch

Endpoint = Callable[..., Awaitable[Response]]

_MINIMAL: dict[int | str, dict[str, Any]] = {
    204: {"description": "Done; Prefer asked for return=minimal."}
}


def resource_router(
    noun: Noun[Any],
    *,
    shows: type[Stored],
    query: type[ListQuery],
    tag: str,
    area: Area | Access,
) -> APIRouter:
    """Return the routes of a noun, relative to its collection.

    Parameters
    ----------
    noun : what may be done.
    shows : what a row looks like.
    query : how the collection can be listed; a field that ``ListQuery`` does not have
        is a condition on the column of its name.
    tag : the package of the noun.
    area : decides who may do it.
    """
    router = APIRouter(tags=[tag])
    serve = _Served(noun)
    name, one = noun.records.noun, noun.records.one
    many = noun.records.table.replace("_", " ")
    by, makes = (
        ("id or code", ", or make it by its code")
        if noun.records.has_code
        else ("id", "")
    )
    body = {"body": Annotated[noun.body, FromBody()]}
    changes = {"body": Annotated[Patch[noun.body], FromBody(media_type=MERGE_PATCH)]}  # type: ignore[name-defined]
    query_string = {"query": Annotated[query, FromQuery()]}

    def add(
        method: str, act: Endpoint, says: str, takes: Any, gives: Any, **options: Any
    ) -> None:
        is_member = act not in (serve.list, serve.create)
        keys = serve.keys if is_member else serve.keys[:-1]
        verb = act.__name__
        endpoint = _endpoint(act, keys, takes or {})
        endpoint.__name__ = f"{verb}_{many if verb == 'list' else name}".replace(
            " ", "_"
        )
        endpoint.__doc__ = says
        guarded(area)(endpoint)
        router.add_api_route(
            f"/{{{keys[-1]}}}" if is_member else "",
            endpoint,
            methods=[method],
            operation_id=endpoint.__name__,
            response_model=gives,
            **options,
        )

    page = page_model(shows)
    add("GET", serve.list, f"List {many}.", query_string, page)
    add("POST", serve.create, f"Add {one}.", body, shows, status_code=201)
    add("GET", serve.show, f"Show {one}, by its {by}.", None, shows)
    made = {201: {"model": shows}} if noun.records.has_code else {}
    says = f"Replace {one}{makes}."
    add("PUT", serve.put, says, body, shows, responses={**made, **_MINIMAL})
    says = f"Change some members of {one}."
    add("PATCH", serve.patch, says, changes, shows, responses=_MINIMAL)
    says = f"Delete {one} that nothing refers to."
    add("DELETE", serve.delete, says, None, None, status_code=204)
    return router


def page_model(shows: type[Stored]) -> type[BaseModel]:
    """Return the model of a page: whole items, or those members that were asked for."""
    members: dict[str, Any] = {
        name: (field.annotation, ... if name == "id" else None)
        for name, field in shows.model_fields.items()
    }
    part = create_model(f"{shows.__name__}Part", **members)
    items: Any = list[shows] | list[part]  # type: ignore[valid-type]
    return create_model(f"{shows.__name__}Page", __base__=PageLinks, items=(items, ...))


class _Served:
    """What each route does once its arguments are known."""

    def __init__(self, noun: Noun[Any]) -> None:
        self._noun = noun
        parents = (parent.noun for parent in noun.records.parents)
        self.keys = tuple(map(_parameter, (*parents, noun.records.noun)))

    async def list(self, request: Request, *keys: str, query: ListQuery) -> Response:
        noun = self._noun
        wanted, prefix = noun.conditions(query)
        return await operations.list_page(
            request,
            noun.records,
            keys,
            query,
            filters=wanted,
            prefixes={"code": prefix},
            cache_control=noun.cache_control,
        )

    async def create(self, request: Request, *keys: str, body: Any) -> Response:
        return await operations.create(request, self._for(request).add, keys, body)

    async def show(self, request: Request, *keys: str) -> Response:
        record = await self._for(request).find(database_of(request), keys)
        return shown(request, record, cache_control=self._noun.cache_control)

    async def put(self, request: Request, *keys: str, body: Any) -> Response:
        return await operations.put(request, self._for(request).assign, keys, body)

    async def patch(self, request: Request, *keys: str, body: Any) -> Response:
        return await operations.patch(request, self._for(request).change, keys, body)

    async def delete(self, request: Request, *keys: str) -> Response:
        return await operations.delete(request, self._for(request).remove, keys)

    def _for(self, request: Request) -> Noun[Any] | Reached:
        """Return the noun as far as the client may use it."""
        principal = principal_of(request.scope)
        return Reached(self._noun, principal) if principal.is_limited else self._noun


def _parameter(noun: str) -> str:
    """Return the name of the path parameter that is a noun's key."""
    name = noun.replace(" ", "_")
    return f"{name}_" if iskeyword(name) else name


def _endpoint(
    act: Endpoint, keys: tuple[str, ...], takes: dict[str, Any]
) -> Callable[..., Any]:
    """Return a function whose signature names its path parameters and what it takes."""

    async def endpoint(request: Request, **arguments: Any) -> Response:
        given = [arguments[key] for key in keys]
        return await act(request, *given, **{name: arguments[name] for name in takes})

    types = {"request": Request, **dict.fromkeys(keys, str), **takes}
    endpoint.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=annotation)
            for name, annotation in types.items()
        ],
        return_annotation=Response,
    )
    return endpoint
