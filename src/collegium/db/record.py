"""One row, in one state, and pages of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from collegium.db.database import Row
from collegium.db.shapes import Shape


class Kind(Protocol):
    """What a row knows of its kind."""

    @property
    def table(self) -> str:
        """Name of the table."""

    @property
    def positions(self) -> Mapping[str, int]:
        """Place of each column in a row."""

    @property
    def form(self) -> str:
        """What tags of this kind end with."""

    def shape(self, fields: tuple[str, ...] | None) -> Shape:
        """Return how rows are shown."""


class Record:
    """One row, in one state.

    Parameters
    ----------
    records : the kind of row.
    row : values of the columns of ``records``, in order.
    fields : the columns to show, None for all that are not hidden.
    """

    __slots__ = ("_fields", "_json", "_records", "_row")

    def __init__(
        self, records: Kind, row: Row, fields: tuple[str, ...] | None = None
    ) -> None:
        self._records = records
        self._row = row
        self._fields = fields
        self._json: bytes | None = None

    def __getitem__(self, column: str) -> Any:
        return self._row[self._records.positions[column]]

    @property
    def table(self) -> str:
        """Name of the table that it is in."""
        return self._records.table

    @property
    def id(self) -> str:
        """The row's id."""
        return str(self["id"])

    @property
    def version(self) -> int:
        """Changes with every change of the row, and never comes back."""
        return int(self["version"])

    @property
    def etag(self) -> str:
        """Strong entity tag of the row's representation."""
        return f'"{self["version"]}{self._records.form}"'

    def part(self, fields: tuple[str, ...]) -> Record:
        """Return the row with only these columns to show."""
        return Record(self._records, self._row, fields)

    def to_json(self) -> bytes:
        """Return the representation: the columns by their names."""
        if self._json is None:
            # Of what was changed, both the answer and the record of changes want it.
            self._json = self._records.shape(self._fields).encode(self._row)
        return self._json

    def value(self) -> dict[str, Any]:
        """Return the representation as plain values."""
        value: dict[str, Any] = msgspec.json.decode(self.to_json())
        return value


@dataclass(slots=True)
class RecordPage:
    """Some rows, in order, and whether there are more on either side."""

    items: list[Record]
    etag: str
    sort: str
    has_before: bool
    has_after: bool

    def edge(self, item: Record) -> tuple[Any, ...]:
        """Return where a row stands in the order."""
        return (item[self.sort], item.id)
