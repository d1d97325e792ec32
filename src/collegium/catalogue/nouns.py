"""What may be done with any noun of the catalogue, in one place.

A noun is its table, the body that clients send, and what that body refers to. One with
rules of its own derives from ``Noun`` and says them in ``values`` (what the columns
get) and ``settle`` (what must hold once the row is written).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from collegium.catalogue.changes import existing_or_new, patched, values_of
from collegium.catalogue.schemas import Body, ListQuery
from collegium.db.addresses import Keys, Parent, Reference, find_id
from collegium.db.database import Reader
from collegium.db.records import Guard, Record, Records
from collegium.db.work import Work
from collegium.errors import Malformed
from collegium.rest.answers import REVALIDATE
from collegium.rest.patch import Patch

UNIVERSITY = Parent("university_id", "universities", "university")
"""What most nouns belong to."""

In = TypeVar("In", bound=Body)


class Noun(Generic[In]):
    """One kind of resource.

    Parameters
    ----------
    records : its rows.
    body : what a client sends; each of its members is a column.
    references : members of the body that name another row by id or code; the id is
        kept.
    cache_control : how answers may be kept.
    """

    def __init__(
        self,
        records: Records,
        body: type[In],
        *,
        references: tuple[Reference, ...] = (),
        cache_control: bytes = REVALIDATE,
    ) -> None:
        self.records = records
        self.body = body
        self.references = references
        self.cache_control = cache_control

    async def find(self, reader: Reader, keys: Keys) -> Record:
        """Return the row of these keys."""
        return await self.records.find(reader, keys)

    async def add(self, work: Work, keys: Keys, body: In) -> Record:
        """Add a row under parents of these keys."""
        ids = await self.records.scope(work.transaction, keys)
        values = await self.values(work, ids, body, None)
        after = await self.records.add(work, ids, values)
        await self.settle(work, None, after)
        return after

    async def assign(
        self, work: Work, guard: Guard, keys: Keys, body: In
    ) -> tuple[Record, bool]:
        """Make a row what the body says; the flag tells whether it is new."""
        code = getattr(body, "code", None)
        record = await existing_or_new(work, guard, self.records, keys, code)
        if record is None:
            return await self.add(work, keys[:-1], body), True
        return await self._changed(work, record, body), False

    async def change(
        self, work: Work, guard: Guard, keys: Keys, changes: Patch[In]
    ) -> Record:
        """Change some members of a row."""
        record, body = await patched(
            work, guard, self.records, keys, changes, self.body
        )
        return await self._changed(work, record, body)

    async def remove(self, work: Work, guard: Guard, keys: Keys) -> None:
        """Delete a row that nothing refers to."""
        record = await self.records.find(work.transaction, keys)
        guard(record.etag)
        await self.let_go(work, record)
        await self.records.remove(work, record)

    def conditions(self, query: ListQuery) -> tuple[Mapping[str, Any], str | None]:
        """Return what a query wants columns to be, and how the code is to begin."""
        wanted = query.model_dump(mode="json", exclude=set(ListQuery.model_fields))
        return wanted, wanted.pop("q", None)

    async def values(
        self,
        work: Work,
        ids: Keys,
        body: In,
        before: Record | None,
    ) -> dict[str, Any]:
        """Return what the columns get.

        Parameters
        ----------
        work : the request's.
        ids : of the parents.
        body : what a client sent.
        before : the row as it is, None when it is to be added.

        Raises
        ------
        Malformed
            When the body names something that is not there.
        """
        values = values_of(body)
        columns = (parent.column for parent in self.records.parents)
        owners = dict(zip(columns, ids, strict=True))
        for reference in self.references:
            key = values[reference.column]
            if key is not None:
                values[reference.column] = await referred(
                    work, owners, reference, key, f"/{reference.column}"
                )
        return values

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Refuse what must not be, or keep what belongs to the row, once it is written.

        On PostgreSQL other changes of the same collection wait from the writing of the
        row to the commit, so that what is seen here stays.
        """

    async def let_go(self, work: Work, record: Record) -> None:
        """Refuse the deletion of a row whose state forbids it."""

    async def _changed(self, work: Work, before: Record, body: In) -> Record:
        ids = tuple(before[parent.column] for parent in self.records.parents)
        values = await self.values(work, ids, body, before)
        after = await self.records.change(work, before, values)
        if after is not before:
            await self.settle(work, before, after)
        return after


class Tree(Noun[In]):
    """A noun whose rows form trees by ``parent_id``."""

    async def values(
        self, work: Work, ids: Keys, body: In, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get; refuse a row that is its own parent."""
        values = await super().values(work, ids, body, before)
        if before is not None and values["parent_id"] == before.id:
            raise _own_parent()
        return values

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Refuse a row that is, over any number of steps, its own parent.

        Raises
        ------
        Malformed
            When it is.
        """
        if after["parent_id"] is None:
            return
        table = self.records.table
        owner = after["university_id"]
        row = await work.transaction.fetch_one(
            "WITH RECURSIVE above (id) AS ("
            f" SELECT parent_id FROM {table} WHERE university_id = ? AND id = ?"
            " UNION"
            f" SELECT t.parent_id FROM {table} t JOIN above ON t.id = above.id"
            " WHERE t.university_id = ?"
            ") SELECT 1 FROM above WHERE id = ? LIMIT 1",
            (owner, after.id, owner, after.id),
        )
        if row is not None:
            raise _own_parent()


def _own_parent() -> Malformed:
    return Malformed(
        "It would be its own parent, over one or more steps.",
        pointers={"/parent_id": "leads back here"},
    )


async def referred(
    work: Work,
    owners: Mapping[str, str],
    reference: Reference,
    key: str,
    pointer: str,
) -> str:
    """Return the id of what a body names by id or code.

    Parameters
    ----------
    work : the request's.
    owners : by column, the ids of what the row belongs to.
    reference : what is named.
    key : its id or code.
    pointer : leads to the key in the body.

    Raises
    ------
    Malformed
        When there is no such thing where the row is.
    """
    found = await find_id(work.transaction, reference, owners, key)
    if found is None:
        raise Malformed(
            f"There is no {reference.noun} {key!r} here.",
            pointers={pointer: f"no such {reference.noun}"},
        )
    return found
