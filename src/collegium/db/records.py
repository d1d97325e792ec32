"""The rows of one noun: found, listed, added, changed and removed.

What all nouns have in common is here, once: a version that is never used twice, a
revision of the collection that changes with each row, addresses by id or by code, pages
by key. A noun's repository adds the questions of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

import sqlalchemy as sa
import uuid_utils

from collegium.db.addresses import Keys, Parent, finder, is_id
from collegium.db.audit import NOWHERE
from collegium.db.database import Reader, ReferenceViolated, UniqueViolated
from collegium.db.record import Record as Record
from collegium.db.record import RecordPage
from collegium.db.rules import quoted, referrers, stored_form, unique_rules
from collegium.db.shapes import Shape, part_of
from collegium.db.walks import Walk, page_sql
from collegium.db.work import Work
from collegium.errors import (
    AlreadyExists,
    NotFound,
    PreconditionFailed,
    StillReferenced,
)

Guard = Callable[[str | None], None]
"""Given the ETag of the present state (None: nothing there), passes or raises."""


class Records:
    """All rows of one noun.

    Parameters
    ----------
    table : with the columns ``id``, ``version``, ``created_at`` and ``updated_at``,
        one for each parent, and ``code`` if rows can be addressed by one; what it
        holds is what is shown, but for hidden columns.
    noun : what a person calls one of them.
    parents : what they belong to, outermost first.
    """

    def __init__(
        self, table: sa.Table, *, noun: str, parents: tuple[Parent, ...] = ()
    ) -> None:
        self.table = table.name
        self.noun = noun
        self.one = f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
        self.parents = parents
        self.columns = tuple(column.name for column in table.columns)
        self.positions = {name: i for i, name in enumerate(self.columns)}
        self.json_columns = tuple(c.name for c in table.columns if c.info.get("json"))
        self.flag_columns = tuple(c.name for c in table.columns if c.info.get("flag"))
        self.hidden_columns = tuple(
            c.name for c in table.columns if c.info.get("hidden")
        )
        self.shown_columns = tuple(
            name for name in self.columns if name not in self.hidden_columns
        )
        self.has_code = "code" in self.positions
        self._table = table
        self._whole = Shape(table)
        # A tag names one sequence of bytes, so it tells apart representations of
        # programs that show other columns.
        digest = hashlib.blake2b(",".join(self.shown_columns).encode(), digest_size=2)
        self.form = f".{digest.hexdigest()}"
        self._referrers = referrers(table)
        self._unique = unique_rules(table)
        # A university's own row belongs to itself.
        self._owner = "university_id" if "university_id" in self.positions else "id"
        self._select = (
            f"SELECT {', '.join(map(quoted, self.columns))} FROM {self.table}"
        )
        self._places = ", ".join("?" for _ in self.columns)
        self._finders: dict[tuple[bool, ...], tuple[str, tuple[int, ...]]] = {}

    def shape(self, fields: tuple[str, ...] | None) -> Shape:
        """Return how rows are shown: with these columns, or with all."""
        return self._whole if fields is None else part_of(self._table, fields)

    async def find(self, reader: Reader, keys: Keys) -> Record:
        """Return the row of these keys.

        Raises
        ------
        NotFound
            When it, or what it should belong to, is not there.
        """
        record = await self.lookup(reader, keys)
        if record is None:
            raise NotFound(f"There is no {self.noun} {keys[-1]!r}.")
        return record

    async def lookup(self, reader: Reader, keys: Keys) -> Record | None:
        """Return the row of these keys, None when only the last leads nowhere.

        Raises
        ------
        NotFound
            When what the row should belong to is not there.
        """
        shape = tuple(map(is_id, keys))
        if self.has_code or shape[-1]:
            found = self._finders.get(shape)
            if found is None:
                found = self._finders[shape] = finder(self._select, self.parents, shape)
            sql, order = found
            row = await reader.fetch_one(sql, [keys[i] for i in order])
            if row is not None:
                return Record(self, row)
        if self.parents:
            await self.scope(reader, keys[:-1])
        return None

    async def scope(self, reader: Reader, keys: Keys) -> tuple[str, ...]:
        """Return the ids of the parents of these keys, outermost first.

        Raises
        ------
        NotFound
            When one of them is not there.
        """
        ids: tuple[str, ...] = ()
        for depth, parent in enumerate(self.parents):
            wheres = [f"{above.column} = ?" for above in self.parents[:depth]]
            wheres.append("id = ?" if is_id(keys[depth]) else "code = ?")
            row = await reader.fetch_one(
                f"SELECT id FROM {parent.table} WHERE {' AND '.join(wheres)}",
                (*ids, keys[depth]),
            )
            if row is None:
                raise NotFound(f"There is no {parent.noun} {keys[depth]!r}.")
            ids = (*ids, row[0])
        return ids

    async def revision(self, reader: Reader, ids: tuple[str, ...]) -> str:
        """Return the ETag of the collection under parents of these ids."""
        row = await reader.fetch_one(
            "SELECT revision FROM collections WHERE scope = ? AND name = ?",
            (ids[-1] if ids else "", self.table),
        )
        return f'"{row[0] if row else 0}{self.form}"'

    async def page(
        self, reader: Reader, ids: tuple[str, ...], etag: str, walk: Walk
    ) -> RecordPage:
        """Return the rows of a walk that follow its position.

        Parameters
        ----------
        reader : a snapshot, so that the rows are those of the ETag.
        ids : of the parents.
        etag : the collection's, read from the same snapshot.
        walk : which rows, and from where.
        """
        owners = [(p.column, id_) for p, id_ in zip(self.parents, ids, strict=True)]
        sql, params = page_sql(self._select, owners, walk)
        rows = list(await reader.fetch_all(sql, params))
        has_more = len(rows) > walk.limit
        del rows[walk.limit :]
        if walk.is_backward:
            rows.reverse()
        has_left = walk.after is not None and bool(rows)
        return RecordPage(
            items=[Record(self, row, walk.fields) for row in rows],
            etag=etag,
            sort=walk.sort,
            has_before=has_more if walk.is_backward else has_left,
            has_after=has_left if walk.is_backward else has_more,
        )

    async def add(self, work: Work, keys: Keys, values: Mapping[str, Any]) -> Record:
        """Add a row under parents of these keys.

        Parameters
        ----------
        work : the request's.
        keys : of the parents.
        values : by column; structures as values, not as texts.

        Raises
        ------
        NotFound
            When a parent is not there.
        AlreadyExists
            When the code, or what else must be unique, is taken.
        """
        ids = await self.scope(work.transaction, keys)
        version = await self._next_version(work, ids)
        members = {
            "id": str(uuid_utils.uuid7()),
            **self._stored(values),
            **dict(zip((p.column for p in self.parents), ids, strict=True)),
            "version": version,
            "created_at": work.now,
            "updated_at": work.now,
        }
        row = [members[column] for column in self.columns]
        sql = (
            f"INSERT INTO {self.table} ({', '.join(map(quoted, self.columns))}) "
            f"VALUES ({self._places})"
        )
        try:
            await work.transaction.execute(sql, row)
        except UniqueViolated as error:
            raise self._taken(str(error), values) from None
        record = Record(self, row)
        self._note(work, "create", None, record)
        return record

    async def change(
        self, work: Work, record: Record, values: Mapping[str, Any]
    ) -> Record:
        """Give a row new values; with the values it has, it stays as it is.

        Raises
        ------
        PreconditionFailed
            When the row has changed since it was read.
        AlreadyExists
            When the new code, or what else must be unique, is taken.
        StillReferenced
            When others refer to the row as it was.
        """
        stored = self._stored(values)
        if all(record[column] == value for column, value in stored.items()):
            return record
        ids = tuple(record[parent.column] for parent in self.parents)
        stored["version"] = await self._next_version(work, ids)
        stored["updated_at"] = work.now
        wheres = "".join(f" AND {parent.column} = ?" for parent in self.parents)
        sets = ", ".join(f"{quoted(column)} = ?" for column in stored)
        sql = f"UPDATE {self.table} SET {sets} WHERE id = ?{wheres} AND version = ?"
        params = [*stored.values(), record.id, *ids, record.version]
        try:
            count = await work.transaction.execute(sql, params)
        except UniqueViolated as error:
            raise self._taken(str(error), values) from None
        except ReferenceViolated:
            raise StillReferenced(
                f"Something refers to the {self.noun} as it is and not as it would be."
            ) from None
        if count != 1:
            raise PreconditionFailed
        after = Record(
            self, [stored.get(column, record[column]) for column in self.columns]
        )
        self._note(work, "change", record, after)
        return after

    async def remove(self, work: Work, record: Record) -> None:
        """Delete a row.

        Raises
        ------
        StillReferenced
            When others refer to it; they are named.
        PreconditionFailed
            When the row has changed since it was read.
        """
        ids = tuple(record[parent.column] for parent in self.parents)
        await self._next_version(work, ids)
        wheres = "".join(f" AND {parent.column} = ?" for parent in self.parents)
        await self._refuse_referenced(work.transaction, record)
        try:
            count = await work.transaction.execute(
                f"DELETE FROM {self.table} WHERE id = ?{wheres} AND version = ?",
                [record.id, *ids, record.version],
            )
        except ReferenceViolated:
            raise StillReferenced(
                f"Something refers to the {self.noun} since a moment ago."
            ) from None
        if count != 1:
            raise PreconditionFailed
        self._note(work, "delete", record, None)

    async def referrers(
        self, reader: Reader, record: Record, *, apart_from: Collection[str] = ()
    ) -> list[str]:
        """Return what refers to a row and thus stops its deletion, by table.

        Parameters
        ----------
        reader : where to look.
        record : the row.
        apart_from : tables that do not count.
        """
        found = []
        for referrer in self._referrers:
            if referrer.table not in apart_from:
                values = [record[ours] for _, ours in referrer.columns]
                names = await referrer.names(reader, values)
                if names is not None:
                    found.append(names)
        return found

    async def _refuse_referenced(self, reader: Reader, record: Record) -> None:
        found = await self.referrers(reader, record)
        if found:
            raise StillReferenced(
                f"The {self.noun} cannot be deleted while these refer to it: "
                f"{'; '.join(found)}."
            )

    async def _next_version(self, work: Work, ids: tuple[str, ...]) -> int:
        """Return a new version and make it the collection's revision.

        On PostgreSQL the collection's row is locked from here to the commit, so that
        changes of one collection happen one after the other.
        """
        version = await work.transaction.next_revision()
        await work.transaction.execute(
            "INSERT INTO collections (scope, name, revision) VALUES (?, ?, ?) "
            "ON CONFLICT (scope, name) DO UPDATE SET revision = excluded.revision",
            (ids[-1] if ids else "", self.table, version),
        )
        return version

    def _note(
        self, work: Work, action: str, before: Record | None, after: Record | None
    ) -> None:
        """Have a change of a row recorded: all that is shown of it, nothing hidden."""
        row = before or after
        assert row is not None
        work.note(
            action,
            self.table,
            row.id,
            university_id=str(row[self._owner] or NOWHERE),
            before=None if before is None else before.to_json(),
            after=None if after is None else after.to_json(),
        )

    def _stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as the columns hold them."""
        return {
            column: stored_form(value, is_json=column in self.json_columns)
            for column, value in values.items()
        }

    def _taken(self, fault: str, values: Mapping[str, Any]) -> AlreadyExists:
        """Return which values are taken, by what the database said."""
        columns = next((r.columns for r in self._unique if r.is_broken(fault)), ())
        taken = {c: values[c] for c in columns if values.get(c) is not None}
        shown = " and ".join(f"{column} {value!r}" for column, value in taken.items())
        return AlreadyExists(
            f"There is {self.one} with {shown} already.",
            pointers={f"/{column}": "taken" for column in taken},
        )
