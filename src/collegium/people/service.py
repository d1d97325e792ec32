"""What may be done with people and memberships."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from collegium.catalogue.nouns import UNIVERSITY, Noun
from collegium.catalogue.schemas import ListQuery
from collegium.db.addresses import Keys, Reference
from collegium.db.records import Record, Records
from collegium.db.tables import memberships, people
from collegium.db.work import Work
from collegium.people.schemas import MembershipIn, PersonIn
from collegium.rest.answers import PRIVATE


class People(Noun[PersonIn]):
    """People, who can be found by e-mail address."""

    async def values(
        self, work: Work, ids: Keys, body: PersonIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get, with a hash of the address."""
        values = await super().values(work, ids, body, before)
        return {**values, "email_hash": email_hash(body.email)}

    def conditions(self, query: ListQuery) -> tuple[Mapping[str, Any], str | None]:
        """Return what a query wants columns to be: the hash for an address."""
        wanted, prefix = super().conditions(query)
        others = {name: value for name, value in wanted.items() if name != "email"}
        return {**others, "email_hash": email_hash(wanted["email"])}, prefix


def email_hash(address: str | None) -> str | None:
    """Return what is equal for equal addresses, however they are capitalised.

    It is an index of one length for all, not a secret: the address stands beside it.
    """
    if address is None:
        return None
    return hashlib.sha256(address.casefold().encode()).hexdigest()


PEOPLE = People(
    Records(people, noun="person", parents=(UNIVERSITY,)),
    PersonIn,
    cache_control=PRIVATE,
)
MEMBERSHIPS = Noun(
    Records(memberships, noun="membership", parents=(UNIVERSITY,)),
    MembershipIn,
    references=(
        Reference("person_id", "people", "person"),
        Reference("organisation_id", "organisations", "organisation"),
    ),
    cache_control=PRIVATE,
)
