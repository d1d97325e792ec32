"""What may be done with universities."""

from __future__ import annotations

from collegium.catalogue.nouns import Noun
from collegium.db.records import Records
from collegium.db.tables import universities
from collegium.universities.schemas import UniversityIn

UNIVERSITIES = Noun(Records(universities, noun="university"), UniversityIn)
