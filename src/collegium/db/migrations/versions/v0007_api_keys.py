"""Keys of the interface, and the university that a job belongs to."""

import sqlalchemy as sa
from alembic import op

from collegium.db.tables import Integer, Json, Text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of keys; jobs that are there belong to no university."""
    op.create_table(
        "api_keys",
        sa.Column("id", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("role", Text, nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id", ondelete="CASCADE")
        ),
        sa.Column("organisation_id", Text),
        sa.Column("person_id", Text),
        sa.Column("expires_at", Text, nullable=False),
        sa.Column("created_by", Text, nullable=False),
        sa.Column("secret_sha256", Text, nullable=False),
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
        *(
            sa.ForeignKeyConstraint(
                ["university_id", column],
                [f"{table}.university_id", f"{table}.id"],
                name=f"fk_api_keys_{table}_university_id_{column}",
                ondelete="CASCADE",
            )
            for column, table in (
                ("organisation_id", "organisations"),
                ("person_id", "people"),
            )
        ),
        sa.CheckConstraint(
            "role IN ('operator', 'registrar', 'scheduler', 'student', 'worker')",
            name="ck_api_keys_role",
        ),
        sa.CheckConstraint(
            "(role IN ('operator', 'worker')) = (university_id IS NULL)",
            name="ck_api_keys_university",
        ),
        sa.CheckConstraint(
            "(role = 'scheduler') = (organisation_id IS NOT NULL)",
            name="ck_api_keys_organisation",
        ),
        sa.CheckConstraint(
            "(role = 'student') = (person_id IS NOT NULL)", name="ck_api_keys_person"
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_api_keys_university", "api_keys", ["university_id", "id"])
    for column in ("organisation", "person"):
        op.create_index(
            f"ix_api_keys_{column}", "api_keys", ["university_id", f"{column}_id"]
        )
    op.execute("ALTER TABLE jobs ADD COLUMN university_id TEXT")
    op.create_index("ix_jobs_university", "jobs", ["university_id", "id"])


def downgrade() -> None:
    """Remove both: all keys end."""
    op.drop_index("ix_jobs_university", table_name="jobs")
    op.execute("ALTER TABLE jobs DROP COLUMN university_id")
    op.drop_table("api_keys")
