"""What the schema says about rows: who refers to them, and what is unique."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from collegium.db.database import Reader

_NAMES_SHOWN = 5
_WORDS_OF_SQL = frozenset({"limit"})


@dataclass(frozen=True, slots=True)
class Referrer:
    """A foreign key that stops the deletion of what it refers to.

    Parameters
    ----------
    table : where the referring rows are.
    columns : pairs of their column and the column that it refers to.
    shown : their column by which a person knows them.
    """

    table: str
    columns: list[tuple[str, str]]
    shown: str

    async def names(self, reader: Reader, values: Sequence[object]) -> str | None:
        """Return the first rows that refer to these values, None without any."""
        wheres = " AND ".join(f"{theirs} = ?" for theirs, _ in self.columns)
        found = await reader.fetch_all(
            f"SELECT {self.shown} FROM {self.table} WHERE {wheres} "
            f"LIMIT {_NAMES_SHOWN + 1}",
            values,
        )
        if not found:
            return None
        more = " and more" if len(found) > _NAMES_SHOWN else ""
        names = ", ".join(str(name) for (name,) in found[:_NAMES_SHOWN])
        return f"{self.table.replace('_', ' ')} {names}{more}"


@dataclass(frozen=True, slots=True)
class UniqueRule:
    """Columns whose values together occur once.

    Parameters
    ----------
    columns : their names.
    signs : how the message of a breach ends, or names the rule, on either database.
    """

    columns: tuple[str, ...]
    signs: tuple[str, str]

    def is_broken(self, message: str) -> bool:
        """Tell whether a database's message is about this rule."""
        in_sqlite, in_postgresql = self.signs
        return message.endswith(in_sqlite) or f'"{in_postgresql}"' in message


def referrers(
    table: sa.Table,
) -> list[Referrer]:
    """Return each foreign key that stops a deletion in a table."""
    found = []
    for other in table.metadata.sorted_tables:
        for constraint in other.foreign_key_constraints:
            if constraint.referred_table is table and constraint.ondelete is None:
                columns = [(e.parent.name, e.column.name) for e in constraint.elements]
                shown = "code" if "code" in other.columns else "id"
                if shown not in other.columns:
                    shown = next(
                        c.name for c in other.primary_key if c.name != columns[0][0]
                    )
                found.append(Referrer(other.name, columns, shown))
    return found


def unique_rules(table: sa.Table) -> list[UniqueRule]:
    """Return what must be unique in a table besides its keys."""
    rules: list[sa.UniqueConstraint | sa.Index] = [
        c for c in table.constraints if isinstance(c, sa.UniqueConstraint)
    ]
    rules.extend(index for index in table.indexes if index.unique)
    found = []
    for rule in rules:
        columns = tuple(column.name for column in rule.columns)
        in_sqlite = ": " + ", ".join(f"{table.name}.{column}" for column in columns)
        in_postgresql = f"uq_{table.name}_{'_'.join(columns)}"
        found.append(UniqueRule(columns, (in_sqlite, in_postgresql)))
    return found


def quoted(column: str) -> str:
    """Return a column's name as SQL takes it: words of SQL stand in quotes."""
    return f'"{column}"' if column in _WORDS_OF_SQL else column


def stored_form(value: Any, *, is_json: bool) -> Any:
    """Return a value as its column holds it."""
    if is_json and value is not None:
        return msgspec.json.encode(value).decode()
    return int(value) if isinstance(value, bool) else value
