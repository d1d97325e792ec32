"""Sessions, places and people."""

import sqlalchemy as sa
from alembic import op

from collegium.db.tables import Integer, Real, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their tables."""
    _make_sessions()
    _make_places()
    _make_people()


def _make_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
        ),
        sa.Column("id", Text, primary_key=True),
        sa.Column("code", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("names", Text, nullable=False),
        sa.Column("type", Text, nullable=False),
        sa.Column("parent_id", Text),
        sa.Column("start_date", Text, nullable=False),
        sa.Column("end_date", Text, nullable=False),
        sa.Column("first_week_date", Text, nullable=False),
        sa.Column("n_weeks", Integer, nullable=False),
        sa.Column("n_days", Integer, nullable=False),
        sa.Column("slots_per_day", Integer, nullable=False),
        sa.Column("holidays", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("other_codes", Text, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("parent_id <> id", name="parent"),
        sa.CheckConstraint("start_date <= end_date", name="dates"),
        sa.CheckConstraint(
            "n_weeks >= 1 AND n_days >= 1 AND slots_per_day >= 1",
            name="grid",
        ),
        sa.CheckConstraint(
            "state IN ('planning', 'registration', 'running', 'closed')",
            name="state",
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "parent_id"], ["sessions.university_id", "sessions.id"]
        ),
        sa.UniqueConstraint("university_id", "code"),
        sqlite_strict=True,
    )
    op.create_index("ix_sessions_parent", "sessions", ["university_id", "parent_id"])


def _make_places() -> None:
    op.create_table(
        "buildings",
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
        ),
        sa.Column("id", Text, primary_key=True),
        sa.Column("code", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("names", Text, nullable=False),
        sa.Column("campus_id", Text),
        sa.Column("campus_type", Text),
        sa.Column("latitude", Real),
        sa.Column("longitude", Real),
        sa.Column("other_codes", Text, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("campus_type = 'branch'", name="campus_type"),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        sa.ForeignKeyConstraint(
            ["university_id", "campus_id", "campus_type"],
            ["organisations.university_id", "organisations.id", "organisations.type"],
        ),
        sa.UniqueConstraint("university_id", "code"),
        sqlite_strict=True,
    )
    op.create_index("ix_buildings_campus", "buildings", ["university_id", "campus_id"])
    op.create_table(
        "rooms",
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
        ),
        sa.Column("id", Text, primary_key=True),
        sa.Column("code", Text, nullable=False),
        sa.Column("name", Text),
        sa.Column("building_id", Text),
        sa.Column("number", Text),
        sa.Column("room_type", Text, nullable=False),
        sa.Column("capacity", Integer, nullable=False),
        sa.Column("exam_capacity", Integer),
        sa.Column("features", Text, nullable=False),
        sa.Column("unavailability", Text, nullable=False),
        sa.Column("other_codes", Text, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("capacity >= 0", name="capacity"),
        sa.CheckConstraint("exam_capacity >= 0", name="exam_capacity"),
        sa.ForeignKeyConstraint(
            ["university_id", "building_id"],
            ["buildings.university_id", "buildings.id"],
        ),
        sa.UniqueConstraint("university_id", "code"),
        sa.UniqueConstraint("university_id", "building_id", "number"),
        sqlite_strict=True,
    )
    op.create_table(
        "room_unavailability",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("room_id", Text, primary_key=True),
        sa.Column("session_id", Text, primary_key=True),
        sa.ForeignKeyConstraint(
            ["university_id", "room_id"],
            ["rooms.university_id", "rooms.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id"], ["sessions.university_id", "sessions.id"]
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_room_unavailability_session",
        "room_unavailability",
        ["university_id", "session_id"],
    )
    op.create_table(
        "travel_times",
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
        ),
        sa.Column("id", Text, primary_key=True),
        sa.Column("from_building_id", Text),
        sa.Column("to_building_id", Text),
        sa.Column("from_room_id", Text),
        sa.Column("to_room_id", Text),
        sa.Column("slots", Integer, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint(
            "((from_building_id IS NULL AND to_building_id IS NULL "
            "AND from_room_id < to_room_id) "
            "OR (from_room_id IS NULL AND to_room_id IS NULL "
            "AND from_building_id < to_building_id)) IS TRUE",
            name="pair",
        ),
        sa.CheckConstraint("slots >= 0", name="slots"),
        sa.ForeignKeyConstraint(
            ["university_id", "from_building_id"],
            ["buildings.university_id", "buildings.id"],
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "to_building_id"],
            ["buildings.university_id", "buildings.id"],
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "from_room_id"], ["rooms.university_id", "rooms.id"]
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "to_room_id"], ["rooms.university_id", "rooms.id"]
        ),
        sa.UniqueConstraint("university_id", "from_building_id", "to_building_id"),
        sa.UniqueConstraint("university_id", "from_room_id", "to_room_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_travel_times_to_building",
        "travel_times",
        ["university_id", "to_building_id"],
    )
    op.create_index(
        "ix_travel_times_to_room", "travel_times", ["university_id", "to_room_id"]
    )


def _make_people() -> None:
    op.create_table(
        "people",
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
        ),
        sa.Column("id", Text, primary_key=True),
        sa.Column("code", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("names", Text, nullable=False),
        sa.Column("given_name", Text),
        sa.Column("family_name", Text),
        sa.Column("email", Text),
        sa.Column("email_hash", Text),
        sa.Column("other_codes", Text, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.UniqueConstraint("university_id", "code"),
        sqlite_strict=True,
    )
    op.create_index("ix_people_email_hash", "people", ["university_id", "email_hash"])
    op.create_index("ix_people_name", "people", ["university_id", "name", "id"])
    op.create_table(
        "memberships",
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
        ),
        sa.Column("id", Text, primary_key=True),
        sa.Column("person_id", Text, nullable=False),
        sa.Column("organisation_id", Text),
        sa.Column("role", Text, nullable=False),
        sa.Column("start_date", Text),
        sa.Column("end_date", Text),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("start_date <= end_date", name="dates"),
        sa.ForeignKeyConstraint(
            ["university_id", "person_id"], ["people.university_id", "people.id"]
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "organisation_id"],
            ["organisations.university_id", "organisations.id"],
        ),
        sa.UniqueConstraint("university_id", "person_id", "organisation_id", "role"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_memberships_organisation",
        "memberships",
        ["university_id", "organisation_id", "id"],
    )
    op.create_index(
        "ix_memberships_role", "memberships", ["university_id", "role", "id"]
    )
    op.create_index(
        "uq_memberships_university_id_person_id_role",
        "memberships",
        ["university_id", "person_id", "role"],
        unique=True,
        sqlite_where=sa.text("organisation_id IS NULL"),
        postgresql_where=sa.text("organisation_id IS NULL"),
    )


def downgrade() -> None:
    """Remove them."""
    for table in (
        "memberships",
        "people",
        "travel_times",
        "room_unavailability",
        "rooms",
        "buildings",
        "sessions",
    ):
        op.drop_table(table)
