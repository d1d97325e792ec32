"""What a session offers: offerings, their parts, and the constraints over classes.

Each key carries the session as well as the university, and the parts of an offering
carry the offering: so the database itself holds that a class, its parent, its subpart
and its configuration belong together.
"""

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

# "limit" is a word of SQL: it stands in quotes wherever it is written.
_WITHIN_LIMIT = 'enrolled >= 0 AND ("limit" IS NULL OR enrolled <= "limit")'

instructional_offerings = table(
    "instructional_offerings",
    *session_columns(),
    sa.Column("code", Text, nullable=False),
    sa.Column("name", Text),
    # Both are derived from the tables below, in the transaction that changes those:
    # an offering is read far more often than changed, and always whole.
    json_column("courses"),
    json_column("configurations"),
    json_column("other_codes"),
    sa.Column("external_id", Text),
    sa.Column("position", Integer, nullable=False, info={"hidden": True}),
    *state_columns(),
    reference("session_id", "sessions"),
    sa.UniqueConstraint("university_id", "session_id", "id"),
    sa.UniqueConstraint("university_id", "session_id", "code"),
    sa.UniqueConstraint("university_id", "session_id", "external_id"),
)

course_offerings = table(
    "course_offerings",
    *session_columns(),
    sa.Column("offering_id", Text, nullable=False),
    sa.Column("course_id", Text, nullable=False),
    flag_column("is_controlling"),
    sa.Column("reserved_seats", Integer),
    sa.Column("enrolled", Integer, nullable=False),
    sa.Column("last_waitlist_seq", Integer, nullable=False, info={"hidden": True}),
    *state_columns(),
    session_reference("offering_id", "instructional_offerings"),
    reference("course_id", "courses"),
    sa.UniqueConstraint("university_id", "session_id", "course_id"),
    sa.UniqueConstraint("university_id", "session_id", "id"),
    sa.UniqueConstraint("university_id", "session_id", "offering_id", "id"),
    flag_check("is_controlling"),
    sa.CheckConstraint(
        "enrolled >= 0 AND (reserved_seats IS NULL OR enrolled <= reserved_seats)",
        name="enrolled",
    ),
    sa.Index(
        "uq_course_offerings_university_id_session_id_offering_id",
        "university_id",
        "session_id",
        "offering_id",
        unique=True,
        sqlite_where=sa.text("is_controlling = 1"),
        postgresql_where=sa.text("is_controlling = 1"),
    ),
    sa.Index("ix_course_offerings_course", "university_id", "course_id"),
)
"""A course under which an offering can be taken; exactly one is controlling."""

configurations = table(
    "configurations",
    *session_columns(),
    sa.Column("offering_id", Text, nullable=False),
    sa.Column("code", Text, nullable=False),
    sa.Column("name", Text),
    sa.Column("limit", Integer),
    sa.Column("enrolled", Integer, nullable=False),
    sa.Column("external_id", Text),
    sa.Column("position", Integer, nullable=False),
    *state_columns(),
    session_reference("offering_id", "instructional_offerings"),
    sa.UniqueConstraint("university_id", "session_id", "id"),
    sa.UniqueConstraint("university_id", "session_id", "offering_id", "id"),
    sa.UniqueConstraint("university_id", "offering_id", "code"),
    sa.CheckConstraint(_WITHIN_LIMIT, name="enrolled"),
)
"""One way of taking an offering."""

