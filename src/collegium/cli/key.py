"""``collegium key``: make, list and revoke keys of the interface in a database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from collegium.cli.migrate import Url
from collegium.cli.options import settings_from
from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.migrate import migrate
from collegium.db.retries import in_transaction
from collegium.db.work import Work, timestamp, utc_clock
from collegium.errors import Malformed
from collegium.keys.repository import all_keys
from collegium.keys.schemas import DEFAULT_DAYS, LONGEST_DAYS, KeyIn
from collegium.keys.secrets import key_of
from collegium.keys.service import ALL_KEYS, make_key, revoke_key, university_id_of
from collegium.rest.access import LOCAL, ROLE_SCOPES, Role
from collegium.settings import CoordinatorSettings

keys = typer.Typer(
    help="Make, list and revoke keys of the interface, in the database itself.",
    no_args_is_help=True,
)
_ROLES = ", ".join(Role)


@keys.command()
def create(
    role: Annotated[str, typer.Option(help=f"One of {_ROLES}.")],
    name: Annotated[str, typer.Option(help="For whom or what the key is.")],
    university: Annotated[
        str | None,
        typer.Option(
            help="Id or code; registrars, schedulers and students need one, the "
            "others have none."
        ),
    ] = None,
    organisation: Annotated[
        str | None,
        typer.Option(help="Of a scheduler: id or code; the key plans its courses."),
    ] = None,
    person: Annotated[
        str | None, typer.Option(help="Of a student: id or code of the person.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may do, as in courses:read; may be repeated. Without it, all "
            "that its role may.",
            show_default=False,
        ),
    ] = None,
    days: Annotated[
        int, typer.Option(help=f"Until it ends; at most {LONGEST_DAYS}.")
    ] = DEFAULT_DAYS,
    database: Url = None,
) -> None:
    """Make a key and print it, once, as JSON.

    The member ``key`` is what its holder shows: ``Authorization: Bearer ...``. Only a
    digest is stored, so that nobody can print it again. Coordinators of the database
    take it at once. Exit code 2 when something named is not there.
    """
    _print(
        asyncio.run(
            _create(
                database,
                {
                    "role": _role(role),
                    "name": name,
                    "university_id": university,
                    "organisation_id": organisation,
                    "person_id": person,
                    "scopes": scope or None,
                    "lifetime_days": days,
                },
            )
        )
    )


@keys.command("list")
def list_keys(database: Url = None) -> None:
    """Print all keys, without their secrets, as a JSON array."""
    _print(asyncio.run(_list(database)))


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Id of the key, as `list` shows it.")],
    database: Url = None,
) -> None:
    """Revoke a key: coordinators of the database refuse it from now on.

    Exit code 2 when there is none of that id.
    """
    asyncio.run(_revoke(database, key))
    _print({"revoked": key})


async def _create(url: str | None, given: dict[str, Any]) -> dict[str, Any]:
    try:
        body = KeyIn.model_validate(given)
    except ValidationError as error:
        raise Malformed(_said(error)) from None

    async def act(work: Work) -> dict[str, Any]:
        university = await university_id_of(work.transaction, body.university_id)
        made = await make_key(work, LOCAL, university, body)
        return {**made.record.value(), "key": key_of(made.record.id, made.secret)}

    async with _opened(url) as database:
        return await in_transaction(
            database, lambda transaction: act(_work(transaction))
        )


async def _list(url: str | None) -> list[dict[str, Any]]:
    async with _opened(url) as database:
        return [record.value() for record in await all_keys(database, ALL_KEYS)]


async def _revoke(url: str | None, key: str) -> None:
    async with _opened(url) as database:
        await in_transaction(
            database,
            lambda transaction: revoke_key(
                _work(transaction), lambda etag: None, ALL_KEYS, (key,)
            ),
        )


def _work(transaction: Any) -> Work:
    return Work(transaction, timestamp(utc_clock()), actor=LOCAL.name)


@asynccontextmanager
async def _opened(url: str | None) -> AsyncIterator[Database]:
    settings = settings_from(CoordinatorSettings, {"database": url})
    database = database_at(settings.database)
    await database.open()
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


def _role(text: str) -> Role:
    if text not in ROLE_SCOPES:
        raise Malformed(f"--role is one of {_ROLES}, not {text!r}.")
    return Role(text)


def _said(error: ValidationError) -> str:
    """Return what is wrong as one line, with the options' own names."""
    parts = []
    for item in error.errors(include_url=False, include_context=False):
        option = "/".join(map(str, item["loc"])).removesuffix("_id")
        option = {"lifetime_days": "days"}.get(option, option)
        message = item["msg"].removeprefix("Value error, ")
        parts.append(f"--{option}: {message}" if option else message)
    return "; ".join(parts) + "."


def _print(value: Any) -> None:
    print(json.dumps(value, indent=2))
