"""How the rows of a table become JSON."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
import sqlalchemy as sa

from collegium.db.database import Row

_encode = msgspec.json.Encoder().encode


class Shape:
    """Which columns of a table are shown, and how.

    Parameters
    ----------
    table : a column's ``info`` says what it is beside a text or number: ``json`` holds
        JSON, ``flag`` 0 or 1, ``hidden`` is not shown.
    fields : the columns to show, None for all that are not hidden.
    """

    def __init__(self, table: sa.Table, fields: tuple[str, ...] | None = None) -> None:
        columns = list(table.columns)
        shown = [c for c in columns if not c.info.get("hidden")]
        if fields is not None:
            by_name = {column.name: column for column in shown}
            shown = [by_name[name] for name in fields]
        self._places = [columns.index(column) for column in shown]
        self._is_whole = self._places == list(range(len(columns)))
        self._json = [i for i, c in enumerate(shown) if c.info.get("json")]
        self._flags = [i for i, c in enumerate(shown) if c.info.get("flag")]
        # A struct is encoded faster than a mapping, whose names are escaped each time.
        self._struct = msgspec.defstruct(
            "Row",
            [
                (f"f{i}", Any, msgspec.field(name=str(column.name)))
                for i, column in enumerate(shown)
            ],
        )

    def encode(self, row: Row) -> bytes:
        """Return a row of all columns as a JSON object of those that are shown."""
        values = list(row) if self._is_whole else [row[i] for i in self._places]
        for i in self._json:
            text = values[i]
            if text is not None:
                values[i] = msgspec.Raw(text)
        for i in self._flags:
            values[i] = bool(values[i])
        return _encode(self._struct(*values))


part_of = functools.lru_cache(maxsize=256)(Shape)
"""A shape of some columns; clients may ask for any, so only so many are kept."""
