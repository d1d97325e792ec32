"""Course requests, enrolments, waitlists, and the seats they take."""
