"""Courses of a university's catalogue."""
