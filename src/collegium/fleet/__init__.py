"""The coordinator's view of its workers; soft state only, never the database."""
