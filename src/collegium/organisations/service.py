"""What may be done with organisations."""

from __future__ import annotations

from collegium.catalogue.nouns import UNIVERSITY, Tree
from collegium.db.addresses import Reference
from collegium.db.records import Records
from collegium.db.tables import organisations
from collegium.organisations.schemas import OrganisationIn

ORGANISATIONS = Tree(
    Records(organisations, noun="organisation", parents=(UNIVERSITY,)),
    OrganisationIn,
    references=(Reference("parent_id", "organisations", "organisation"),),
)
