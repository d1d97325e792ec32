"""Jobs and blobs."""

import sqlalchemy as sa
from alembic import op

from collegium.db.tables import Integer, Real, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of jobs and of their payloads."""
    op.create_table(
        "blobs",
        sa.Column("sha256", Text, primary_key=True),
        sa.Column("media_type", Text, nullable=False),
        sa.Column("size_bytes", Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("is_uploaded", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sqlite_strict=True,
    )
    _make_jobs()
    op.create_table(
        "job_blobs",
        sa.Column(
            "job_id",
            Text,
            sa.ForeignKey("jobs.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("sha256", Text, sa.ForeignKey("blobs.sha256"), primary_key=True),
        sqlite_strict=True,
    )
    op.create_index("ix_job_blobs_sha256", "job_blobs", ["sha256"])


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", Text, primary_key=True),
        sa.Column("workload", Text, nullable=False),
        sa.Column("input", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("progress", Text, nullable=False),
        sa.Column("error", Text),
        sa.Column("result_sha256", Text, sa.ForeignKey("blobs.sha256")),
        sa.Column("result_media_type", Text),
        sa.Column("is_cancel_requested", Integer, nullable=False),
        sa.Column("plan", Text),
        sa.Column("owner", Text),
        sa.Column("epoch", Integer, nullable=False),
        sa.Column("lease_until_s", Real, nullable=False),
        sa.Column("elapsed_s", Real, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("started_at", Text),
        sa.Column("finished_at", Text),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name="state",
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_jobs_state", "jobs", ["state", "id"])
    op.create_index("ix_jobs_version", "jobs", ["version"])


def downgrade() -> None:
    """Drop them, and every job with them."""
    for table in ("job_blobs", "jobs", "blobs"):
        op.drop_table(table)
