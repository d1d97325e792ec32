"""People, and what they are where."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import (
    Text,
    hidden_column,
    json_column,
    reference,
    state_columns,
    table,
    tenant_columns,
)

people = table(
    "people",
    *tenant_columns(),
    sa.Column("code", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    json_column("names"),
    sa.Column("given_name", Text),
    sa.Column("family_name", Text),
    sa.Column("email", Text),
    # Finds a person by e-mail address however it is capitalised.
    hidden_column("email_hash"),
    json_column("other_codes"),
    *state_columns(),
    sa.UniqueConstraint("university_id", "code"),
    sa.Index("ix_people_name", "university_id", "name", "id"),
    sa.Index("ix_people_email_hash", "university_id", "email_hash"),
)

memberships = table(
    "memberships",
    *tenant_columns(),
    sa.Column("person_id", Text, nullable=False),
    sa.Column("organisation_id", Text),
    sa.Column("role", Text, nullable=False),
    sa.Column("start_date", Text),
    sa.Column("end_date", Text),
    *state_columns(),
    reference("person_id", "people"),
    reference("organisation_id", "organisations"),
    sa.CheckConstraint("start_date <= end_date", name="dates"),
    sa.UniqueConstraint("university_id", "person_id", "organisation_id", "role"),
    sa.Index(
        "uq_memberships_university_id_person_id_role",
        "university_id",
        "person_id",
        "role",
        unique=True,
        sqlite_where=sa.text("organisation_id IS NULL"),
        postgresql_where=sa.text("organisation_id IS NULL"),
    ),
    sa.Index("ix_memberships_organisation", "university_id", "organisation_id", "id"),
    sa.Index("ix_memberships_role", "university_id", "role", "id"),
)
"""A role in an organisation, or in the whole university."""
