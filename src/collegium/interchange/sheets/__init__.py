"""Plain CSV with a column for each member: rooms, courses, people, enrolments."""
