"""The catalogue of courses."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import Real, Text, json_column, state_columns, table

courses = table(
    "courses",
    sa.Column(
        "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
    ),
    sa.Column("id", Text, primary_key=True),
    sa.Column("code", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    json_column("titles"),
    sa.Column("subject_code", Text),
    sa.Column("number", Text),
    json_column("descriptions"),
    sa.Column("credits", Real),
    sa.Column("level", Text),
    json_column("prerequisites", nullable=True),
    sa.Column("effective_from", Text),
    sa.Column("effective_to", Text),
    json_column("other_codes"),
    *state_columns(),
    sa.UniqueConstraint("university_id", "code"),
    sa.CheckConstraint("credits >= 0", name="credits"),
)

course_prerequisites = table(
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
    sa.Index(
        "ix_course_prerequisites_prerequisite", "university_id", "prerequisite_id"
    ),
)
"""Which courses a course's prerequisite rule names."""
