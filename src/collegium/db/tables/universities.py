"""The tenants."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import Text, json_column, state_columns, table

universities = table(
    "universities",
    sa.Column("id", Text, primary_key=True),
    sa.Column("code", Text, nullable=False, unique=True),
    sa.Column("name", Text, nullable=False),
    json_column("names"),
    sa.Column("country", Text),
    sa.Column("time_zone", Text),
    sa.Column("website", Text),
    json_column("other_codes"),
    *state_columns(),
)
