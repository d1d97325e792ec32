"""Published timetables: added, never changed."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import (
    Integer,
    Text,
    json_column,
    reference,
    session_columns,
    session_reference,
    state_columns,
    table,
)

publications = table(
    "publications",
    *session_columns(),
    sa.Column("number", Integer, nullable=False),
    sa.Column("problem_sha256", Text, nullable=False),
    sa.Column("solution_sha256", Text, nullable=False),
    sa.Column("job_id", Text),
    json_column("score"),
    sa.Column("n_classes", Integer, nullable=False),
    sa.Column("published_by", Text, nullable=False),
    *state_columns(),
    reference("session_id", "sessions"),
    sa.ForeignKeyConstraint(["problem_sha256"], ["blobs.sha256"]),
    sa.ForeignKeyConstraint(["solution_sha256"], ["blobs.sha256"]),
    sa.UniqueConstraint("university_id", "session_id", "id"),
    sa.UniqueConstraint("university_id", "session_id", "number"),
    sa.CheckConstraint("number >= 1", name="number"),
)

placements = table(
    "placements",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("publication_id", Text, primary_key=True),
    sa.Column("class_id", Text, primary_key=True),
    sa.Column("session_id", Text, nullable=False),
    sa.Column("days", Text, nullable=False),
    sa.Column("start", Integer, nullable=False),
    sa.Column("length", Integer, nullable=False),
    sa.Column("weeks", Text, nullable=False),
    sa.Column("room_id", Text),
    session_reference("publication_id", "publications"),
    session_reference("class_id", "classes"),
    reference("room_id", "rooms"),
    sa.Index("ix_placements_class", "university_id", "class_id"),
    sa.Index("ix_placements_room", "university_id", "room_id"),
)
"""When and where a class of a publication meets."""

current_publications = table(
    "current_publications",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("session_id", Text, primary_key=True),
    sa.Column("number", Integer, nullable=False),
    sa.ForeignKeyConstraint(
        ["university_id", "session_id", "number"],
        [
            "publications.university_id",
            "publications.session_id",
            "publications.number",
        ],
    ),
)
"""Which publication of a session is in force."""
