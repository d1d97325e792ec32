"""Full-text index over courses."""

import sqlalchemy as sa
from alembic import op

from collegium.db.tables import Integer, Text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# An FTS5 table whose content is another table is kept in step by triggers.
_FORGET = (
    "INSERT INTO course_search (course_search, rowid, title, body) "
    "VALUES ('delete', old.id, old.title, old.body);"
)
_LEARN = (
    "INSERT INTO course_search (rowid, title, body) "
    "VALUES (new.id, new.title, new.body);"
)
_TRIGGERS = {
    "INSERT": _LEARN,
    "DELETE": _FORGET,
    "UPDATE": f"{_FORGET} {_LEARN}",
}


def upgrade() -> None:
    """Make the table of words and its index."""
    op.create_table(
        "course_words",
        sa.Column("id", Integer, sa.Identity(), primary_key=True),
        sa.Column("university_id", Text, nullable=False),
        sa.Column("course_id", Text, nullable=False),
        sa.Column("title", Text, nullable=False),
        sa.Column("body", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["university_id", "course_id"],
            ["courses.university_id", "courses.id"],
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("university_id", "course_id"),
        sqlite_strict=True,
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "ALTER TABLE course_words ADD COLUMN vector tsvector "
            "GENERATED ALWAYS AS (setweight(to_tsvector('simple', title), 'A') || "
            "to_tsvector('simple', body)) STORED"
        )
        op.execute(
            "CREATE INDEX ix_course_words_vector ON course_words USING gin (vector)"
        )
    else:
        op.execute(
            "CREATE VIRTUAL TABLE course_search USING fts5 (title, body, "
            "content = 'course_words', content_rowid = 'id', "
            "tokenize = 'unicode61 remove_diacritics 0')"
        )
        for event, actions in _TRIGGERS.items():
            op.execute(
                f"CREATE TRIGGER course_words_{event.lower()} AFTER {event} "
                f"ON course_words BEGIN {actions} END"
            )


def downgrade() -> None:
    """Remove them."""
    if op.get_context().dialect.name == "sqlite":
        for event in _TRIGGERS:
            op.execute(f"DROP TRIGGER course_words_{event.lower()}")
        op.drop_table("course_search")
    op.drop_table("course_words")
