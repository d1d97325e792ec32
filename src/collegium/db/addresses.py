"""How rows are addressed: by id or by code, below what they belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collegium.db.database import Reader

Keys = tuple[str, ...]
"""Id or code of each parent, outermost first, and of the row itself at the end."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_id(key: str) -> bool:
    """Tell whether a key is an id; a code never looks like one."""
    return len(key) == 36 and _UUID.fullmatch(key) is not None


@dataclass(frozen=True, slots=True)
class Parent:
    """What rows belong to.

    Parameters
    ----------
    column : the column of the rows that names it.
    table : where it is.
    noun : what a person calls it.
    """

    column: str
    table: str
    noun: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What rows name.

    Parameters
    ----------
    column : the column of the rows that names it.
    table : where it is.
    noun : what a person calls it.
    within : columns that it shares with the row: what both belong to.
    """

    column: str
    table: str
    noun: str
    within: tuple[str, ...] = ("university_id",)


def finder(
    select: str, parents: Sequence[Parent], shape: tuple[bool, ...]
) -> tuple[str, tuple[int, ...]]:
    """Return the statement that finds a row by keys of one shape.

    Parameters
    ----------
    select : ``SELECT columns FROM table``.
    parents : what the rows belong to, outermost first.
    shape : for each key, whether it is an id.

    Returns
    -------
    The statement, and for each of its parameters which key it is.
    """
    wheres: list[str] = []
    order: list[int] = []
    above: list[tuple[str, list[int]]] = []
    for depth, parent in enumerate(parents):
        expression, used = "?", [depth]
        if not shape[depth]:
            inner = [
                f"{owner.column} = {sql}"
                for owner, (sql, _) in zip(parents, above, strict=False)
            ]
            inner.append("code = ?")
            expression = f"(SELECT id FROM {parent.table} WHERE {' AND '.join(inner)})"
            used = [*(i for _, places in above for i in places), depth]
        above.append((expression, used))
        wheres.append(f"{parent.column} = {expression}")
        order.extend(used)
    wheres.append("id = ?" if shape[-1] else "code = ?")
    order.append(len(shape) - 1)
    return f"{select} WHERE {' AND '.join(wheres)}", tuple(order)


async def find_id(
    reader: Reader, reference: Reference, owners: Mapping[str, str], key: str
) -> str | None:
    """Return the id of a row by its id or code, None when it is not there.

    Parameters
    ----------
    reader : where to look.
    reference : to what kind of row.
    owners : by column, the ids of what the row must belong to.
    key : the row's id or code.
    """
    wheres = [f"{column} = ?" for column in reference.within]
    wheres.append("id = ?" if is_id(key) else "code = ?")
    row = await reader.fetch_one(
        f"SELECT id FROM {reference.table} WHERE {' AND '.join(wheres)}",
        [*(owners[column] for column in reference.within), key],
    )
    return None if row is None else str(row[0])
