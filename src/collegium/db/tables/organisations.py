"""The tree of organisations."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import (
    Text,
    json_column,
    reference,
    state_columns,
    table,
    tenant_columns,
)

organisations = table(
    "organisations",
    *tenant_columns(),
    sa.Column("code", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    json_column("names"),
    sa.Column("type", Text, nullable=False),
    sa.Column("parent_id", Text),
    sa.Column("time_zone", Text),
    json_column("other_codes"),
    *state_columns(),
    sa.UniqueConstraint("university_id", "code"),
    # Buildings refer to an organisation together with its type: see there.
    sa.UniqueConstraint("university_id", "id", "type"),
    reference("parent_id", "organisations"),
    sa.CheckConstraint("parent_id <> id", name="parent"),
    sa.Index("ix_organisations_parent", "university_id", "parent_id"),
)
