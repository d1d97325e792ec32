"""Make the stored parts of an offering what its document says."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import msgspec

from collegium.db.database import Reader, ReferenceViolated, UniqueViolated
from collegium.db.work import Work
from collegium.errors import AlreadyExists, StillReferenced
from collegium.offerings import repository, tree
from collegium.offerings.repository import Kept, Place
from collegium.offerings.tree import Key

CONFIGURATION_COLUMNS = ("code", "name", "limit", "external_id", "position")
SUBPART_COLUMNS = (
    "configuration_id",
    "parent_subpart_id",
    "code",
    "kind",
    "external_id",
    "position",
)
CLASS_COLUMNS = (
    "configuration",
    "subpart",
    "suffix",
    "parent_class_id",
    "code",
    "limit",
    "needs_room",
    "room_options",
    "time_options",
    "is_cancelled",
    "external_id",
    "position",
)
COURSE_COLUMNS = ("course_id", "is_controlling", "reserved_seats")


async def keep_courses(
    work: Work, place: Place, version: int, courses: Sequence[Mapping[str, Any]]
) -> None:
    """Make the course offerings those of the document.

    Raises
    ------
    Conflict
        When more are enrolled than the seats that a course would have.
    StillReferenced
        When a course goes that somebody wants or takes.
    """
    rows = await work.transaction.fetch_all(
        f"SELECT id, {', '.join(COURSE_COLUMNS)} FROM course_offerings "
        "WHERE university_id = ? AND session_id = ? AND offering_id = ? LIMIT 1000",
        tuple(place.columns.values()),
    )
    names = ("id", *COURSE_COLUMNS)
    stored = {row[1]: Kept(row[0], dict(zip(names, row, strict=True))) for row in rows}
    wanted = {course["course_id"]: course for course in courses}
    gone = [part.id for key, part in stored.items() if key not in wanted]
    await _delete(work, "course_offerings", place, gone)
    # First the one that is not controlling any more, as only one may be.
    for key in sorted(
        wanted.keys() & stored, key=lambda k: wanted[k]["is_controlling"]
    ):
        await repository.update_part(
            work, "course_offerings", version, place, stored[key], wanted[key]
        )
    counters = {"enrolled": 0, "last_waitlist_seq": 0}
    added = [
        {"id": repository.new_id(), **place.columns, **course, **counters}
        for key, course in wanted.items()
        if key not in stored
    ]
    try:
        await repository.insert_parts(work, "course_offerings", version, added)
    except UniqueViolated:
        raise AlreadyExists(
            "One of the courses is offered in this session already.",
            pointers={"/courses": "offered already"},
        ) from None


async def keep_parts(
    work: Work,
    place: Place,
    offering: str,
    version: int,
    configurations: Sequence[Mapping[str, Any]],
) -> None:
    """Make configurations, subparts and classes those of the document.

    Parts are the same when they have the same codes.

    Raises
    ------
    Conflict
        When more are enrolled than a new limit allows.
    StillReferenced
        When a class goes that something else names.
    """
    held = await _read(work.transaction, place)
    wanted = (
        tree.configuration_rows(configurations),
        tree.subpart_rows(configurations),
        tree.class_rows(offering, configurations),
    )
    above = tree.parents_of(configurations)
    await _clear(work, place, version, held, wanted, above)
    configuration_ids = await _keep(
        work, "configurations", place, version, held[0], wanted[0], {}
    )
    fixed: dict[Key, dict[str, str]] = {
        key: {"configuration_id": configuration_ids[Key(key.configuration)]}
        for key in wanted[1]
    }
    subpart_ids = await _keep(
        work, "subparts", place, version, held[1], wanted[1], fixed
    )
    fixed = {
        key: {
            "configuration_id": configuration_ids[Key(key.configuration)],
            "subpart_id": subpart_ids[Key(key.configuration, key.subpart)],
        }
        for key in wanted[2]
    }
    class_ids = await _keep(work, "classes", place, version, held[2], wanted[2], fixed)
    await _set_parents(work, place, version, held, above, (subpart_ids, class_ids))
    rooms = {
        class_ids[key]: [option["room_id"] for option in row["room_options"]]
        for key, row in wanted[2].items()
    }
    await repository.set_rooms(work, place.university_id, rooms)


async def read_document(reader: Reader, place: Place) -> list[dict[str, Any]]:
    """Return the parts of an offering as its document says them."""
    configurations, subparts, classes = await _read(reader, place)
    suffixes = {part.id: key.suffix for key, part in classes.items()}
    codes = {part.id: key.subpart for key, part in subparts.items()}
    document = {
        key: {
            **{n: part.values[n] for n in ("code", "name", "limit", "external_id")},
            "subparts": [],
        }
        for key, part in configurations.items()
    }
    places: dict[Key, list[Any]] = {}
    for key, part in subparts.items():
        row = part.values
        places[key] = []
        document[Key(key.configuration)]["subparts"].append(
            {
                "code": row["code"],
                "kind": row["kind"],
                "parent": codes.get(row["parent_subpart_id"]),
                "external_id": row["external_id"],
                "classes": places[key],
            }
        )
    for key, part in classes.items():
        parent = suffixes.get(part.values["parent_class_id"])
        places.setdefault(Key(*key[:2]), []).append(
            _class_document(part.values, parent)
        )
    return list(document.values())


def _class_document(row: Mapping[str, Any], parent: str | None) -> dict[str, Any]:
    return {
        "limit": row["limit"],
        "needs_room": bool(row["needs_room"]),
        "room_options": msgspec.json.decode(row["room_options"]),
        "time_options": msgspec.json.decode(row["time_options"]),
        "is_cancelled": bool(row["is_cancelled"]),
        "external_id": row["external_id"],
        "suffix": row["suffix"],
        "parent": parent,
    }


_Held = tuple[dict[Key, Kept], dict[Key, Kept], dict[Key, Kept]]
_Wanted = tuple[dict[Key, Any], dict[Key, Any], dict[Key, Any]]


async def _read(reader: Reader, place: Place) -> _Held:
    configurations = await repository.read_parts(
        reader, place, "configurations", CONFIGURATION_COLUMNS
    )
    codes = {row["id"]: row["code"] for row in configurations}
    subparts = await repository.read_parts(reader, place, "subparts", SUBPART_COLUMNS)
    classes = await repository.read_parts(reader, place, "classes", CLASS_COLUMNS)
    return (
        repository.by_place(configurations, lambda row: Key(row["code"])),
        repository.by_place(
            subparts, lambda row: Key(codes[row["configuration_id"]], row["code"])
        ),
        repository.by_place(
            classes,
            lambda row: Key(row["configuration"], row["subpart"], row["suffix"]),
        ),
    )


async def _clear(
    work: Work,
    place: Place,
    version: int,
    held: _Held,
    wanted: _Wanted,
    above: tuple[dict[Key, Key], dict[Key, Key]],
) -> None:
    """Delete what is not wanted, the innermost first; free the rest of old parents."""
    for table, column, level in (
        ("classes", "parent_class_id", 2),
        ("subparts", "parent_subpart_id", 1),
    ):
        ids = {part.id: key for key, part in held[level].items()}
        moved = [
            (part.id, None)
            for key, part in held[level].items()
            if part.values[column] is not None
            and above[level - 1].get(key) != ids[part.values[column]]
        ]
        await repository.set_parents(work, table, column, version, place, moved)
    for table, level in (("classes", 2), ("subparts", 1), ("configurations", 0)):
        gone = [
            part.id for key, part in held[level].items() if key not in wanted[level]
        ]
        await _delete(work, table, place, gone)


async def _delete(work: Work, table: str, place: Place, ids: Sequence[str]) -> None:
    try:
        await repository.delete_parts(work.transaction, table, place, ids)
    except ReferenceViolated:
        raise StillReferenced(
            f"One of the {table.replace('_', ' ')} that would go is named elsewhere: "
            "by enrolments, requests, constraints, teaching assignments or a "
            "publication."
        ) from None


async def _keep(
    work: Work,
    table: str,
    place: Place,
    version: int,
    held: Mapping[Key, Kept],
    wanted: Mapping[Key, Mapping[str, Any]],
    fixed: Mapping[Key, Mapping[str, str]],
) -> dict[Key, str]:
    """Change and add parts of one kind; return the ids of all."""
    ids = {key: part.id for key, part in held.items() if key in wanted}
    for key in ids:
        await _same_name(
            repository.update_part(work, table, version, place, held[key], wanted[key])
        )
    counters = {} if table == "subparts" else {"enrolled": 0}
    rows = []
    for key, row in wanted.items():
        if key not in ids:
            ids[key] = repository.new_id()
            own = {"id": ids[key], **place.columns, **fixed.get(key, {}), **counters}
            rows.append({**own, **row})
    await _same_name(repository.insert_parts(work, table, version, rows))
    return ids


async def _same_name(writing: Awaitable[None]) -> None:
    """Write classes; codes differ, so what another has already is the external id."""
    try:
        await writing
    except UniqueViolated:
        raise AlreadyExists(
            "Another class of the session has one of these external ids.",
            pointers={"/configurations": "an external_id is taken"},
        ) from None


async def _set_parents(
    work: Work,
    place: Place,
    version: int,
    held: _Held,
    above: tuple[dict[Key, Key], dict[Key, Key]],
    ids: tuple[dict[Key, str], dict[Key, str]],
) -> None:
    """Keep the parents of those that are new, or have another than before."""
    for level, (table, column) in enumerate(
        (("subparts", "parent_subpart_id"), ("classes", "parent_class_id"))
    ):
        before = held[level + 1]
        own = ids[level]
        pairs = [
            (own[key], own[parent])
            for key, parent in above[level].items()
            if key not in before or before[key].values[column] != own[parent]
        ]
        await repository.set_parents(work, table, column, version, place, pairs)
