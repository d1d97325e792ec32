"""What the cells of a column mean: text in, member of a body out, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a cell for a formula, and runs it."""
_LIST = re.compile(r"[;|]")


class Form(Enum):
    """How a cell says a value."""

    TEXT = "text"
    NUMBER = "number"
    LIST = "list"
    """Words between semicolons."""
    REFERENCE = "reference"
    """Code of something else; the body has its id."""
    TEXTS = "texts"
    """One language of a text by language; the language stands in the header."""
    OTHER_CODE = "other code"
    """One of the names elsewhere; whose it is stands in the header."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a kind of file may have.

    Parameters
    ----------
    name : as a header says it in full; of TEXTS and OTHER_CODE what stands before the
        dot.
    member : of the body.
    form : how a cell says the value.
    aliases : other headers that mean it, in the form of ``plain``.
    is_required : every new row must have a value.
    table, noun : of a reference, where the other row is and what it is called.
    """

    name: str
    member: str
    form: Form = Form.TEXT
    aliases: tuple[str, ...] = ()
    is_required: bool = False
    table: str = ""
    noun: str = ""

    @property
    def is_family(self) -> bool:
        """Whether its headers have a part of their own behind a dot."""
        return self.form in (Form.TEXTS, Form.OTHER_CODE)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A column of a file.

    Parameters
    ----------
    index : which cell of each line.
    header : as the file has it.
    key : what stands behind the dot, empty without one.
    """

    index: int
    header: str
    column: Column
    key: str = ""


def text_of(cell: str) -> str:
    """Return what a cell says, without the mark that keeps it from being a formula."""
    cell = cell.strip()
    if len(cell) > 1 and cell[0] == "'" and cell[1:].startswith((*_FORMULA, "'")):
        return cell[1:]
    return cell


def cell_of(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula.

    ``text_of`` gives the text back.
    """
    is_marked = text.startswith("'") and text[1:].startswith((*_FORMULA, "'"))
    return f"'{text}" if text.startswith(_FORMULA) or is_marked else text


def read_cell(chosen: Chosen, cell: str, values: dict[str, Any]) -> None:
    """Put what a cell says into the values of a line.

    A member that is made of several columns gets what each of them says by its key.
    """
    text = text_of(cell)
    member, form = chosen.column.member, chosen.column.form
    if chosen.column.is_family:
        values.setdefault(member, {})[chosen.key] = text
    elif form is Form.LIST:
        values[member] = [part.strip() for part in _LIST.split(text) if part.strip()]
    elif not text:
        values[member] = None
    elif form is Form.NUMBER and "," in text and "." not in text:
        values[member] = text.replace(",", ".")
    else:
        values[member] = text


def merged_texts(before: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return texts by language with those of a line; an empty one goes."""
    return {key: text for key, text in {**before, **given}.items() if text}


def merged_codes(
    before: Sequence[Mapping[str, str]], given: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return names elsewhere with those of a line; an empty one goes."""
    kept = [dict(code) for code in before if code["code_type"] not in given]
    return [
        *kept,
        *({"code_type": key, "code": code} for key, code in given.items() if code),
    ]


def write_cell(chosen: Chosen, value: Any) -> str:
    """Return the cell of a value as its table has it.

    Parameters
    ----------
    value : text, number, or JSON text; of a reference the code of the other row.
    """
    form = chosen.column.form
    if value is None:
        return ""
    if form is Form.NUMBER:
        return str(int(value)) if value == int(value) else repr(value)
    if form is Form.LIST:
        return cell_of(";".join(msgspec.json.decode(value)))
    if form is Form.TEXTS:
        return cell_of(msgspec.json.decode(value).get(chosen.key, ""))
    if form is Form.OTHER_CODE:
        codes = msgspec.json.decode(value)
        found = (c["code"] for c in codes if c["code_type"] == chosen.key)
        return cell_of(next(found, ""))
    return cell_of(value)
