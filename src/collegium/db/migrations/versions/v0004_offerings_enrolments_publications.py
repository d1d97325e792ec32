"""Offerings, enrolments and publications."""

import sqlalchemy as sa
from alembic import op

from collegium.db.tables import Integer, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their tables."""
    _make_offerings()
    _make_parts()
    _make_classes()
    _make_distributions()
    _make_problems()
    _make_requests()
    _make_enrolments()
    _make_publications()


def _make_offerings() -> None:
    op.create_table(
        "instructional_offerings",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("code", Text, nullable=False),
        sa.Column("name", Text),
        sa.Column("courses", Text, nullable=False),
        sa.Column("configurations", Text, nullable=False),
        sa.Column("other_codes", Text, nullable=False),
        sa.Column("external_id", Text),
        sa.Column("position", Integer, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id"], ["sessions.university_id", "sessions.id"]
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "session_id", "code"),
        sa.UniqueConstraint("university_id", "session_id", "external_id"),
        sa.UniqueConstraint("university_id", "session_id", "id"),
        sqlite_strict=True,
    )
    op.create_table(
        "course_offerings",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("offering_id", Text, nullable=False),
        sa.Column("course_id", Text, nullable=False),
        sa.Column("is_controlling", Integer, nullable=False),
        sa.Column("reserved_seats", Integer),
        sa.Column("enrolled", Integer, nullable=False),
        sa.Column("last_waitlist_seq", Integer, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint(
            "enrolled >= 0 AND (reserved_seats IS NULL OR enrolled <= reserved_seats)",
            name="enrolled",
        ),
        sa.CheckConstraint("is_controlling IN (0, 1)", name="is_controlling"),
        sa.ForeignKeyConstraint(
            ["university_id", "course_id"], ["courses.university_id", "courses.id"]
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "offering_id"],
            [
                "instructional_offerings.university_id",
                "instructional_offerings.session_id",
                "instructional_offerings.id",
            ],
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "session_id", "course_id"),
        sa.UniqueConstraint("university_id", "session_id", "id"),
        sa.UniqueConstraint("university_id", "session_id", "offering_id", "id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_course_offerings_course", "course_offerings", ["university_id", "course_id"]
    )
    op.create_index(
        "uq_course_offerings_university_id_session_id_offering_id",
        "course_offerings",
        ["university_id", "session_id", "offering_id"],
        unique=True,
        sqlite_where=sa.text("is_controlling = 1"),
        postgresql_where=sa.text("is_controlling = 1"),
    )


def _make_parts() -> None:
    op.create_table(
        "configurations",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("offering_id", Text, nullable=False),
        sa.Column("code", Text, nullable=False),
        sa.Column("name", Text),
        sa.Column("limit", Integer),
        sa.Column("enrolled", Integer, nullable=False),
        sa.Column("external_id", Text),
        sa.Column("position", Integer, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint(
            'enrolled >= 0 AND ("limit" IS NULL OR enrolled <= "limit")',
            name="enrolled",
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "offering_id"],
            [
                "instructional_offerings.university_id",
                "instructional_offerings.session_id",
                "instructional_offerings.id",
            ],
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "offering_id", "code"),
        sa.UniqueConstraint("university_id", "session_id", "id"),
        sa.UniqueConstraint("university_id", "session_id", "offering_id", "id"),
        sqlite_strict=True,
    )
    op.create_table(
        "subparts",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("offering_id", Text, nullable=False),
        sa.Column("configuration_id", Text, nullable=False),
        sa.Column("parent_subpart_id", Text),
        sa.Column("code", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("external_id", Text),
        sa.Column("position", Integer, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("parent_subpart_id <> id", name="parent"),
        sa.ForeignKeyConstraint(
            [
                "university_id",
                "session_id",
                "offering_id",
                "configuration_id",
                "parent_subpart_id",
            ],
            [
                "subparts.university_id",
                "subparts.session_id",
                "subparts.offering_id",
                "subparts.configuration_id",
                "subparts.id",
            ],
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "offering_id", "configuration_id"],
            [
                "configurations.university_id",
                "configurations.session_id",
                "configurations.offering_id",
                "configurations.id",
            ],
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "configuration_id", "code"),
        sa.UniqueConstraint(
            "university_id", "session_id", "offering_id", "configuration_id", "id"
        ),
        sqlite_strict=True,
    )


def _make_classes() -> None:
    op.create_table(
        "classes",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("offering_id", Text, nullable=False),
        sa.Column("configuration_id", Text, nullable=False),
        sa.Column("subpart_id", Text, nullable=False),
        sa.Column("parent_class_id", Text),
        sa.Column("code", Text, nullable=False),
        sa.Column("configuration", Text, nullable=False),
        sa.Column("subpart", Text, nullable=False),
        sa.Column("suffix", Text, nullable=False),
        sa.Column("limit", Integer),
        sa.Column("enrolled", Integer, nullable=False),
        sa.Column("needs_room", Integer, nullable=False),
        sa.Column("room_options", Text, nullable=False),
        sa.Column("time_options", Text, nullable=False),
        sa.Column("is_cancelled", Integer, nullable=False),
        sa.Column("external_id", Text),
        sa.Column("position", Integer, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint(
            'enrolled >= 0 AND ("limit" IS NULL OR enrolled <= "limit")',
            name="enrolled",
        ),
        sa.CheckConstraint("is_cancelled IN (0, 1)", name="is_cancelled"),
        sa.CheckConstraint("needs_room IN (0, 1)", name="needs_room"),
        sa.CheckConstraint("parent_class_id <> id", name="parent"),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "configuration_id", "parent_class_id"],
            [
                "classes.university_id",
                "classes.session_id",
                "classes.configuration_id",
                "classes.id",
            ],
        ),
        sa.ForeignKeyConstraint(
            [
                "university_id",
                "session_id",
                "offering_id",
                "configuration_id",
                "subpart_id",
            ],
            [
                "subparts.university_id",
                "subparts.session_id",
                "subparts.offering_id",
                "subparts.configuration_id",
                "subparts.id",
            ],
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "session_id", "code"),
        sa.UniqueConstraint("university_id", "session_id", "configuration_id", "id"),
        sa.UniqueConstraint("university_id", "session_id", "external_id"),
        sa.UniqueConstraint("university_id", "session_id", "id"),
        sa.UniqueConstraint("university_id", "session_id", "subpart_id", "id"),
        sa.UniqueConstraint("university_id", "subpart_id", "suffix"),
        sqlite_strict=True,
    )
    op.create_index("ix_classes_offering", "classes", ["university_id", "offering_id"])
    op.create_index(
        "ix_classes_parent", "classes", ["university_id", "parent_class_id"]
    )
    op.create_table(
        "class_rooms",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("class_id", Text, primary_key=True),
        sa.Column("room_id", Text, primary_key=True),
        sa.ForeignKeyConstraint(
            ["university_id", "class_id"],
            ["classes.university_id", "classes.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "room_id"], ["rooms.university_id", "rooms.id"]
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_class_rooms_room", "class_rooms", ["university_id", "room_id"])
    op.create_table(
        "teaching_assignments",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("class_id", Text, nullable=False),
        sa.Column("person_id", Text, nullable=False),
        sa.Column("share_percent", Integer, nullable=False),
        sa.Column("is_lead", Integer, nullable=False),
        sa.Column("check_conflicts", Integer, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("check_conflicts IN (0, 1)", name="check_conflicts"),
        sa.CheckConstraint("is_lead IN (0, 1)", name="is_lead"),
        sa.CheckConstraint("share_percent BETWEEN 0 AND 100", name="share_percent"),
        sa.ForeignKeyConstraint(
            ["university_id", "person_id"], ["people.university_id", "people.id"]
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "class_id"],
            ["classes.university_id", "classes.session_id", "classes.id"],
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "class_id", "person_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_teaching_assignments_person",
        "teaching_assignments",
        ["university_id", "person_id", "id"],
    )


def _make_distributions() -> None:
    op.create_table(
        "distributions",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("type", Text, nullable=False),
        sa.Column("parameters", Text, nullable=False),
        sa.Column("is_required", Integer, nullable=False),
        sa.Column("penalty", Integer, nullable=False),
        sa.Column("class_ids", Text, nullable=False),
        sa.Column("position", Integer, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("is_required IN (0, 1)", name="is_required"),
        sa.CheckConstraint("penalty >= 0", name="penalty"),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id"], ["sessions.university_id", "sessions.id"]
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "session_id", "id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_distributions_type",
        "distributions",
        ["university_id", "session_id", "type", "id"],
    )
    op.create_table(
        "distribution_classes",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("distribution_id", Text, primary_key=True),
        sa.Column("class_id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "class_id"],
            ["classes.university_id", "classes.session_id", "classes.id"],
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "distribution_id"],
            [
                "distributions.university_id",
                "distributions.session_id",
                "distributions.id",
            ],
            ondelete="CASCADE",
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_distribution_classes_class",
        "distribution_classes",
        ["university_id", "class_id"],
    )


def _make_problems() -> None:
    op.create_table(
        "session_problems",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("session_id", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("time_weight", Integer, nullable=False),
        sa.Column("room_weight", Integer, nullable=False),
        sa.Column("distribution_weight", Integer, nullable=False),
        sa.Column("student_weight", Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id"],
            ["sessions.university_id", "sessions.id"],
            ondelete="CASCADE",
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "session_rooms",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("session_id", Text, primary_key=True),
        sa.Column("room_id", Text, primary_key=True),
        sa.Column("external_id", Text, nullable=False),
        sa.Column("position", Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["university_id", "room_id"], ["rooms.university_id", "rooms.id"]
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id"],
            ["sessions.university_id", "sessions.id"],
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("university_id", "session_id", "external_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_session_rooms_room", "session_rooms", ["university_id", "room_id"]
    )
    op.create_table(
        "session_students",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("session_id", Text, primary_key=True),
        sa.Column("student_id", Text, primary_key=True),
        sa.Column("external_id", Text, nullable=False),
        sa.Column("position", Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id"],
            ["sessions.university_id", "sessions.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "student_id"], ["people.university_id", "people.id"]
        ),
        sa.UniqueConstraint("university_id", "session_id", "external_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_session_students_student",
        "session_students",
        ["university_id", "student_id"],
    )


def _make_requests() -> None:
    op.create_table(
        "course_requests",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("student_id", Text, nullable=False),
        sa.Column("course_offering_id", Text, nullable=False),
        sa.Column("priority", Integer, nullable=False),
        sa.Column("alternatives", Text, nullable=False),
        sa.Column("is_waitlist_ok", Integer, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("is_waitlist_ok IN (0, 1)", name="is_waitlist_ok"),
        sa.CheckConstraint("priority >= 0", name="priority"),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "course_offering_id"],
            [
                "course_offerings.university_id",
                "course_offerings.session_id",
                "course_offerings.id",
            ],
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "student_id"], ["people.university_id", "people.id"]
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "session_id", "id"),
        sa.UniqueConstraint("university_id", "student_id", "course_offering_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_course_requests_course_offering",
        "course_requests",
        ["university_id", "course_offering_id"],
    )
    op.create_index(
        "ix_course_requests_student", "course_requests", ["university_id", "student_id"]
    )
    op.create_table(
        "course_request_alternatives",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("request_id", Text, primary_key=True),
        sa.Column("course_offering_id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "course_offering_id"],
            [
                "course_offerings.university_id",
                "course_offerings.session_id",
                "course_offerings.id",
            ],
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "request_id"],
            [
                "course_requests.university_id",
                "course_requests.session_id",
                "course_requests.id",
            ],
            ondelete="CASCADE",
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_course_request_alternatives_course_offering",
        "course_request_alternatives",
        ["university_id", "course_offering_id"],
    )


def _make_enrolments() -> None:
    op.create_table(
        "enrolments",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("student_id", Text, nullable=False),
        sa.Column("offering_id", Text, nullable=False),
        sa.Column("course_offering_id", Text, nullable=False),
        sa.Column("configuration_id", Text),
        sa.Column("state", Text, nullable=False),
        sa.Column("waitlist_seq", Integer),
        sa.Column("class_ids", Text, nullable=False),
        sa.Column("enrolled_at", Text),
        sa.Column("ended_at", Text),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint(
            "state <> 'queued' OR waitlist_seq IS NOT NULL", name="waitlist_seq"
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'queued', 'associated', 'denied', 'cancelled', "
            "'finished')",
            name="state",
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "offering_id", "configuration_id"],
            [
                "configurations.university_id",
                "configurations.session_id",
                "configurations.offering_id",
                "configurations.id",
            ],
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "offering_id", "course_offering_id"],
            [
                "course_offerings.university_id",
                "course_offerings.session_id",
                "course_offerings.offering_id",
                "course_offerings.id",
            ],
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "student_id"], ["people.university_id", "people.id"]
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "course_offering_id", "waitlist_seq"),
        sa.UniqueConstraint("university_id", "session_id", "id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_enrolments_offering",
        "enrolments",
        ["university_id", "offering_id", "state"],
    )
    op.create_index(
        "ix_enrolments_student", "enrolments", ["university_id", "student_id", "id"]
    )
    op.create_index(
        "uq_enrolments_university_id_session_id_student_id_offering_id",
        "enrolments",
        ["university_id", "session_id", "student_id", "offering_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('pending', 'queued', 'associated')"),
        postgresql_where=sa.text("state IN ('pending', 'queued', 'associated')"),
    )
    op.create_table(
        "class_enrolments",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("enrolment_id", Text, primary_key=True),
        sa.Column("class_id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("subpart_id", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "enrolment_id"],
            ["enrolments.university_id", "enrolments.session_id", "enrolments.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "subpart_id", "class_id"],
            [
                "classes.university_id",
                "classes.session_id",
                "classes.subpart_id",
                "classes.id",
            ],
        ),
        sa.UniqueConstraint("university_id", "enrolment_id", "subpart_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_class_enrolments_class", "class_enrolments", ["university_id", "class_id"]
    )


def _make_publications() -> None:
    op.create_table(
        "publications",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("id", Text, primary_key=True),
        sa.Column("session_id", Text, nullable=False),
        sa.Column("number", Integer, nullable=False),
        sa.Column("problem_sha256", Text, nullable=False),
        sa.Column("solution_sha256", Text, nullable=False),
        sa.Column("job_id", Text),
        sa.Column("score", Text, nullable=False),
        sa.Column("n_classes", Integer, nullable=False),
        sa.Column("published_by", Text, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.ForeignKeyConstraint(["problem_sha256"], ["blobs.sha256"]),
        sa.ForeignKeyConstraint(["solution_sha256"], ["blobs.sha256"]),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id"], ["sessions.university_id", "sessions.id"]
        ),
        sa.ForeignKeyConstraint(["university_id"], ["universities.id"]),
        sa.UniqueConstraint("university_id", "session_id", "id"),
        sa.UniqueConstraint("university_id", "session_id", "number"),
        sqlite_strict=True,
    )
    op.create_table(
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
        sa.ForeignKeyConstraint(
            ["university_id", "room_id"], ["rooms.university_id", "rooms.id"]
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "class_id"],
            ["classes.university_id", "classes.session_id", "classes.id"],
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "session_id", "publication_id"],
            [
                "publications.university_id",
                "publications.session_id",
                "publications.id",
            ],
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_placements_class", "placements", ["university_id", "class_id"])
    op.create_index("ix_placements_room", "placements", ["university_id", "room_id"])
    op.create_table(
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
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Remove them."""
    for table in (
        "current_publications",
        "placements",
        "publications",
        "class_enrolments",
        "enrolments",
        "course_request_alternatives",
        "course_requests",
        "session_students",
        "session_rooms",
        "session_problems",
        "distribution_classes",
        "distributions",
        "teaching_assignments",
        "class_rooms",
        "classes",
        "subparts",
        "configurations",
        "course_offerings",
        "instructional_offerings",
    ):
        op.drop_table(table)
