"""Every table, as SQLAlchemy Core sees it: for the schema and its migrations only.

Requests are served by written SQL. Below a university every key leads with the
university, so that rows can be split by tenant. Types are those that mean the same in
SQLite (STRICT tables) and PostgreSQL: times are RFC 3339 texts in UTC, structures are
JSON texts, truth values are 0 and 1.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Compared byte by byte, so that both databases sort alike.
Text = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Integer = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
Real: sa.types.TypeEngine[float] = sa.Double().with_variant(sqlite.REAL(), "sqlite")
Json = Text
"""A JSON text; columns of it carry ``info={"json": True}``."""


def _table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *items, sqlite_strict=True)


def json_column(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Return a column that holds JSON."""
    return sa.Column(name, Json, nullable=nullable, info={"json": True})


def _state() -> list[sa.Column[object]]:
    """Return the columns that every resource ends with."""
    return [
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
    ]


revisions = _table(
    "revisions",
    sa.Column("id", Integer, primary_key=True, autoincrement=False),
    sa.Column("value", Integer, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)
"""The database-wide counter that versions come from; on SQLite."""

collections = _table(
    "collections",
    sa.Column("scope", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("revision", Integer, nullable=False),
)
"""Last revision of each collection: of what belongs to ``scope`` and has that name."""

secrets = _table(
    "secrets",
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)
"""Random values that all coordinators of this database share."""

answers = _table(
    "answers",
    sa.Column("scope", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("fingerprint", Text, nullable=False),
    sa.Column("answer", Text, nullable=False),
    sa.Column("expires_at", Text, nullable=False, index=True),
)
"""What was answered to requests with an Idempotency-Key."""

universities = _table(
    "universities",
    sa.Column("id", Text, primary_key=True),
    sa.Column("code", Text, nullable=False, unique=True),
    sa.Column("name", Text, nullable=False),
    json_column("names"),
    sa.Column("country", Text),
    sa.Column("time_zone", Text),
    sa.Column("website", Text),
    json_column("other_codes"),
    *_state(),
)

courses = _table(
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
    *_state(),
    sa.UniqueConstraint("university_id", "code"),
    sa.CheckConstraint("credits >= 0", name="credits"),
)

course_prerequisites = _table(
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
