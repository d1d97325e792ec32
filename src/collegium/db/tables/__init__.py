"""Every table, as SQLAlchemy Core sees it: for the schema and its migrations only.

Requests are served by written SQL. Below a university every key leads with the
university, so that rows can be split by tenant. Types are those that mean the same in
SQLite (STRICT tables) and PostgreSQL: times are RFC 3339 texts in UTC, structures are
JSON texts, truth values are 0 and 1. One module holds the tables of one group of nouns;
all are imported here, so that a table knows who refers to it.
"""

from __future__ import annotations

from collegium.db.tables.bookkeeping import answers, collections, revisions, secrets
from collegium.db.tables.columns import Integer, Json, Real, Text, metadata
from collegium.db.tables.courses import course_prerequisites, courses
from collegium.db.tables.enrolments import (
    class_enrolments,
    course_request_alternatives,
    course_requests,
    enrolments,
    session_students,
)
from collegium.db.tables.jobs import blobs, job_blobs, jobs
from collegium.db.tables.keys import api_keys, audit_counters, audit_events
from collegium.db.tables.offerings import (
    class_rooms,
    classes,
    configurations,
    course_offerings,
    distribution_classes,
    distributions,
    instructional_offerings,
    session_problems,
    session_rooms,
    subparts,
    teaching_assignments,
)
from collegium.db.tables.organisations import organisations
from collegium.db.tables.people import memberships, people
from collegium.db.tables.places import (
    buildings,
    room_unavailability,
    rooms,
    travel_times,
)
from collegium.db.tables.publications import (
    current_publications,
    placements,
    publications,
)
from collegium.db.tables.sessions import sessions
from collegium.db.tables.universities import universities

__all__ = [
    "Integer",
    "Json",
    "Real",
    "Text",
    "answers",
    "api_keys",
    "audit_counters",
    "audit_events",
    "blobs",
    "buildings",
    "class_enrolments",
    "class_rooms",
    "classes",
    "collections",
    "configurations",
    "course_offerings",
    "course_prerequisites",
    "course_request_alternatives",
    "course_requests",
    "courses",
    "current_publications",
    "distribution_classes",
    "distributions",
    "enrolments",
    "instructional_offerings",
    "job_blobs",
    "jobs",
    "memberships",
    "metadata",
    "organisations",
    "people",
    "placements",
    "publications",
    "revisions",
    "room_unavailability",
    "rooms",
    "secrets",
    "session_problems",
    "session_rooms",
    "session_students",
    "sessions",
    "subparts",
    "teaching_assignments",
    "travel_times",
    "universities",
]
