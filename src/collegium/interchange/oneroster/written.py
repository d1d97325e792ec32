"""The rows of a roster as they are written, by column."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from collegium.db.database import Reader, Row
from collegium.interchange.oneroster import questions
from collegium.interchange.oneroster.files import (
    NO_ROLE,
    ORG_TYPES,
    OURS,
    ROLES_OUT,
    ROOT_TYPE,
    SESSION_TYPES,
)
from collegium.interchange.oneroster.questions import Names, pages
from collegium.interchange.oneroster.roster import sourced_id_of

_ONE_DAY = datetime.timedelta(days=1)
_UNNAMED = "-"
"""Stands for a part of a name that is required there and unknown here."""

Cells = Mapping[str, str]


async def org_rows(reader: Reader, names: Names) -> AsyncIterator[Cells]:
    """Yield the university and its organisations."""
    yield {
        "sourcedId": names.root,
        "name": names.name,
        "type": ROOT_TYPE,
        "identifier": names.code,
    }
    columns = "name, type, parent_id"
    async for rows in pages(reader, "organisations", columns, names.university_id):
        for id_, code, name, type_, parent in rows:
            yield {
                "sourcedId": names.orgs[id_],
                "name": name,
                "type": ORG_TYPES[type_],
                "identifier": code,
                "parentSourcedId": names.org(parent),
                OURS + "type": type_,
            }


async def session_rows(reader: Reader, names: Names) -> AsyncIterator[Cells]:
    """Yield the academic sessions."""
    columns = "name, type, start_date, end_date, parent_id, state"
    async for rows in pages(reader, "sessions", columns, names.university_id):
        for id_, code, name, type_, begins, ends, parent, state in rows:
            yield {
                "sourcedId": names.sessions[id_],
                "title": name,
                "type": SESSION_TYPES[type_],
                "startDate": begins,
                "endDate": _after(ends),
                "parentSourcedId": "" if parent is None else names.sessions[parent],
                "schoolYear": names.years[id_],
                OURS + "code": code,
                OURS + "type": type_,
                OURS + "state": state,
            }


async def course_rows(reader: Reader, names: Names) -> AsyncIterator[Cells]:
    """Yield the courses."""
    columns = "name, organisation_id, subject_code, other_codes"
    async for rows in pages(reader, "courses", columns, names.university_id):
        for id_, code, name, organisation, subject, other_codes in rows:
            yield {
                "sourcedId": sourced_id_of(other_codes) or id_,
                "title": name,
                "courseCode": code,
                "orgSourcedId": names.org(organisation),
                "subjectCodes": subject or "",
            }


async def user_rows(reader: Reader, names: Names) -> AsyncIterator[Cells]:
    """Yield the people."""
    columns = "name, given_name, family_name, email, other_codes"
    async for rows in pages(reader, "people", columns, names.university_id):
        for id_, code, name, given, family, email, other_codes in rows:
            first, _, last = name.strip().rpartition(" ")
            parts = {"givenName": given, "familyName": family}
            derived = (column for column, part in parts.items() if not part)
            yield {
                "sourcedId": sourced_id_of(other_codes) or id_,
                "enabledUser": "true",
                "username": code,
                "givenName": given or first.strip() or _UNNAMED,
                "familyName": family or last,
                "identifier": code,
                "email": email or "",
                OURS + "name": name,
                OURS + "derived": ",".join(derived),
            }


async def role_rows(reader: Reader, names: Names) -> AsyncIterator[Cells]:
    """Yield the memberships; whoever has none gets the role that classes give."""
    owner = names.university_id
    async for rows in pages(reader, "people", "other_codes", owner):
        ids = [row[0] for row in rows]
        held = await questions.memberships_of(reader, owner, ids)
        teachers = await questions.teachers_among(reader, owner, ids)
        for id_, _, other_codes in rows:
            user = sourced_id_of(other_codes) or id_
            found = held.get(id_)
            if found is None:
                role = "teacher" if id_ in teachers else "student"
                yield _role(user, names.root, role, "primary", NO_ROLE)
                continue
            for number, (_, organisation, ours, begins, ends) in enumerate(found):
                kind = "secondary" if number else "primary"
                org = names.org(organisation)
                yield {
                    **_role(user, org, ROLES_OUT[ours], kind, ours),
                    "beginDate": begins or "",
                    "endDate": "" if ends is None else _after(ends),
                }


def _role(user: str, org: str, role: str, kind: str, ours: str) -> dict[str, str]:
    return {
        "sourcedId": f"{user}:{org}:{ours}",
        "userSourcedId": user,
        "roleType": kind,
        "role": role,
        "orgSourcedId": org,
        OURS + "role": ours,
    }


@dataclass(frozen=True, slots=True)
class _Class:
    """A class as the roster names it.

    Parameters
    ----------
    school : sourcedId of the organisation that offers it.
    cells : of its own row.
    course_names : sourcedIds of the offering's courses by id.
    """

    id: str
    sourced_id: str
    school: str
    cells: Cells
    course_names: Mapping[str, str]


async def class_rows(reader: Reader, names: Names) -> AsyncIterator[Cells]:
    """Yield the classes."""
    async for one in _classes(reader, names):
        yield one.cells


async def enrollment_rows(reader: Reader, names: Names) -> AsyncIterator[Cells]:
    """Yield who attends and who teaches each class."""
    owner = names.university_id
    async for one in _classes(reader, names):
        for id_, other_codes, course in await questions.students_in(
            reader, owner, one.id
        ):
            user = sourced_id_of(other_codes) or id_
            yield {
                **_enrollment(one, user, "student"),
                "primary": "false",
                OURS + "courseSourcedId": one.course_names[course],
            }
        for id_, other_codes, is_lead in await questions.teachers_of(
            reader, owner, one.id
        ):
            user = sourced_id_of(other_codes) or id_
            primary = "true" if is_lead else "false"
            yield {**_enrollment(one, user, "teacher"), "primary": primary}


def _enrollment(one: _Class, user: str, role: str) -> dict[str, str]:
    return {
        "sourcedId": f"{one.sourced_id}:{user}:{role}",
        "classSourcedId": one.sourced_id,
        "schoolSourcedId": one.school,
        "userSourcedId": user,
        "role": role,
    }


async def _classes(reader: Reader, names: Names) -> AsyncIterator[_Class]:
    owner = names.university_id
    for session_id, is_from_problem in await questions.session_codes(reader, owner):
        async for offerings in questions.offerings_of(reader, owner, session_id):
            for offering in offerings:
                parts = msgspec.json.decode(offering[3])
                ids = [part["course_id"] for part in parts]
                courses = await questions.courses_named(reader, owner, ids)
                held = await questions.classes_of(reader, owner, offering[0])
                for one in _classes_in(names, session_id, offering, courses, held):
                    yield (one if not is_from_problem else _by_own_id(one))


def _classes_in(
    names: Names,
    session_id: str,
    offering: Row,
    courses: Mapping[str, Row],
    held: Sequence[Row],
) -> Iterator[_Class]:
    _, code, name, course_parts, configurations = offering
    parts = msgspec.json.decode(course_parts)
    parts.sort(key=lambda part: not part["is_controlling"])
    sourced = {id_: sourced_id_of(row[3]) or id_ for id_, row in courses.items()}
    order = [sourced[part["course_id"]] for part in parts]
    first = courses[parts[0]["course_id"]]
    places = _places(msgspec.json.decode(configurations))
    for id_, external, class_code, *place in held:
        kind, parent_subpart, parent = places[tuple(place)]
        sourced_id = external or id_
        school = names.org(first[2])
        cells = {
            "sourcedId": sourced_id,
            "title": name or first[1],
            "courseSourcedId": order[0],
            "classCode": class_code,
            "classType": "scheduled",
            "schoolSourcedId": school,
            "termSourcedIds": names.sessions[session_id],
            OURS + "offering": code,
            OURS + "courses": ",".join(order),
            OURS + "configuration": place[0],
            OURS + "subpart": place[1],
            OURS + "kind": kind,
            OURS + "parentSubpart": parent_subpart or "",
            OURS + "suffix": place[2],
            OURS + "parent": parent or "",
        }
        yield _Class(id_, sourced_id, school, cells, sourced)


def _by_own_id(one: _Class) -> _Class:
    """Return a class under its own id: ids of ITC-2019 files occur in each of them."""
    cells = {**one.cells, "sourcedId": one.id}
    return _Class(one.id, one.id, one.school, cells, one.course_names)


def _places(
    configurations: Sequence[Mapping[str, Any]],
) -> dict[tuple[str, ...], tuple[str, str | None, str | None]]:
    """Return by place: kind, parent subpart and parent suffix of each class."""
    return {
        (configuration["code"], subpart["code"], class_["suffix"]): (
            subpart["kind"],
            subpart["parent"],
            class_["parent"],
        )
        for configuration in configurations
        for subpart in configuration["subparts"]
        for class_ in subpart["classes"]
    }


def _after(date: str) -> str:
    """Return the day after, as their last days are."""
    return (datetime.date.fromisoformat(date) + _ONE_DAY).isoformat()
