"""The coordinator: all parts of the one program that keeps the catalogue."""
