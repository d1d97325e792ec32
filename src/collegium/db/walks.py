"""Walks through the rows of a collection, in order and by position."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Walk:
    """Which rows to list, in what order, from where.

    Parameters
    ----------
    sort : column to sort by; the id decides between equals.
    is_descending : largest first.
    limit : most rows to return.
    filters : column and value that rows must have.
    prefixes : column and text that values must begin with.
    after : sort value and id of the row before the first, None to begin at the start.
    is_backward : ``after`` is behind the last row instead.
    fields : columns to show, None for all.
    """

    sort: str = "code"
    is_descending: bool = False
    limit: int = 50
    filters: tuple[tuple[str, Any], ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    after: tuple[Any, ...] | None = None
    is_backward: bool = False
    fields: tuple[str, ...] | None = None

    def name(self) -> str:
        """Return a short text that differs for walks through different rows."""
        shape = (self.sort, self.is_descending, self.filters, self.prefixes)
        return hashlib.blake2b(msgspec.json.encode(shape), digest_size=6).hexdigest()


def page_sql(
    select: str, owners: Sequence[tuple[str, str]], walk: Walk
) -> tuple[str, list[Any]]:
    """Return the statement that reads a page, and its parameters.

    Parameters
    ----------
    select : ``SELECT columns FROM table``.
    owners : column and id of each parent of the rows.
    walk : which rows, and from where; one more than its limit is read.
    """
    wheres = [f"{column} = ?" for column, _ in owners]
    params: list[Any] = [id_ for _, id_ in owners]
    for column, value in walk.filters:
        wheres.append(f"{column} = ?")
        params.append(value)
    for column, prefix in walk.prefixes:
        wheres.append(f"{column} >= ? AND {column} < ?")
        params.extend((prefix, prefix + "\U0010ffff"))
    is_falling = walk.is_descending != walk.is_backward
    if walk.after is not None:
        wheres.append(f"({walk.sort}, id) {'<' if is_falling else '>'} (?, ?)")
        params.extend(walk.after)
    where = f" WHERE {' AND '.join(wheres)}" if wheres else ""
    way = "DESC" if is_falling else "ASC"
    params.append(walk.limit + 1)
    order = f" ORDER BY {walk.sort} {way}, id {way} LIMIT ?"
    return select + where + order, params
