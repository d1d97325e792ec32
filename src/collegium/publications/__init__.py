"""Timetables in force: checked, numbered, never changed."""
