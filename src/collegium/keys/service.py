"""What may be done with keys: made, shown without their secret, and ended."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collegium.catalogue.nouns import UNIVERSITY
from collegium.db.addresses import Keys as Address
from collegium.db.addresses import Reference, find_id
from collegium.db.database import Reader
from collegium.db.records import Guard, Record, Records
from collegium.db.tables import api_keys
from collegium.db.work import Work, timestamp
from collegium.errors import Forbidden, Malformed
from collegium.keys import repository
from collegium.keys.schemas import DEFAULT_DAYS, UniversityKeyIn
from collegium.keys.secrets import Secret
from collegium.rest.access import ROLE_SCOPES, Principal, Role

ALL_KEYS = Records(api_keys, noun="key")
UNIVERSITY_KEYS = Records(api_keys, noun="key", parents=(UNIVERSITY,))

_BOUND_TO = (
    Reference("organisation_id", "organisations", "organisation"),
    Reference("person_id", "people", "person"),
)
_A_UNIVERSITY = Reference("university_id", "universities", "university", within=())


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key: its row, and the secret that is not in it."""

    record: Record
    secret: Secret


async def university_id_of(reader: Reader, key: str | None) -> str | None:
    """Return the id of the university that a body names.

    Raises
    ------
    Malformed
        When there is none.
    """
    if key is None:
        return None
    found = await find_id(reader, _A_UNIVERSITY, {}, key)
    if found is None:
        raise Malformed(
            f"There is no university {key!r}.",
            pointers={"/university_id": "no such university"},
        )
    return found


async def make_key(
    work: Work, maker: Principal, university_id: str | None, body: UniversityKeyIn
) -> MadeKey:
    """Make a key that is no more powerful than its maker.

    Raises
    ------
    Malformed
        When it names what is not there, or a scope that its role has not.
    Forbidden
        When it would do or last more than the maker.
    """
    if maker.university_id is not None and maker.university_id != university_id:
        raise Forbidden("A key of a university makes only keys of that university.")
    if Role.REGISTRAR is maker.role and body.role in (Role.OPERATOR, Role.WORKER):
        raise Forbidden(f"A registrar makes no key of the role {body.role}.")
    values: dict[str, Any] = {
        "name": body.name,
        "role": body.role.value,
        "scopes": _scopes(maker, body),
        "university_id": university_id,
        **await _bound_to(work, university_id, body),
        "expires_at": _end(work, maker, body),
        "created_by": work.actor,
    }
    secret = Secret.make()
    record = await ALL_KEYS.add(work, (), {**values, "secret_sha256": secret.digest})
    if university_id is not None:
        await repository.touch(work, university_id, record.version)
    return MadeKey(record, secret)


async def revoke_key(work: Work, guard: Guard, records: Records, keys: Address) -> None:
    """End a key: it is worth nothing from the commit on.

    Raises
    ------
    NotFound
        When it is not there.
    PreconditionFailed, PreconditionRequired
        When the conditions of the request do not hold.
    """
    record = await records.find(work.transaction, keys)
    guard(record.etag)
    await ALL_KEYS.remove(work, record)
    if record["university_id"] is not None:
        revision = await work.transaction.next_revision()
        await repository.touch(work, record["university_id"], revision)


def _scopes(maker: Principal, body: UniversityKeyIn) -> list[str]:
    of_role = ROLE_SCOPES[body.role]
    may_give = of_role & maker.scopes
    if body.scopes is None:
        return sorted(may_give)
    for number, scope in enumerate(body.scopes):
        if scope not in of_role:
            raise Malformed(
                f"The role {body.role} has no scope {scope!r}; it has "
                f"{', '.join(sorted(of_role))}.",
                pointers={f"/scopes/{number}": "not of this role"},
            )
        if scope not in may_give:
            raise Forbidden(f"Nobody gives what they have not: {scope}.")
    return sorted(set(body.scopes))


async def _bound_to(
    work: Work, university_id: str | None, body: UniversityKeyIn
) -> Mapping[str, str | None]:
    found: dict[str, str | None] = {}
    for reference in _BOUND_TO:
        key = getattr(body, reference.column)
        found[reference.column] = None
        if key is None:
            continue
        owners = {"university_id": university_id or ""}
        id_ = await find_id(work.transaction, reference, owners, key)
        if id_ is None:
            raise Malformed(
                f"There is no {reference.noun} {key!r} in the university.",
                pointers={f"/{reference.column}": f"no such {reference.noun}"},
            )
        found[reference.column] = id_
    return found


def _end(work: Work, maker: Principal, body: UniversityKeyIn) -> str:
    days = body.lifetime_days or DEFAULT_DAYS
    now = datetime.datetime.fromisoformat(work.now)
    end = timestamp(now + datetime.timedelta(days=days))
    if maker.expires_at is None or end <= maker.expires_at:
        return end
    if body.lifetime_days is not None:
        raise Forbidden(f"The key that makes it ends at {maker.expires_at}.")
    return maker.expires_at
