"""Who wants to take what in a session, and who does."""

from __future__ import annotations

import sqlalchemy as sa

from collegium.db.tables.columns import (
    Integer,
    Text,
    flag_check,
    flag_column,
    json_column,
    reference,
    session_columns,
    session_reference,
    state_columns,
    table,
)

LIVE = "state IN ('pending', 'queued', 'associated')"
"""An enrolment that takes, or waits for, a place."""

session_students = table(
    "session_students",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("session_id", Text, primary_key=True),
    sa.Column("student_id", Text, primary_key=True),
    sa.Column("external_id", Text, nullable=False),
    sa.Column("position", Integer, nullable=False),
    reference("session_id", "sessions", ondelete="CASCADE"),
    reference("student_id", "people"),
    sa.UniqueConstraint("university_id", "session_id", "external_id"),
    sa.Index("ix_session_students_student", "university_id", "student_id"),
)
"""Students of a session by their names in the file that it was imported from."""

course_requests = table(
    "course_requests",
    *session_columns(),
    sa.Column("student_id", Text, nullable=False),
    sa.Column("course_offering_id", Text, nullable=False),
    sa.Column("priority", Integer, nullable=False),
    json_column("alternatives"),
    flag_column("is_waitlist_ok"),
    *state_columns(),
    reference("student_id", "people"),
    session_reference("course_offering_id", "course_offerings"),
    sa.UniqueConstraint("university_id", "session_id", "id"),
    sa.UniqueConstraint("university_id", "student_id", "course_offering_id"),
    sa.CheckConstraint("priority >= 0", name="priority"),
    flag_check("is_waitlist_ok"),
    sa.Index(
        "ix_course_requests_course_offering", "university_id", "course_offering_id"
    ),
    sa.Index("ix_course_requests_student", "university_id", "student_id"),
)
"""What a student wants to take; the least priority counts first."""

course_request_alternatives = table(
    "course_request_alternatives",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("request_id", Text, primary_key=True),
    sa.Column("course_offering_id", Text, primary_key=True),
    sa.Column("session_id", Text, nullable=False),
    session_reference("request_id", "course_requests", ondelete="CASCADE"),
    session_reference("course_offering_id", "course_offerings"),
    sa.Index(
        "ix_course_request_alternatives_course_offering",
        "university_id",
        "course_offering_id",
    ),
)
"""Which course offerings the alternatives of a request name."""

enrolments = table(
    "enrolments",
    *session_columns(),
    sa.Column("student_id", Text, nullable=False),
    sa.Column("offering_id", Text, nullable=False),
    sa.Column("course_offering_id", Text, nullable=False),
    sa.Column("configuration_id", Text),
    sa.Column("state", Text, nullable=False),
    sa.Column("waitlist_seq", Integer),
    # The classes that are taken, or that are waited for; none waited for is any.
    json_column("class_ids"),
    flag_column("is_waitlist_ok"),
    flag_column("is_overlap_allowed"),
    sa.Column("enrolled_at", Text),
    sa.Column("ended_at", Text),
    *state_columns(),
    reference("student_id", "people"),
    session_reference(
        "course_offering_id", "course_offerings", through=("offering_id",)
    ),
    session_reference("configuration_id", "configurations", through=("offering_id",)),
    sa.UniqueConstraint("university_id", "session_id", "id"),
    sa.UniqueConstraint("university_id", "course_offering_id", "waitlist_seq"),
    sa.CheckConstraint(
        "state IN ('pending', 'queued', 'associated', 'denied', 'cancelled', "
        "'finished')",
        name="state",
    ),
    sa.CheckConstraint(
        "state <> 'queued' OR waitlist_seq IS NOT NULL", name="waitlist_seq"
    ),
    flag_check("is_waitlist_ok"),
    flag_check("is_overlap_allowed"),
    sa.Index(
        "uq_enrolments_university_id_session_id_student_id_offering_id",
        "university_id",
        "session_id",
        "student_id",
        "offering_id",
        unique=True,
        sqlite_where=sa.text(LIVE),
        postgresql_where=sa.text(LIVE),
    ),
    sa.Index("ix_enrolments_offering", "university_id", "offering_id", "state"),
    sa.Index("ix_enrolments_student", "university_id", "student_id", "id"),
)
"""A student's place in an offering; at most one of them is live."""

class_enrolments = table(
    "class_enrolments",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("enrolment_id", Text, primary_key=True),
    sa.Column("class_id", Text, primary_key=True),
    sa.Column("session_id", Text, nullable=False),
    sa.Column("subpart_id", Text, nullable=False),
    session_reference("enrolment_id", "enrolments", ondelete="CASCADE"),
    session_reference("class_id", "classes", through=("subpart_id",)),
    # No student sits in two classes of one subpart.
    sa.UniqueConstraint("university_id", "enrolment_id", "subpart_id"),
    sa.Index("ix_class_enrolments_class", "university_id", "class_id"),
)
"""The classes of those who are associated: they alone count."""
