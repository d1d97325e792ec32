"""Where the uniform interface meets the database: what all nouns do."""
