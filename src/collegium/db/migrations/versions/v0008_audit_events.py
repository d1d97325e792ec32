"""The record of who has changed what."""

import sqlalchemy as sa
from alembic import op

from collegium.db.tables import Integer, Json, Text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make its tables; it begins with what happens from now on."""
    op.create_table(
        "audit_counters",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("seq", Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "audit_events",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("seq", Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Text, nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("action", Text, nullable=False),
        sa.Column("entity", Text, nullable=False),
        sa.Column("entity_id", Text, nullable=False),
        sa.Column("before", Json),
        sa.Column("after", Json),
        sa.Column("request_id", Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_audit_events_entity", "audit_events", ["university_id", "entity_id", "seq"]
    )
    op.create_index(
        "ix_audit_events_actor", "audit_events", ["university_id", "actor", "seq"]
    )


def downgrade() -> None:
    """Remove them, and with them all that was recorded."""
    op.drop_table("audit_events")
    op.drop_table("audit_counters")
