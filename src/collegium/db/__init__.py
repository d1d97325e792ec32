"""The database: what it holds, how it is reached, how its schema grows."""
