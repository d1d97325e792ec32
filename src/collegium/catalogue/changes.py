"""How a row is replaced, patched and removed, whatever its noun."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from collegium.db.addresses import Keys, is_id
from collegium.db.records import Guard, Record, Records
from collegium.db.work import Work
from collegium.errors import Malformed, NotFound
from collegium.rest.patch import Patch

Body = TypeVar("Body", bound=BaseModel)


def values_of(body: BaseModel) -> dict[str, Any]:
    """Return a checked body as the values of columns."""
    return body.model_dump(mode="json")


async def existing_or_new(
    work: Work, guard: Guard, records: Records, keys: Keys, code: str | None
) -> Record | None:
    """Return what a PUT is to replace, None when it is to make something.

    Parameters
    ----------
    work : the request's.
    guard : its conditions.
    records : the kind of rows.
    keys : the address.
    code : the body's, None for a noun without one: nobody can choose its addresses.

    Raises
    ------
    NotFound
        When a parent is missing, or nothing has the address and nothing can get it.
    Malformed
        When the body's code is not the one in the address.
    PreconditionFailed, PreconditionRequired
        When the conditions of the request do not hold.
    """
    ids = await records.scope(work.transaction, keys[:-1])
    # Of several who would make the same, all but one find it made.
    await work.transaction.lock(" ".join((records.table, *ids, keys[-1])))
    record = await records.lookup(work.transaction, (*ids, keys[-1]))
    if record is None and (code is None or is_id(keys[-1])):
        raise NotFound(f"There is no {records.noun} {keys[-1]!r}.")
    if code is not None and not is_id(keys[-1]) and code != keys[-1]:
        raise Malformed(
            "The code in the body is not the one in the address.",
            pointers={"/code": f"must be {keys[-1]!r}"},
        )
    guard(None if record is None else record.etag)
    return record


async def patched(
    work: Work,
    guard: Guard,
    records: Records,
    keys: Keys,
    changes: Patch[Body],
    model: type[Body],
) -> tuple[Record, Body]:
    """Return the row that a PATCH is for, and what it asks it to become.

    Raises
    ------
    NotFound
        When it is not there.
    Malformed
        When the result does not match ``model``.
    PreconditionFailed, PreconditionRequired
        When the conditions of the request do not hold.
    """
    record = await records.find(work.transaction, keys)
    value = record.value()
    current = {name: value[name] for name in model.model_fields}
    body = changes.apply(model, current)
    guard(record.etag)
    return record, body


async def remove(work: Work, guard: Guard, records: Records, keys: Keys) -> None:
    """Delete the row of these keys.

    Raises
    ------
    NotFound
        When it is not there.
    PreconditionFailed, PreconditionRequired
        When the conditions of the request do not hold.
    StillReferenced
        When others refer to it.
    """
    record = await records.find(work.transaction, keys)
    guard(record.etag)
    await records.remove(work, record)
