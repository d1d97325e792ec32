"""What may be done with organisations."""

from __future__ import annotations

from collegium.catalogue.nouns import UNIVERSITY, Noun, refuse_cycle
from collegium.db.addresses import Reference
from collegium.db.records import Record, Records
from collegium.db.tables import organisations
from collegium.db.work import Work
from collegium.organisations.schemas import OrganisationIn


class Organisations(Noun[OrganisationIn]):
    """Organisations, which form trees."""

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Refuse an organisation that would be part of itself."""
        await refuse_cycle(work, after, table="organisations")


ORGANISATIONS = Organisations(
    Records(organisations, noun="organisation", parents=(UNIVERSITY,)),
    OrganisationIn,
    references=(Reference("parent_id", "organisations", "organisation"),),
)
