"""Which column of a file is which: as the caller says, else as its header says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from collegium.errors import Malformed
from collegium.interchange.sheets.columns import Chosen, Column

IGNORED = ""
"""What a header is mapped to that is not to be read."""
MOST_NAMES = 10
_KEYS = ("code", "student", "course")
"""Columns by which rows are found: a file is of no use without them."""
_ODD = re.compile(r"[^a-z0-9]+")


def plain(header: str) -> str:
    """Return a header without capitals, accents, spaces and signs."""
    text = unicodedata.normalize("NFKD", header.casefold())
    return _ODD.sub("", text)


def choose_columns(
    header: Sequence[str], columns: Sequence[Column], mapping: Mapping[str, str]
) -> tuple[list[Chosen], list[str]]:
    """Return the columns that are to be read, and the headers that are not.

    Parameters
    ----------
    header : the cells of the first line.
    columns : what this kind of file may have.
    mapping : column by header; an empty one is not read.

    Raises
    ------
    Malformed
        When a header stands twice, two mean the same column, the mapping names what is
        not there, or no column is the code.
    """
    names = [cell.strip() for cell in header]
    _refuse_twice(names)
    strange = [name for name in mapping if name not in names]
    if strange:
        raise Malformed(
            f"The file has no column {strange[0]!r}: it has {_listed(names)}."
        )
    chosen: list[Chosen] = []
    left: list[str] = []
    for index, name in enumerate(names):
        if not name or mapping.get(name) == IGNORED:
            continue
        column, key = _column(name, columns, mapping)
        if column is None:
            left.append(name)
        else:
            chosen.append(Chosen(index, name, column, key))
    _refuse_same(chosen)
    _refuse_missing(chosen, columns, names)
    return chosen, left


def _column(
    name: str, columns: Sequence[Column], mapping: Mapping[str, str]
) -> tuple[Column | None, str]:
    wanted = mapping.get(name, name)
    stem, dot, key = wanted.partition(".")
    for column in columns:
        if column.is_family:
            if dot and key and plain(stem) in _names(column):
                return column, key.strip()
        elif plain(wanted) in _names(column):
            return column, ""
    if name in mapping:
        known = ", ".join(_shown(column) for column in columns)
        raise Malformed(f"There is no column {wanted!r} to map to: there are {known}.")
    return None, ""


def _names(column: Column) -> Iterator[str]:
    yield plain(column.name)
    yield from column.aliases


def _shown(column: Column) -> str:
    return f"{column.name}.…" if column.is_family else column.name


def _refuse_twice(names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name and name in names[:number]:
            raise Malformed(f"The header {name!r} stands twice in line 1.")


def _refuse_same(chosen: Sequence[Chosen]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for one in chosen:
        slot = (one.column.name, one.key)
        if slot in seen:
            raise Malformed(
                f"The headers {seen[slot]!r} and {one.header!r} both mean "
                f"{one.column.name}: map one of them to nothing."
            )
        seen[slot] = one.header


def _refuse_missing(
    chosen: Sequence[Chosen], columns: Sequence[Column], names: Sequence[str]
) -> None:
    given = {one.column.name for one in chosen}
    keys = [column.name for column in columns if column.name in _KEYS]
    for name in keys:
        if name not in given:
            raise Malformed(
                f"No column is the {name}: the file has {_listed(names)}. Map one of "
                f"them to it."
            )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:MOST_NAMES])
    return shown + (" and more" if len(names) > MOST_NAMES else "")
