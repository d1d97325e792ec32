"""Keys of the interface, and the record of who has changed what."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import (
    Integer,
    Text,
    json_column,
    reference,
    state_columns,
    table,
)

api_keys = table(
    "api_keys",
    sa.Column("id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("role", Text, nullable=False),
    json_column("scopes"),
    sa.Column(
        "university_id", Text, sa.ForeignKey("universities.id", ondelete="CASCADE")
    ),
    sa.Column("organisation_id", Text),
    sa.Column("person_id", Text),
    sa.Column("expires_at", Text, nullable=False),
    sa.Column("created_by", Text, nullable=False),
    # All that is kept of the secret.
    sa.Column("secret_sha256", Text, nullable=False, info={"hidden": True}),
    *state_columns(),
    reference("organisation_id", "organisations", ondelete="CASCADE"),
    reference("person_id", "people", ondelete="CASCADE"),
    sa.CheckConstraint(
        "role IN ('operator', 'registrar', 'scheduler', 'student', 'worker')",
        name="role",
    ),
    sa.CheckConstraint(
        "(role IN ('operator', 'worker')) = (university_id IS NULL)", name="university"
    ),
    sa.CheckConstraint(
        "(role = 'scheduler') = (organisation_id IS NOT NULL)", name="organisation"
    ),
    sa.CheckConstraint("(role = 'student') = (person_id IS NOT NULL)", name="person"),
    sa.Index("ix_api_keys_university", "university_id", "id"),
    sa.Index("ix_api_keys_organisation", "university_id", "organisation_id"),
    sa.Index("ix_api_keys_person", "university_id", "person_id"),
)
"""Found by its id alone, since a key is shown before anything else is known; whatever
it is bound to takes it along when it is deleted."""

audit_counters = table(
    "audit_counters",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("seq", Integer, nullable=False),
)
"""Last number of the events of each university; held from there to the commit."""

audit_events = table(
    "audit_events",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("seq", Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Text, nullable=False),
    sa.Column("actor", Text, nullable=False),
    sa.Column("action", Text, nullable=False),
    sa.Column("entity", Text, nullable=False),
    sa.Column("entity_id", Text, nullable=False),
    json_column("before", nullable=True),
    json_column("after", nullable=True),
    sa.Column("request_id", Text, nullable=False),
    sa.Index("ix_audit_events_entity", "university_id", "entity_id", "seq"),
    sa.Index("ix_audit_events_actor", "university_id", "actor", "seq"),
)
"""What was changed; refers to nothing, as it outlives what it tells of. What belongs to
no university has the empty one."""