subparts = table(
    "subparts",
    *session_columns(),
    sa.Column("offering_id", Text, nullable=False),
    sa.Column("configuration_id", Text, nullable=False),
    sa.Column("parent_subpart_id", Text),
    sa.Column("code", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("external_id", Text),
    sa.Column("position", Integer, nullable=False),
    *state_columns(),
    session_reference("configuration_id", "configurations", through=("offering_id",)),
    session_reference(
        "parent_subpart_id", "subparts", through=("offering_id", "configuration_id")
    ),
    sa.UniqueConstraint(
        "university_id", "session_id", "offering_id", "configuration_id", "id"
    ),
    sa.UniqueConstraint("university_id", "configuration_id", "code"),
    sa.CheckConstraint("parent_subpart_id <> id", name="parent"),
)
"""A student of the configuration attends one class of each."""

classes = table(
    "classes",
    *session_columns(),
    sa.Column("offering_id", Text, nullable=False),
    sa.Column("configuration_id", Text, nullable=False),
    sa.Column("subpart_id", Text, nullable=False),
    sa.Column("parent_class_id", Text),
    # Made of the codes of its offering, configuration and subpart, and its suffix.
    sa.Column("code", Text, nullable=False),
    sa.Column("configuration", Text, nullable=False),
    sa.Column("subpart", Text, nullable=False),
    sa.Column("suffix", Text, nullable=False),
    sa.Column("limit", Integer),
    sa.Column("enrolled", Integer, nullable=False),
    flag_column("needs_room"),
    json_column("room_options"),
    json_column("time_options"),
    flag_column("is_cancelled"),
    sa.Column("external_id", Text),
    sa.Column("position", Integer, nullable=False, info={"hidden": True}),
    *state_columns(),
    session_reference(
        "subpart_id", "subparts", through=("offering_id", "configuration_id")
    ),
    session_reference("parent_class_id", "classes", through=("configuration_id",)),
    sa.UniqueConstraint("university_id", "session_id", "id"),
    sa.UniqueConstraint("university_id", "session_id", "configuration_id", "id"),
    sa.UniqueConstraint("university_id", "session_id", "subpart_id", "id"),
    sa.UniqueConstraint("university_id", "session_id", "code"),
    sa.UniqueConstraint("university_id", "session_id", "external_id"),
    sa.UniqueConstraint("university_id", "subpart_id", "suffix"),
    sa.CheckConstraint(_WITHIN_LIMIT, name="enrolled"),
    sa.CheckConstraint("parent_class_id <> id", name="parent"),
    flag_check("needs_room"),
    flag_check("is_cancelled"),
    sa.Index("ix_classes_offering", "university_id", "offering_id"),
    sa.Index("ix_classes_parent", "university_id", "parent_class_id"),
)

class_rooms = table(
    "class_rooms",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("class_id", Text, primary_key=True),
    sa.Column("room_id", Text, primary_key=True),
    reference("class_id", "classes", ondelete="CASCADE"),
    reference("room_id", "rooms"),
    sa.Index("ix_class_rooms_room", "university_id", "room_id"),
)
"""Which rooms the room options of a class name."""

distributions = table(
    "distributions",
    *session_columns(),
    sa.Column("type", Text, nullable=False),
    json_column("parameters"),
    flag_column("is_required"),
    sa.Column("penalty", Integer, nullable=False),
    json_column("class_ids"),
    sa.Column("position", Integer, nullable=False, info={"hidden": True}),
    *state_columns(),
    reference("session_id", "sessions"),
    sa.UniqueConstraint("university_id", "session_id", "id"),
    flag_check("is_required"),
    sa.CheckConstraint("penalty >= 0", name="penalty"),
    sa.Index("ix_distributions_type", "university_id", "session_id", "type", "id"),
)
"""Constraints over classes, of the 19 types of ITC-2019."""

distribution_classes = table(
    "distribution_classes",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("distribution_id", Text, primary_key=True),
    sa.Column("class_id", Text, primary_key=True),
    sa.Column("session_id", Text, nullable=False),
    session_reference("distribution_id", "distributions", ondelete="CASCADE"),
    session_reference("class_id", "classes"),
    sa.Index("ix_distribution_classes_class", "university_id", "class_id"),
)
"""Which classes a constraint names."""

teaching_assignments = table(
    "teaching_assignments",
    *session_columns(),
    sa.Column("class_id", Text, nullable=False),
    sa.Column("person_id", Text, nullable=False),
    sa.Column("share_percent", Integer, nullable=False),
    flag_column("is_lead"),
    flag_column("check_conflicts"),
    *state_columns(),
    session_reference("class_id", "classes"),
    reference("person_id", "people"),
    sa.UniqueConstraint("university_id", "class_id", "person_id"),
    sa.CheckConstraint("share_percent BETWEEN 0 AND 100", name="share_percent"),
    flag_check("is_lead"),
    flag_check("check_conflicts"),
    sa.Index("ix_teaching_assignments_person", "university_id", "person_id", "id"),
)
"""Who teaches a class."""

session_problems = table(
    "session_problems",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("session_id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("time_weight", Integer, nullable=False),
    sa.Column("room_weight", Integer, nullable=False),
    sa.Column("distribution_weight", Integer, nullable=False),
    sa.Column("student_weight", Integer, nullable=False),
    reference("session_id", "sessions", ondelete="CASCADE"),
)
"""What the criteria of a session's timetable weigh."""

session_rooms = table(
    "session_rooms",
    sa.Column("university_id", Text, primary_key=True),
    sa.Column("session_id", Text, primary_key=True),
    sa.Column("room_id", Text, primary_key=True),
    sa.Column("external_id", Text, nullable=False),
    sa.Column("position", Integer, nullable=False),
    reference("session_id", "sessions", ondelete="CASCADE"),
    reference("room_id", "rooms"),
    sa.UniqueConstraint("university_id", "session_id", "external_id"),
    sa.Index("ix_session_rooms_room", "university_id", "room_id"),
)
"""Rooms of a session by their names in the file that it was imported from."""
