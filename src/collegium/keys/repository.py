"""SQL of keys."""

from __future__ import annotations

import functools
from dataclasses import replace

import msgspec

from collegium.db.database import Database, Reader
from collegium.db.records import Record, Records
from collegium.db.walks import Walk
from collegium.db.work import Clock, Work, timestamp, utc_clock
from collegium.keys.secrets import Secret, parts_of
from collegium.rest.access import ROLE_SCOPES, Principal, Role

_NOBODY = Secret.make().digest
"""Compared with the secret of a key that is not there, so that it takes as long."""
_AT_ONCE = 500
_FIND = (
    "SELECT secret_sha256, expires_at, role, scopes, university_id, organisation_id, "
    "person_id FROM api_keys WHERE id = ?"
)


class Keys:
    """All keys of a database, looked up anew each time.

    Nothing is kept between requests: a key that was revoked through one coordinator is
    worth nothing at the next request to any other.

    Parameters
    ----------
    database : open when a key is looked up.
    clock : returns the time in UTC.
    """

    def __init__(self, database: Database, clock: Clock = utc_clock) -> None:
        self._database = database
        self._clock = clock

    async def find_key(self, presented: bytes) -> Principal | None:
        """Return whose key this is; None when it is unknown, wrong or expired."""
        parts = parts_of(presented)
        if parts is None:
            return None
        key_id, secret = parts
        row = await self._database.fetch_one(_FIND, (key_id,))
        is_right = secret.is_of(_NOBODY if row is None else row[0])
        if row is None or not is_right or row[1] <= timestamp(self._clock()):
            return None
        role = Role(row[2])
        return Principal(
            key_id, role, _allowed(role, row[3]), row[4], row[5], row[6], row[1]
        )

    async def find_university(self, code: str) -> str | None:
        """Return the id of the university of a code, None without one."""
        row = await self._database.fetch_one(
            "SELECT id FROM universities WHERE code = ?", (code,)
        )
        return None if row is None else str(row[0])


@functools.lru_cache(maxsize=1000)
def _allowed(role: Role, text: str) -> frozenset[str]:
    """Return what a key may do; what its role has lost, it has lost."""
    return ROLE_SCOPES[role] & frozenset(msgspec.json.decode(text, type=list[str]))


async def has_operator_key(reader: Reader, now: str) -> bool:
    """Tell whether there is a key with which somebody can make others."""
    row = await reader.fetch_one(
        "SELECT 1 FROM api_keys WHERE role = 'operator' AND expires_at > ? LIMIT 1",
        (now,),
    )
    return row is not None


async def all_keys(reader: Reader, records: Records) -> list[Record]:
    """Return every key, in the order of making."""
    found: list[Record] = []
    walk = Walk(sort="id", limit=_AT_ONCE)
    while True:
        page = await records.page(reader, (), "", walk)
        found += page.items
        if not page.has_after:
            return found
        walk = replace(walk, after=page.edge(page.items[-1]))


async def touch(work: Work, university_id: str, revision: int) -> None:
    """Give the keys of a university a new revision."""
    await work.transaction.execute(
        "INSERT INTO collections (scope, name, revision) VALUES (?, 'api_keys', ?) "
        "ON CONFLICT (scope, name) DO UPDATE SET revision = excluded.revision",
        (university_id, revision),
    )
