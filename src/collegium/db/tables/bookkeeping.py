"""What every database of Collegium keeps about itself."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import Integer, Text, table

revisions = table(
    "revisions",
    sa.Column("id", Integer, primary_key=True, autoincrement=False),
    sa.Column("value", Integer, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)
"""The database-wide counter that versions come from; on SQLite."""

collections = table(
    "collections",
    sa.Column("scope", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("revision", Integer, nullable=False),
)
"""Last revision of each collection: of what belongs to ``scope`` and has that name."""

secrets = table(
    "secrets",
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)
"""Random values that all coordinators of this database share."""

answers = table(
    "answers",
    sa.Column("scope", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("fingerprint", Text, nullable=False),
    sa.Column("answer", Text, nullable=False),
    sa.Column("expires_at", Text, nullable=False, index=True),
)
"""What was answered to requests with an Idempotency-Key."""
