"""Academic sessions."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import (
    Integer,
    Text,
    json_column,
    reference,
    state_columns,
    table,
    tenant_columns,
)

sessions = table(
    "sessions",
    *tenant_columns(),
    sa.Column("code", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    json_column("names"),
    sa.Column("type", Text, nullable=False),
    sa.Column("parent_id", Text),
    sa.Column("start_date", Text, nullable=False),
    sa.Column("end_date", Text, nullable=False),
    sa.Column("first_week_date", Text, nullable=False),
    sa.Column("n_weeks", Integer, nullable=False),
    sa.Column("n_days", Integer, nullable=False),
    sa.Column("slots_per_day", Integer, nullable=False),
    json_column("holidays"),
    sa.Column("state", Text, nullable=False),
    json_column("other_codes"),
    *state_columns(),
    sa.UniqueConstraint("university_id", "code"),
    reference("parent_id", "sessions"),
    sa.CheckConstraint("parent_id <> id", name="parent"),
    sa.CheckConstraint("start_date <= end_date", name="dates"),
    sa.CheckConstraint(
        "n_weeks >= 1 AND n_days >= 1 AND slots_per_day >= 1", name="grid"
    ),
    sa.CheckConstraint(
        "state IN ('planning', 'registration', 'running', 'closed')", name="state"
    ),
    sa.Index("ix_sessions_parent", "university_id", "parent_id"),
)
