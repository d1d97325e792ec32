"""Buildings, rooms, and how far they are apart."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import (
    Integer,
    Real,
    Text,
    hidden_column,
    json_column,
    reference,
    state_columns,
    table,
    tenant_columns,
)

buildings = table(
    "buildings",
    *tenant_columns(),
    sa.Column("code", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    json_column("names"),
    sa.Column("campus_id", Text),
    # Always "branch": so the database itself holds that a campus is one, and refuses
    # to turn an organisation with buildings into something else.
    hidden_column("campus_type"),
    sa.Column("latitude", Real),
    sa.Column("longitude", Real),
    json_column("other_codes"),
    *state_columns(),
    sa.UniqueConstraint("university_id", "code"),
    sa.ForeignKeyConstraint(
        ["university_id", "campus_id", "campus_type"],
        ["organisations.university_id", "organisations.id", "organisations.type"],
    ),
    sa.CheckConstraint("campus_type = 'branch'", name="campus_type"),
    sa.CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
    sa.CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
    sa.Index("ix_buildings_campus", "university_id", "campus_id"),
)

rooms = table(
    "rooms",
    *tenant_columns(),
    sa.Column("code", Text, nullable=False),
    sa.Column("name", Text),
    sa.Column("building_id", Text),
    sa.Column("number", Text),
    sa.Column("room_type", Text, nullable=False),
    sa.Column("capacity", Integer, nullable=False),
    sa.Column("exam_capacity", Integer),
    json_column("features"),
    json_column("unavailability"),
    json_column("other_codes"),
    *state_columns(),
    sa.UniqueConstraint("university_id", "code"),
    sa.UniqueConstraint("university_id", "building_id", "number"),
    reference("building_id", "buildings"),
    sa.CheckConstraint("capacity >= 0", name="capacity"),
    sa.CheckConstraint("exam_capacity >= 0", name="exam_capacity"),
)

room_unavailability = table(
    "room_unavailability",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("room_id", Text, primary_key=True),
    sa.Column("session_id", Text, primary_key=True),
    reference("room_id", "rooms", ondelete="CASCADE"),
    reference("session_id", "sessions"),
    sa.Index("ix_room_unavailability_session", "university_id", "session_id"),
)
"""Which sessions the unavailability of a room names."""

travel_times = table(
    "travel_times",
    *tenant_columns(),
    sa.Column("from_building_id", Text),
    sa.Column("to_building_id", Text),
    sa.Column("from_room_id", Text),
    sa.Column("to_room_id", Text),
    sa.Column("slots", Integer, nullable=False),
    *state_columns(),
    # Either two buildings or two rooms; in order, so that one pair is one row.
    sa.CheckConstraint(
        "((from_building_id IS NULL AND to_building_id IS NULL "
        "AND from_room_id < to_room_id) "
        "OR (from_room_id IS NULL AND to_room_id IS NULL "
        "AND from_building_id < to_building_id)) IS TRUE",
        name="pair",
    ),
    sa.CheckConstraint("slots >= 0", name="slots"),
    sa.UniqueConstraint("university_id", "from_building_id", "to_building_id"),
    sa.UniqueConstraint("university_id", "from_room_id", "to_room_id"),
    reference("from_building_id", "buildings"),
    reference("to_building_id", "buildings"),
    reference("from_room_id", "rooms"),
    reference("to_room_id", "rooms"),
    sa.Index("ix_travel_times_to_building", "university_id", "to_building_id"),
    sa.Index("ix_travel_times_to_room", "university_id", "to_room_id"),
)
"""Symmetric: a pair stands for both ways."""
