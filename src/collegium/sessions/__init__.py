"""The academic sessions of a university: years, terms, periods."""
