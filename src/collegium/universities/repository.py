"""Where universities are kept."""

from __future__ import annotations

from collegium.db.records import Records
from collegium.db.tables import universities

UNIVERSITIES = Records(universities, noun="university")
