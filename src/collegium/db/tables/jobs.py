"""Jobs, and the big payloads that they read and make."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import Integer, Real, Text, json_column, table

blobs = table(
    "blobs",
    sa.Column("sha256", Text, primary_key=True),
    sa.Column("media_type", Text, nullable=False),
    sa.Column("size_bytes", Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("is_uploaded", Integer, nullable=False),
    sa.Column("created_at", Text, nullable=False),
)
"""Bytes by their hash; those that nobody uploaded live as long as a job keeps them."""

jobs = table(
    "jobs",
    sa.Column("id", Text, primary_key=True),
    sa.Column("workload", Text, nullable=False),
    json_column("input"),
    sa.Column("state", Text, nullable=False),
    json_column("progress"),
    sa.Column("error", Text),
    sa.Column("result_sha256", Text, sa.ForeignKey("blobs.sha256")),
    sa.Column("result_media_type", Text),
    sa.Column("is_cancel_requested", Integer, nullable=False),
    json_column("plan", nullable=True),
    sa.Column("owner", Text),
    sa.Column("epoch", Integer, nullable=False),
    sa.Column("lease_until_s", Real, nullable=False),
    sa.Column("elapsed_s", Real, nullable=False),
    sa.Column("version", Integer, nullable=False, index=True),
    sa.Column("created_at", Text, nullable=False),
    sa.Column("started_at", Text),
    sa.Column("finished_at", Text),
    sa.Column("updated_at", Text, nullable=False),
    # Whose keys may see it; None for operators only. Refers to nothing, as a job
    # outlives what it was about.
    sa.Column("university_id", Text),
    sa.CheckConstraint(
        "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
        name="state",
    ),
    sa.Index("ix_jobs_state", "state", "id"),
    sa.Index("ix_jobs_university", "university_id", "id"),
)
"""What clients have asked for; ``epoch`` counts owners, and fences off earlier ones."""

job_blobs = table(
    "job_blobs",
    sa.Column(
        "job_id", Text, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("sha256", Text, sa.ForeignKey("blobs.sha256"), primary_key=True),
    sa.Index("ix_job_blobs_sha256", "sha256"),
)
"""Which blobs a job needs."""
