"""What all tables are made of: the one schema, its types and its usual columns."""

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


def table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    """Return a table of the one schema."""
    return sa.Table(name, metadata, *items, sqlite_strict=True)


def json_column(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Return a column that holds JSON."""
    return sa.Column(name, Json, nullable=nullable, info={"json": True})


def state_columns() -> list[sa.Column[object]]:
    """Return the columns that every resource ends with."""
    return [
        sa.Column("version", Integer, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("updated_at", Text, nullable=False),
    ]


def tenant_columns() -> list[sa.Column[object]]:
    """Return the columns that every resource below a university begins with."""
    return [
        sa.Column(
            "university_id", Text, sa.ForeignKey("universities.id"), primary_key=True
        ),
        sa.Column("id", Text, primary_key=True),
    ]


def hidden_column(name: str) -> sa.Column[object]:
    """Return a text column that is kept but never shown."""
    return sa.Column(name, Text, info={"hidden": True})


def reference(
    column: str, table_name: str, *, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    """Return the rule that a column names a row of the same university.

    Parameters
    ----------
    column : holds the id.
    table_name : where the row is.
    ondelete : None refuses to delete the row while it is named.
    """
    return sa.ForeignKeyConstraint(
        ["university_id", column],
        [f"{table_name}.university_id", f"{table_name}.id"],
        ondelete=ondelete,
    )


def session_columns() -> list[sa.Column[object]]:
    """Return the columns that every resource of an academic session begins with."""
    return [*tenant_columns(), sa.Column("session_id", Text, nullable=False)]


def session_reference(
    column: str,
    table_name: str,
    *,
    through: tuple[str, ...] = (),
    ondelete: str | None = None,
) -> sa.ForeignKeyConstraint:
    """Return the rule that a column names a row of the same academic session.

    Parameters
    ----------
    column : holds the id.
    table_name : where the row is; it has a unique key of these columns in this order.
    through : further columns that both rows share.
    ondelete : None refuses to delete the row while it is named.
    """
    shared = ("university_id", "session_id", *through)
    return sa.ForeignKeyConstraint(
        [*shared, column],
        [f"{table_name}.{name}" for name in (*shared, "id")],
        ondelete=ondelete,
    )


def flag_column(name: str) -> sa.Column[int]:
    """Return a column that holds 0 or 1 and is shown as false or true."""
    return sa.Column(name, Integer, nullable=False, info={"flag": True})


def flag_check(name: str) -> sa.CheckConstraint:
    """Return the rule that a column holds 0 or 1."""
    return sa.CheckConstraint(f"{name} IN (0, 1)", name=name)
