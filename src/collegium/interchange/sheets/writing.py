"""Write what has been planned: many rows at a time, all of one version."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.courses import search
from collegium.db.rules import quoted
from collegium.db.work import Work
from collegium.errors import Conflict
from collegium.interchange.sheets.kinds import Kind
from collegium.interchange.sheets.planning import Draft


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows are written, and the version that they all get."""

    work: Work
    kind: Kind
    university_id: str
    version: int

    async def touch(self) -> None:
        """Give the collection a new revision; here for all its rows at once."""
        await self.work.transaction.execute(
            "INSERT INTO collections (scope, name, revision) VALUES (?, ?, ?) "
            "ON CONFLICT (scope, name) DO UPDATE SET revision = excluded.revision",
            (self.university_id, self.kind.name, self.version),
        )

    async def keep(self, draft: Draft) -> None:
        """Write a batch."""
        await self._insert(draft)
        await self._update(draft)
        await search.index_words(self.work.transaction, self.university_id, draft.words)

    async def _insert(self, draft: Draft) -> None:
        if not draft.added:
            return
        now = self.work.now
        names = ("university_id", "id", *draft.names)
        names = (*names, "version", "created_at", "updated_at")
        await self.work.transaction.execute_many(
            f"INSERT INTO {self.kind.noun.records.table} "
            f"({', '.join(map(quoted, names))}) "
            f"VALUES ({', '.join('?' for _ in names)})",
            [
                (self.university_id, id_, *values, self.version, now, now)
                for id_, values in draft.added
            ],
        )

    async def _update(self, draft: Draft) -> None:
        if not draft.changed:
            return
        await self._refuse_changed(draft)
        names = (*draft.names, "version", "updated_at")
        sets = ", ".join(f"{quoted(name)} = ?" for name in names)
        await self.work.transaction.execute_many(
            f"UPDATE {self.kind.noun.records.table} SET {sets} "
            "WHERE university_id = ? AND id = ?",
            [
                (*values, self.version, self.work.now, self.university_id, id_)
                for id_, _, values in draft.changed
            ],
        )

    async def _refuse_changed(self, draft: Draft) -> None:
        """Refuse rows that are not any more as they were looked at."""
        expected = {id_: version for id_, version, _ in draft.changed}
        places = ", ".join("?" for _ in expected)
        rows = await self.work.transaction.fetch_all(
            f"SELECT id, version FROM {self.kind.noun.records.table} "
            f"WHERE university_id = ? AND id IN ({places})",
            (self.university_id, *expected),
        )
        if dict(map(tuple, rows)) != expected:
            raise Conflict(
                "Somebody else has changed what the file is about, meanwhile: nothing "
                "was taken in; try again."
            )
