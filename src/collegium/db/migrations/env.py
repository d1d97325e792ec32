"""Where Alembic begins: migrations are only ever written out as SQL, see db.migrate."""

from __future__ import annotations

from alembic import context

from collegium.db.tables import metadata

context.configure(
    dialect_name=context.config.attributes["dialect"],
    target_metadata=metadata,
    literal_binds=True,
    transactional_ddl=False,
)
context.run_migrations()
