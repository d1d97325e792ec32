"""Take in the classes of a roster as parts of offerings.

A roster knows courses and classes, and nothing between. Where our own columns say which
part of which offering a class is, it becomes that; otherwise the classes of a course in
a term are those of one subpart, of which a student attends one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from collegium.db.records import Record
from collegium.errors import CollegiumError
from collegium.interchange.oneroster.roster import Roster, Seat, put
from collegium.interchange.oneroster.rows import Row, note_unread
from collegium.interchange.reports import Action
from collegium.offerings.schemas import OfferingIn
from collegium.offerings.service import OFFERINGS

_UNREAD = ("grades", "location", "subjects", "subjectCodes", "periods")
_Place = tuple[str, str, str]
"""Codes of configuration and subpart, and suffix."""
_PART = "1"
"""Code of the configuration, and of the subpart, when nothing says another."""
_SUFFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+]{0,15}")


@dataclass(slots=True)
class _Group:
    """The classes of one offering.

    Parameters
    ----------
    courses : ids, the controlling one first.
    """

    session_id: str
    code: str
    courses: list[str]
    rows: list[Row] = field(default_factory=list)


async def take_classes(roster: Roster, rows: Iterable[Row]) -> None:
    """Take in classes, offering by offering."""
    groups: dict[tuple[str, str], _Group] = {}
    codes = await _course_codes(roster)
    offered = await _offered(roster)
    for row in rows:
        note_unread(row, _UNREAD, roster.report)
        is_known = roster.refers(row, "courseSourcedId", roster.courses)
        session_id = _session_of(roster, row)
        if not is_known or session_id is None:
            continue
        courses = [roster.courses[row["courseSourcedId"]]]
        for sourced_id in row.ours("courses").split(","):
            other = roster.courses.get(sourced_id)
            if other is not None and other not in courses:
                courses.append(other)
        code = (
            row.ours("offering")
            or offered.get((session_id, courses[0]))
            or codes[courses[0]]
        )
        group = groups.setdefault((session_id, code), _Group(session_id, code, courses))
        group.rows.append(row)
    for group in groups.values():
        try:
            await _take_offering(roster, group)
        except CollegiumError as error:
            roster.note(group.rows[0], "", error)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_context=False):
                where = "/".join(map(str, item["loc"]))
                detail = f"{where}: {item['msg']}"
                roster.report.fault(group.rows[0].line, "classCode", detail)
        await roster.breathe()


def _session_of(roster: Roster, row: Row) -> str | None:
    terms = row.several("termSourcedIds")
    unknown = [term for term in terms if term not in roster.sessions]
    if unknown or not terms:
        detail = f"there is no {', '.join(unknown)!r} in the files"
        roster.report.fault(row.line, "termSourcedIds", detail)
        return None
    if len(terms) > 1:
        detail = f"a class is of one session here: it is taken into {terms[0]!r}"
        roster.report.notice(row.line, "termSourcedIds", detail)
    return roster.sessions[terms[0]]


async def _offered(roster: Roster) -> dict[tuple[str, str], str]:
    """Return by session and course the code of the offering that is there already."""
    found: dict[tuple[str, str], str] = {}
    for session_id in roster.sessions.values():
        if session_id in roster.new_sessions:
            continue
        rows = await roster.work.transaction.fetch_all(
            "SELECT c.course_id, o.code FROM course_offerings c "
            "JOIN instructional_offerings o ON o.university_id = c.university_id "
            "AND o.id = c.offering_id "
            "WHERE c.university_id = ? AND c.session_id = ?",
            (roster.university_id, session_id),
        )
        found.update(((session_id, course), code) for course, code in rows)
    return found


async def _course_codes(roster: Roster) -> dict[str, str]:
    """Return codes of the courses of the roster by id."""
    ids = list(roster.courses.values())
    found: dict[str, str] = {}
    for first in range(0, len(ids), 500):
        part = ids[first : first + 500]
        rows = await roster.work.transaction.fetch_all(
            "SELECT id, code FROM courses WHERE university_id = ? "
            f"AND id IN ({', '.join('?' for _ in part)})",
            (roster.university_id, *part),
        )
        found.update((id_, code) for id_, code in rows)
    return found


async def _take_offering(roster: Roster, group: _Group) -> None:
    reader = roster.work.transaction
    keys = (roster.university_id, group.session_id)
    before = await OFFERINGS.records.lookup(reader, (*keys, group.code))
    held = _Held() if before is None else await _held(roster, group, before.id)
    document = await _document(roster, group, before)
    places = [_place_of(document, row, held) for row in group.rows]
    if before is None or not all(isinstance(place, str) for place in places):
        body = OfferingIn.model_validate(document)
        before, _ = await put(roster.work, OFFERINGS, keys, before, body)
    made = await _held(roster, group, before.id)
    for row, place in zip(group.rows, places, strict=True):
        class_id = place if isinstance(place, str) else made.places[place]
        seat = Seat(group.session_id, before.id, class_id)
        roster.classes[row["sourcedId"]] = seat
        is_new = class_id not in held.ids
        action: Action = "create" if is_new else "unchanged"
        roster.report.count("classes", action, row.line)


@dataclass(slots=True)
class _Held:
    """The classes that an offering has, by what they may be known."""

    ids: set[str] = field(default_factory=set)
    externals: dict[str, str] = field(default_factory=dict)
    places: dict[_Place, str] = field(default_factory=dict)


async def _held(roster: Roster, group: _Group, offering_id: str) -> _Held:
    rows = await roster.work.transaction.fetch_all(
        "SELECT id, external_id, configuration, subpart, suffix FROM classes "
        "WHERE university_id = ? AND session_id = ? AND offering_id = ?",
        (roster.university_id, group.session_id, offering_id),
    )
    held = _Held()
    for id_, external, *place in rows:
        held.ids.add(id_)
        held.places[place[0], place[1], place[2]] = id_
        if external is not None:
            held.externals[external] = id_
    return held


async def _document(
    roster: Roster, group: _Group, before: Record | None
) -> dict[str, Any]:
    """Return an offering as it is, or as it begins."""
    title = group.rows[0]["title"]
    if before is not None:
        value = before.value()
        document = {name: value[name] for name in OfferingIn.model_fields}
    else:
        name = title if title != await _course_name(roster, group.courses[0]) else None
        document = {
            "code": group.code,
            "name": name,
            "courses": [
                {"course_id": id_, "is_controlling": number == 0}
                for number, id_ in enumerate(group.courses)
            ],
            "configurations": [],
        }
    shown = document["name"] or await _course_name(roster, group.courses[0])
    for row in group.rows:
        if row["title"] != shown:
            detail = f"classes have no titles of their own here: it stays {shown!r}"
            roster.report.notice(row.line, "title", detail)
    return document


async def _course_name(roster: Roster, course_id: str) -> str:
    row = await roster.work.transaction.fetch_one(
        "SELECT name FROM courses WHERE university_id = ? AND id = ?",
        (roster.university_id, course_id),
    )
    return "" if row is None else str(row[0])


def _place_of(document: dict[str, Any], row: Row, held: _Held) -> _Place | str:
    """Return the id of a class that is there, or the place of a new one."""
    sourced_id = row["sourcedId"]
    if sourced_id in held.ids:
        return sourced_id
    if sourced_id in held.externals:
        return held.externals[sourced_id]
    configuration = _part(
        document["configurations"],
        row.ours("configuration") or _PART,
        {"subparts": []},
    )
    subpart = _part(
        configuration["subparts"],
        row.ours("subpart") or _PART,
        {
            "kind": row.ours("kind") or "lecture",
            "parent": row.ours("parentSubpart") or None,
            "classes": [],
        },
    )
    taken = {class_["suffix"] for class_ in subpart["classes"]}
    suffix = row.ours("suffix") or _free_suffix(row["classCode"], taken)
    place = (configuration["code"], subpart["code"], suffix)
    if suffix not in taken:
        subpart["classes"].append(
            {
                "suffix": suffix,
                "external_id": sourced_id,
                "parent": row.ours("parent") or None,
            }
        )
    return place


def _part(parts: list[Any], code: str, new: dict[str, Any]) -> dict[str, Any]:
    """Return the part of this code, added to the others when it is not there."""
    found: dict[str, Any] | None = next((p for p in parts if p["code"] == code), None)
    if found is None:
        found = {"code": code, **new}
        parts.append(found)
    return found


def _free_suffix(wish: str, taken: set[str]) -> str:
    if _SUFFIX.fullmatch(wish) and wish not in taken:
        return wish
    number = len(taken) + 1
    while str(number) in taken:
        number += 1
    return str(number)
