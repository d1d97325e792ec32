"""The parts of an offering as rows: what is wanted, and how it hangs together.

No database here: bodies in, rows out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from collegium.errors import Malformed
from collegium.offerings.schemas import ConfigurationPart, OfferingIn, SubpartPart

LONGEST_CODE = 64


class Key(NamedTuple):
    """Where a part is: codes of its configuration, its subpart, its suffix."""

    configuration: str
    subpart: str = ""
    suffix: str = ""


def class_code(offering: str, configuration: str, subpart: str, suffix: str) -> str:
    """Return the code of a class, unique in its session.

    Raises
    ------
    Malformed
        When it would be too long for an address.
    """
    code = "-".join((offering, configuration, subpart, suffix))
    if len(code) > LONGEST_CODE:
        raise Malformed(
            f"The code of a class would be {code!r}, longer than {LONGEST_CODE} "
            "characters: shorten that of the offering or its parts.",
            pointers={"/code": "too long"},
        )
    return code


def check_parts(body: OfferingIn) -> None:
    """Refuse an offering whose parts do not form trees.

    Raises
    ------
    Malformed
        When a code occurs twice, or a parent is missing or leads back.
    """
    _refuse_twice([c.code for c in body.configurations], "/configurations", "code")
    for number, configuration in enumerate(body.configurations):
        at = f"/configurations/{number}/subparts"
        codes = [s.code for s in configuration.subparts]
        _refuse_twice(codes, at, "code")
        parents = {s.code: s.parent for s in configuration.subparts}
        for place, subpart in enumerate(configuration.subparts):
            _check_subpart(configuration, subpart, parents, f"{at}/{place}")


def _check_subpart(
    configuration: ConfigurationPart,
    subpart: SubpartPart,
    parents: Mapping[str, str | None],
    at: str,
) -> None:
    suffixes = [c.suffix for c in subpart.classes]
    _refuse_twice(suffixes, f"{at}/classes", "suffix")
    above = _above(subpart, parents, at)
    known = {c.suffix for s in configuration.subparts if s.code == above
             for c in s.classes}  # fmt: skip
    for number, class_ in enumerate(subpart.classes):
        if class_.parent is not None and class_.parent not in known:
            raise Malformed(
                f"Class {class_.suffix} has no parent {class_.parent!r} in the parent "
                "subpart.",
                pointers={f"{at}/classes/{number}/parent": "no such class there"},
            )


def _above(
    subpart: SubpartPart, parents: Mapping[str, str | None], at: str
) -> str | None:
    """Return the parent subpart after a look at all that are above."""
    seen = {subpart.code}
    above = subpart.parent
    while above is not None:
        if above not in parents or above in seen:
            wrong = "leads back here" if above in seen else "no such subpart"
            raise Malformed(
                f"Subpart {subpart.code} has no parent {above!r} in its configuration "
                "that is above it.",
                pointers={f"{at}/parent": wrong},
            )
        seen.add(above)
        above = parents[above]
    return subpart.parent


def _refuse_twice(codes: Sequence[str], at: str, member: str) -> None:
    first: dict[str, int] = {}
    for number, code in enumerate(codes):
        if first.setdefault(code, number) != number:
            raise Malformed(
                f"{code!r} is named twice.",
                pointers={f"{at}/{number}/{member}": f"as in {first[code]}"},
            )


def controlling(body: OfferingIn) -> int:
    """Return which course of an offering is the controlling one.

    Raises
    ------
    Malformed
        When there is not exactly one.
    """
    if len(body.courses) == 1 and body.courses[0].is_controlling is None:
        return 0
    found = [i for i, course in enumerate(body.courses) if course.is_controlling]
    if len(found) != 1:
        raise Malformed(
            "Exactly one course of an offering is controlling.",
            pointers={"/courses": f"{len(found)} are controlling"},
        )
    return found[0]


def configuration_rows(
    configurations: Sequence[Mapping[str, Any]],
) -> dict[Key, dict[str, Any]]:
    """Return the columns of each configuration by its place."""
    return {
        Key(c["code"]): {
            **{name: c[name] for name in ("code", "name", "limit", "external_id")},
            "position": position,
        }
        for position, c in enumerate(configurations)
    }


def subpart_rows(
    configurations: Sequence[Mapping[str, Any]],
) -> dict[Key, dict[str, Any]]:
    """Return the columns of each subpart by its place, without ids."""
    return {
        Key(c["code"], s["code"]): {
            **{name: s[name] for name in ("code", "kind", "external_id")},
            "position": position,
        }
        for c in configurations
        for position, s in enumerate(c["subparts"])
    }


def class_rows(
    offering: str, configurations: Sequence[Mapping[str, Any]]
) -> dict[Key, dict[str, Any]]:
    """Return the columns of each class by its place, without ids."""
    rows: dict[Key, dict[str, Any]] = {}
    for key, position, class_ in _classes(configurations):
        columns = {name: value for name, value in class_.items() if name != "parent"}
        code = class_code(offering, *key)
        place = {"configuration": key.configuration, "subpart": key.subpart}
        rows[key] = {**columns, **place, "code": code, "position": position}
    return rows


def parents_of(
    configurations: Sequence[Mapping[str, Any]],
) -> tuple[dict[Key, Key], dict[Key, Key]]:
    """Return the parent of each subpart, and of each class, that has one."""
    subparts = {
        Key(c["code"], s["code"]): Key(c["code"], s["parent"])
        for c in configurations
        for s in c["subparts"]
        if s["parent"] is not None
    }
    classes = {
        key: Key(*subparts[Key(key.configuration, key.subpart)][:2], class_["parent"])
        for key, _, class_ in _classes(configurations)
        if class_["parent"] is not None
    }
    return subparts, classes


def from_above(keys: Sequence[Key], parents: Mapping[Key, Key]) -> list[Key]:
    """Return keys so that each stands behind its parent."""

    def depth(key: Key) -> int:
        return 1 + depth(parents[key]) if key in parents else 0

    return sorted(keys, key=depth)


def _classes(
    configurations: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[Key, int, Mapping[str, Any]]]:
    for c in configurations:
        for s in c["subparts"]:
            for position, class_ in enumerate(s["classes"]):
                yield Key(c["code"], s["code"], class_["suffix"]), position, class_
