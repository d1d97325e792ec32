"""XML elements out of untrusted bytes, and typed values out of their attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from lxml import etree

from collegium.errors import CollegiumError, Malformed, TooLarge, Unreadable
from collegium.timetabling.itc2019.storage import Limits, load

Element: TypeAlias = etree._Element  # noqa: SLF001  lxml has no public name for it

LARGEST_INTEGER = 2**31 - 1
LONGEST_TEXT = 1_000
_SHOWN_CHARACTERS = 60
_BITS = re.compile(r"[01]*", re.ASCII)


def root_of(source: Path | bytes, limits: Limits, tag: str) -> Element:
    """Parse a document; nothing outside of it is ever fetched or expanded.

    Raises
    ------
    Unreadable
        When it is not well-formed XML, or uses entities.
    TooLarge
        When it passes a limit, or is nested too deeply.
    Malformed
        When its root element is another one.
    """
    xml = load(source, limits)
    # Each tag has its "<" and each attribute its "=", in every encoding.
    if xml.count(b"<") > limits.tags:
        raise TooLarge(f"more than {limits.tags} tags")
    if xml.count(b"=") > limits.attributes:
        raise TooLarge(f"more than {limits.attributes} attributes")
    root = _parsed(xml)
    if root.tag != tag:
        raise Malformed(_at(root, f"expected <{tag}>, found <{shown(root.tag)}>"))
    return root


def placed(source: Path | bytes, error: CollegiumError) -> CollegiumError:
    """Return the same error with the file that it is about in front."""
    name = str(source) if isinstance(source, Path) else "input"
    return type(error)(f"{name}: {error.detail}")


def children(parent: Element, *tags: str) -> Iterator[Element]:
    """Yield the child elements, refusing any that is not of the given tags."""
    for child in parent:
        if child.tag in tags:
            yield child
        else:
            refuse(child, f"<{shown(child.tag)}> has no place in <{parent.tag}>")


def only(parent: Element, tag: str) -> Element | None:
    """Return the child of that tag, refusing a second one."""
    found = parent.findall(tag)
    if len(found) > 1:
        refuse(found[1], f"a second <{tag}>")
    return found[0] if found else None


def text(element: Element, name: str) -> str:
    """Return an attribute that must be there."""
    value = element.get(name)
    if value is None:
        refuse(element, f"{name} is missing")
    if not value or len(value) > LONGEST_TEXT:
        refuse(element, f"{name} must have 1 to {LONGEST_TEXT} characters")
    return value


def optional_text(element: Element, name: str) -> str:
    """Return an attribute, empty when it is not there."""
    value = element.get(name, "")
    if len(value) > LONGEST_TEXT:
        refuse(element, f"{name} must have at most {LONGEST_TEXT} characters")
    return value


def integer(
    element: Element,
    name: str,
    *,
    default: int | None = None,
    least: int = 0,
    most: int = LARGEST_INTEGER,
) -> int:
    """Return an attribute as an integer within [least, most]."""
    value = element.get(name)
    if value is None:
        if default is None:
            refuse(element, f"{name} is missing")
        return default
    # Only plain digits: int() alone would take "1_000", " 7" and other scripts.
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(most))):
        refuse(element, f"{name} must be {least} to {most}, not {shown(value)}")
    number = int(value)
    if not least <= number <= most:
        refuse(element, f"{name} must be {least} to {most}, not {number}")
    return number


def boolean(element: Element, name: str, *, default: bool) -> bool:
    """Return an attribute as true or false."""
    value = element.get(name)
    if value is None:
        return default
    if value not in ("true", "false"):
        refuse(element, f"{name} must be true or false, not {shown(value)}")
    return value == "true"


def bits(element: Element, name: str, width: int | None = None) -> int:
    """Return a bit string as a set: the leftmost character is bit 0.

    Parameters
    ----------
    width : how many characters it must have; None takes any.
    """
    value = text(element, name)
    if not _BITS.fullmatch(value):
        refuse(element, f"{name} must be of 0 and 1 only, not {shown(value)}")
    if width is not None and len(value) != width:
        refuse(element, f"{name} must have {width} characters, not {len(value)}")
    return int(value[::-1], 2)


def bit_string(members: int, width: int) -> str:
    """Return a set of days or weeks as the format writes it."""
    return f"{members:0{width}b}"[::-1]


def refuse(element: Element, what: str) -> NoReturn:
    """Refuse the document because of what is wrong with this element."""
    raise Malformed(_at(element, what))


def shown(value: object) -> str:
    """Return something from the input, made safe to be part of one line."""
    clean = value.encode("unicode_escape").decode() if isinstance(value, str) else "?"
    if len(clean) > _SHOWN_CHARACTERS:
        clean = clean[:_SHOWN_CHARACTERS] + "..."
    return clean


def _parsed(xml: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        line, _ = error.position
        # lxml repeats the position at the end of its message.
        what = shown((error.msg or "").rsplit(", line ", 1)[0])
        if "depth" in what:
            raise TooLarge(f"line {line}: nested too deeply") from error
        raise Unreadable(f"line {line}: not well-formed XML: {what}") from error
    dtd: Any = root.getroottree().docinfo.internalDTD
    if dtd is not None and next(dtd.iterentities(), None) is not None:
        raise Unreadable("line 1: entities are declared, which is refused")
    # An entity of a DTD elsewhere is only warned of: it would vanish in silence.
    for entry in parser.error_log:
        raise Unreadable(f"line {entry.line}: refused: {shown(entry.message)}")
    return root


def _at(element: Element, what: str) -> str:
    identity = element.get("id")
    name = f"<{shown(element.tag)}>"
    if identity is not None:
        name = f"{element.tag} {shown(identity)}"
    return f"line {element.sourceline}: {name}: {what}"
