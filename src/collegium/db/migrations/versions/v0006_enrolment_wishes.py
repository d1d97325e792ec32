"""What a student allows: to wait, and to be needed in two places at once."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FLAGS = ("is_waitlist_ok", "is_overlap_allowed")


def upgrade() -> None:
    """Add both, not allowed."""
    kind = {"sqlite": "INTEGER", "postgresql": "BIGINT"}[op.get_context().dialect.name]
    for name in _FLAGS:
        op.execute(
            f"ALTER TABLE enrolments ADD COLUMN {name} {kind} NOT NULL DEFAULT 0 "
            f"CONSTRAINT ck_enrolments_{name} CHECK ({name} IN (0, 1))"
        )


def downgrade() -> None:
    """Remove both."""
    for name in _FLAGS:
        op.execute(f"ALTER TABLE enrolments DROP COLUMN {name}")
