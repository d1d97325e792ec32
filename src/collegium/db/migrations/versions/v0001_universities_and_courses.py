"""Universities, organisations and courses, and what every resource needs."""

import sqlalchemy as sa
from alembic import op

from collegium.db.tables import Integer, Real, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "revisions",
        sa.Column("id", Integer, primary_key=True, autoincrement=False),
        sa.Column("value", Integer, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
        sqlite_strict=True,
    )
    op.execute("INSERT INTO revisions (id, value) VALUES (1, 0)")
    if op.get_context().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE revision_sequence")
    op.create_table(
        "collections",
        sa.Column("scope", Text, primary_key=True),
        sa.Column("name", Text, primary_key=True),
        sa.Column("revision", Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "secrets",
        sa.Column("name", Text, primary_key=True),
        sa.Column("value", Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "answers",
        sa.Column("scope", Text, primary_key=True),
        sa.Column("key", Text, primary_key=True),
        sa.Column("fingerprint", Text, nullable=False),
        sa.Column("answer", Text, nullable=False),
        sa.Column("expires_at", Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("ix_answers_expires_at", "answers", ["expires_at"])
    _make_universities()
    _make_organisations()
    _make_courses()


def _make_universities() -> None:
    op.create_table(
        "universities",
        sa.Column("id", Text, primary_key=True),
        sa.Column("code", Text, nullable=False, unique=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("names", Text, nullable=False),
        sa.Column("country", Text),
        sa.Column("time_zone", Text),
        sa.Column("website", Text),
        sa.Column("other_codes", Text, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sqlite_strict=True,
    )


def _make_organisations() -> None:
    op.create_table(
        "organisations",
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
        ),
        sa.Column("id", Text, primary_key=True),
        sa.Column("code", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("names", Text, nullable=False),
        sa.Column("type", Text, nullable=False),
        sa.Column("parent_id", Text),
        sa.Column("time_zone", Text),
        sa.Column("other_codes", Text, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.CheckConstraint("parent_id <> id", name="parent"),
        sa.ForeignKeyConstraint(
            ["university_id", "parent_id"],
            ["organisations.university_id", "organisations.id"],
        ),
        sa.UniqueConstraint("university_id", "code"),
        sa.UniqueConstraint("university_id", "id", "type"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_organisations_parent", "organisations", ["university_id", "parent_id"]
    )


def _make_courses() -> None:
    op.create_table(
        "courses",
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
        ),
        sa.Column("id", Text, primary_key=True),
        sa.Column("code", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("titles", Text, nullable=False),
        sa.Column("organisation_id", Text),
        sa.Column("subject_code", Text),
        sa.Column("number", Text),
        sa.Column("descriptions", Text, nullable=False),
        sa.Column("credits", Real),
        sa.Column("level", Text),
        sa.Column("prerequisites", Text),
        sa.Column("effective_from", Text),
        sa.Column("effective_to", Text),
        sa.Column("other_codes", Text, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        sa.UniqueConstraint("university_id", "code"),
        sa.ForeignKeyConstraint(
            ["university_id", "organisation_id"],
            ["organisations.university_id", "organisations.id"],
        ),
        sa.CheckConstraint("credits >= 0", name="credits"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_courses_organisation", "courses", ["university_id", "organisation_id"]
    )
    op.create_table(
        "course_prerequisites",
        sa.Column("university_id", Text, primary_key=True),
        sa.Column("course_id", Text, primary_key=True),
        sa.Column("prerequisite_id", Text, primary_key=True),
        sa.ForeignKeyConstraint(
            ["university_id", "course_id"],
            ["courses.university_id", "courses.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["university_id", "prerequisite_id"],
            ["courses.university_id", "courses.id"],
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_course_prerequisites_prerequisite",
        "course_prerequisites",
        ["university_id", "prerequisite_id"],
    )


def downgrade() -> None:
    """Remove them."""
    for table in (
        "course_prerequisites",
        "courses",
        "organisations",
        "universities",
        "answers",
        "secrets",
        "collections",
        "revisions",
    ):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP SEQUENCE revision_sequence")
