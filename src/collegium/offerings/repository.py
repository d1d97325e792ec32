"""SQL of the parts of offerings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import uuid_utils

from collegium.db.addresses import is_id
from collegium.db.database import Reader, Transaction
from collegium.db.records import Record
from collegium.db.rules import quoted, stored_form
from collegium.db.work import Work
from collegium.errors import BelowEnrolment
from collegium.offerings.tree import Key

JSON_COLUMNS = frozenset({"room_options", "time_options", "parameters", "class_ids"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where parts are: ids of the university, the session and the offering."""

    university_id: str
    session_id: str
    offering_id: str

    @property
    def columns(self) -> dict[str, str]:
        """The columns that say so."""
        return {
            "university_id": self.university_id,
            "session_id": self.session_id,
            "offering_id": self.offering_id,
        }


@dataclass(frozen=True, slots=True)
class Kept:
    """A part as it is stored."""

    id: str
    values: Mapping[str, Any]


async def read_parts(
    reader: Reader, place: Place, table: str, columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the parts of one kind, in order, with their ids."""
    names = ("id", *columns)
    rows = await reader.fetch_all(
        f"SELECT {', '.join(map(quoted, names))} FROM {table} "
        "WHERE university_id = ? AND session_id = ? AND offering_id = ? "
        "ORDER BY position, id",
        (place.university_id, place.session_id, place.offering_id),
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


async def insert_parts(
    work: Work, table: str, version: int, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Add rows that have the same columns."""
    rows = list(rows)
    if not rows:
        return
    state = {"version": version, "created_at": work.now, "updated_at": work.now}
    names = (*rows[0], *state)
    places = ", ".join("?" for _ in names)
    await work.transaction.execute_many(
        f"INSERT INTO {table} ({', '.join(map(quoted, names))}) VALUES ({places})",
        [(*in_columns(row), *state.values()) for row in rows],
    )


def in_columns(row: Mapping[str, Any]) -> list[Any]:
    """Return the values of a row as its columns hold them."""
    return [
        stored_form(value, is_json=name in JSON_COLUMNS) for name, value in row.items()
    ]


async def update_part(
    work: Work,
    table: str,
    version: int,
    place: Place,
    part: Kept,
    values: Mapping[str, Any],
) -> None:
    """Give a part new values; what it has already stays as it is.

    Raises
    ------
    BelowEnrolment
        When a limit would be below the number of those who are enrolled.
    """
    names = tuple(values)
    stored = in_columns(values)
    if all(part.values[n] == v for n, v in zip(names, stored, strict=True)):
        return
    sets = "".join(f"{quoted(name)} = ?, " for name in names)
    sql = (
        f"UPDATE {table} SET {sets}version = ?, updated_at = ? "
        "WHERE university_id = ? AND id = ?"
    )
    params = [*stored, version, work.now, place.university_id, part.id]
    bound = next((n for n in ("limit", "reserved_seats") if n in values), None)
    if bound is not None and values[bound] is not None:
        sql += " AND enrolled <= ?"
        params.append(values[bound])
    if await work.transaction.execute(sql, params) != 1:
        raise below_enrolment(values, bound)


def below_enrolment(values: Mapping[str, Any], bound: str | None) -> BelowEnrolment:
    """Return the refusal of a limit that is less than what is taken."""
    name = values.get("suffix") or values.get("code") or "the course"
    return BelowEnrolment(
        f"More are enrolled in {name} than the new limit allows.",
        pointers={f"/{bound}": "below the number of those enrolled"},
    )


async def delete_parts(
    transaction: Transaction, table: str, place: Place, ids: Iterable[str]
) -> None:
    """Delete parts that nothing refers to."""
    await transaction.execute_many(
        f"DELETE FROM {table} WHERE university_id = ? AND id = ?",
        [(place.university_id, id_) for id_ in ids],
    )


async def set_parents(
    work: Work,
    table: str,
    column: str,
    version: int,
    place: Place,
    pairs: Iterable[tuple[str, str | None]],
) -> None:
    """Keep the parent of each part; pairs of the part's id and its parent's."""
    await work.transaction.execute_many(
        f"UPDATE {table} SET {column} = ?, version = ?, updated_at = ? "
        "WHERE university_id = ? AND id = ?",
        [
            (parent, version, work.now, place.university_id, part)
            for part, parent in pairs
        ],
    )


async def set_rooms(
    work: Work, university_id: str, rooms: Mapping[str, Iterable[str]]
) -> None:
    """Keep which rooms each class may be given."""
    await work.transaction.execute_many(
        "DELETE FROM class_rooms WHERE university_id = ? AND class_id = ?",
        [(university_id, class_id) for class_id in rooms],
    )
    await work.transaction.execute_many(
        "INSERT INTO class_rooms (university_id, class_id, room_id) VALUES (?, ?, ?)",
        [
            (university_id, class_id, room_id)
            for class_id, ids in rooms.items()
            for room_id in ids
        ],
    )


async def touch(work: Work, table: str, session_id: str, version: int) -> None:
    """Give the collection of a kind of rows in a session a new revision."""
    await work.transaction.execute(
        "INSERT INTO collections (scope, name, revision) VALUES (?, ?, ?) "
        "ON CONFLICT (scope, name) DO UPDATE SET revision = excluded.revision",
        (session_id, table, version),
    )


async def store_document(
    work: Work, place: Place, version: int, configurations: Sequence[Mapping[str, Any]]
) -> None:
    """Keep the parts of an offering as one document in its row."""
    await work.transaction.execute(
        "UPDATE instructional_offerings SET configurations = ?, version = ?, "
        "updated_at = ? WHERE university_id = ? AND id = ?",
        (
            msgspec.json.encode(configurations).decode(),
            version,
            work.now,
            place.university_id,
            place.offering_id,
        ),
    )


def by_place(
    rows: Sequence[Mapping[str, Any]], place_of: Callable[[Mapping[str, Any]], Key]
) -> dict[Key, Kept]:
    """Return stored parts by their places."""
    return {place_of(row): Kept(row["id"], row) for row in rows}


def new_id() -> str:
    """Return a new UUIDv7."""
    return str(uuid_utils.uuid7())


async def room_ids(
    reader: Reader, university_id: str, keys: Iterable[str]
) -> dict[str, str]:
    """Return the ids of rooms by the ids or codes that were given; those that are."""
    found: dict[str, str] = {}
    for key in keys:
        column = "id" if is_id(key) else "code"
        row = await reader.fetch_one(
            f"SELECT id FROM rooms WHERE university_id = ? AND {column} = ?",
            (university_id, key),
        )
        if row is not None:
            found[key] = str(row[0])
    return found


@dataclass(frozen=True, slots=True)
class Subpart:
    """Where a class is to be.

    Parameters
    ----------
    offering : code of the offering.
    """

    offering: str
    configuration_id: str
    subpart_id: str
    parent_subpart_id: str | None

    @property
    def columns(self) -> dict[str, str]:
        """The columns of a class that say so."""
        return {
            "configuration_id": self.configuration_id,
            "subpart_id": self.subpart_id,
        }


async def find_subpart(
    reader: Reader, place: Place, configuration: str, subpart: str
) -> Subpart | None:
    """Return a subpart by its codes, None when the offering has no such."""
    row = await reader.fetch_one(
        "SELECT o.code, c.id, s.id, s.parent_subpart_id FROM configurations c "
        "JOIN subparts s ON s.university_id = c.university_id "
        "AND s.configuration_id = c.id "
        "JOIN instructional_offerings o ON o.university_id = c.university_id "
        "AND o.id = c.offering_id "
        "WHERE c.university_id = ? AND c.offering_id = ? AND c.code = ? "
        "AND s.code = ?",
        (place.university_id, place.offering_id, configuration, subpart),
    )
    return None if row is None else Subpart(*row)


async def subpart_of(reader: Reader, place: Place, class_id: str) -> str | None:
    """Return the id of the subpart that a class is in."""
    row = await reader.fetch_one(
        "SELECT subpart_id FROM classes WHERE university_id = ? AND id = ?",
        (place.university_id, class_id),
    )
    return None if row is None else str(row[0])


async def class_at(
    reader: Reader, place: Place, subpart_id: str, suffix: str
) -> str | None:
    """Return the id of the class of a subpart that has a suffix."""
    row = await reader.fetch_one(
        "SELECT id FROM classes WHERE university_id = ? AND subpart_id = ? "
        "AND suffix = ?",
        (place.university_id, subpart_id, suffix),
    )
    return None if row is None else str(row[0])


async def set_distribution_classes(
    work: Work, distribution: Record, class_ids: Iterable[str]
) -> None:
    """Keep which classes a constraint names."""
    university_id, session_id = (
        distribution["university_id"],
        distribution["session_id"],
    )
    await work.transaction.execute(
        "DELETE FROM distribution_classes WHERE university_id = ? "
        "AND distribution_id = ?",
        (university_id, distribution.id),
    )
    await work.transaction.execute_many(
        "INSERT INTO distribution_classes "
        "(university_id, distribution_id, class_id, session_id) VALUES (?, ?, ?, ?)",
        [(university_id, distribution.id, id_, session_id) for id_ in class_ids],
    )
