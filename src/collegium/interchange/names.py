"""Names of one world said in another: ids of files as codes, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from collegium.db.addresses import is_id

LONGEST_CODE = 40
_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._~+&-]*[A-Za-z0-9._~+&-])?")
_ODD = re.compile(r"[^A-Za-z0-9._~+-]+")


def codes_of(ids: Sequence[str], prefix: str) -> list[str]:
    """Return a code for each id of a file: the id itself where it can be one.

    The same ids give the same codes.

    Parameters
    ----------
    ids : all different.
    prefix : what each code begins with.
    """
    plain = {id_ for id_ in ids if _is_code(prefix + id_)}
    taken = set(plain)
    codes = []
    for number, id_ in enumerate(ids, 1):
        if id_ in plain:
            codes.append(prefix + id_)
            continue
        stem = _ODD.sub("-", id_).strip("-._~+ ")[:20] or "X"
        code = stem if stem not in taken else f"{stem}.{number}"
        while code in taken or is_id(prefix + code):
            code += "."
        taken.add(code)
        codes.append(prefix + code)
    return codes


def _is_code(text: str) -> bool:
    return (
        len(text) <= LONGEST_CODE
        and _CODE.fullmatch(text) is not None
        and not is_id(text)
    )


def names_of(rows: Iterable[tuple[str | None, str, str]]) -> list[str]:
    """Return a name for each row that no other row has.

    Parameters
    ----------
    rows : of each its name in the file that it came from, its code, and its id.
    """
    rows = list(rows)
    taken = {external for external, _, _ in rows if external is not None}
    names = []
    for external, code, id_ in rows:
        name = external
        if name is None:
            name = code if code not in taken else id_
            taken.add(name)
        names.append(name)
    return names
