"""The catalogue of courses."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import (
    Integer,
    Real,
    Text,
    json_column,
    reference,
    state_columns,
    table,
    tenant_columns,
)

courses = table(
    "courses",
    *tenant_columns(),
    sa.Column("code", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    json_column("titles"),
    sa.Column("organisation_id", Text),
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
    reference("organisation_id", "organisations"),
    sa.CheckConstraint("credits >= 0", name="credits"),
    sa.Index("ix_courses_organisation", "university_id", "organisation_id"),
)

course_prerequisites = table(
    "course_prerequisites",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("course_id", Text, primary_key=True),
    sa.Column("prerequisite_id", Text, primary_key=True),
    reference("course_id", "courses", ondelete="CASCADE"),
    reference("prerequisite_id", "courses"),
    sa.Index(
        "ix_course_prerequisites_prerequisite", "university_id", "prerequisite_id"
    ),
)
"""Which courses a course's prerequisite rule names."""

course_words = table(
    "course_words",
    sa.Column("id", Integer, sa.Identity(), primary_key=True),
    sa.Column("university_id", Text, nullable=False),
    sa.Column("course_id", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("body", Text, nullable=False),
    reference("course_id", "courses", ondelete="CASCADE"),
    sa.UniqueConstraint("university_id", "course_id"),
)
"""The words of each course, as the full-text index over this table holds them."""
