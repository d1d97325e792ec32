"""ITC-2019 solution files in and out."""

from __future__ import annotations

import math
from pathlib import Path

from lxml import etree

from collegium.errors import Malformed, TooLarge, Unreadable
from collegium.timetabling.itc2019.markup import (
    Element,
    bit_string,
    bits,
    children,
    integer,
    optional_text,
    placed,
    refuse,
    root_of,
    shown,
    text,
)
from collegium.timetabling.itc2019.storage import DEFAULT_LIMITS, Limits
from collegium.timetabling.solution import Placement, Timetable

_ABOUT = ("technique", "author", "institution", "country")


def read_timetable(source: Path | bytes, limits: Limits = DEFAULT_LIMITS) -> Timetable:
    """Read a solution, plain or gzip-compressed, without judging it.

    Raises
    ------
    Unreadable
        When there is no such file, or it is damaged, or not well-formed.
    TooLarge
        When it passes a limit.
    Malformed
        When it breaks a rule of the format; the error names the line.
    """
    try:
        return _timetable(root_of(source, limits, "solution"))
    except (Unreadable, TooLarge, Malformed) as error:
        raise placed(source, error) from error


def write_timetable(timetable: Timetable) -> bytes:
    """Return the solution as UTF-8 XML; reading it gives the equal timetable.

    Raises
    ------
    Malformed
        When a name or id holds characters that XML cannot say.
    """
    n_days = max(
        [timetable.n_days, *(p.days.bit_length() for p in timetable.placements)]
    )
    n_weeks = max(
        [timetable.n_weeks, *(p.weeks.bit_length() for p in timetable.placements)]
    )
    try:
        root = _head(timetable)
        for placement in timetable.placements:
            _add_class(root, placement, n_days, n_weeks)
    except ValueError as error:
        raise Malformed(f"Cannot be written as XML: {error}") from error
    xml: bytes = etree.tostring(
        root, encoding="UTF-8", xml_declaration=True, pretty_print=True
    )
    return xml


def _timetable(root: Element) -> Timetable:
    elements = list(children(root, "class"))
    n_days = len(text(elements[0], "days")) if elements else 0
    n_weeks = len(text(elements[0], "weeks")) if elements else 0
    about = {name: optional_text(root, name) for name in _ABOUT}
    return Timetable(
        name=text(root, "name"),
        placements=tuple(_placement(e, n_days, n_weeks) for e in elements),
        n_days=n_days,
        n_weeks=n_weeks,
        runtime_s=_seconds(root),
        cores=None if root.get("cores") is None else integer(root, "cores"),
        **about,
    )


def _placement(element: Element, n_days: int, n_weeks: int) -> Placement:
    return Placement(
        class_id=text(element, "id"),
        days=bits(element, "days", n_days),
        start=integer(element, "start"),
        weeks=bits(element, "weeks", n_weeks),
        room_id=None if element.get("room") is None else text(element, "room"),
        student_ids=tuple(text(s, "id") for s in children(element, "student")),
    )


def _seconds(root: Element) -> float | None:
    said = root.get("runtime")
    if said is None:
        return None
    try:
        seconds = float(said)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        refuse(root, f"runtime must be a number of seconds, not {shown(said)}")
    return seconds


def _head(timetable: Timetable) -> Element:
    root = etree.Element("solution", name=timetable.name)
    if timetable.runtime_s is not None:
        root.set("runtime", repr(timetable.runtime_s))
    if timetable.cores is not None:
        root.set("cores", str(timetable.cores))
    for name in _ABOUT:
        value = getattr(timetable, name)
        if value:
            root.set(name, value)
    return root


def _add_class(root: Element, placement: Placement, n_days: int, n_weeks: int) -> None:
    element = etree.SubElement(
        root,
        "class",
        id=placement.class_id,
        days=bit_string(placement.days, n_days),
        start=str(placement.start),
        weeks=bit_string(placement.weeks, n_weeks),
    )
    if placement.room_id is not None:
        element.set("room", placement.room_id)
    for student_id in placement.student_ids:
        etree.SubElement(element, "student", id=student_id)
