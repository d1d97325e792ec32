"""The files of OneRoster 1.2 and their columns, as its CSV binding orders them.

References
----------
1EdTech OneRoster 1.2, CSV binding 1.2.1,
https://www.imsglobal.org/spec/oneroster/v1p2/bind/csv
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = ("propertyName", "value")
MANIFEST_VERSION, VERSION = "1.0", "1.2"
BULK, DELTA, ABSENT = "bulk", "delta", "absent"
CODE_TYPE = "oneroster"
"""Of the other code that keeps a sourcedId which is not the row's own id."""
OURS = "metadata.collegium."
"""Columns behind the standard's own, which others pass over."""

_EVERY = ("sourcedId", "status", "dateLastModified")


@dataclass(frozen=True, slots=True)
class File:
    """One kind of file.

    Parameters
    ----------
    name : as the manifest has it, without its ending.
    columns : of the standard, in order.
    required : those in which each row must have a value.
    ours : further columns, which say what only Collegium knows.
    """

    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]
    ours: tuple[str, ...] = ()

    @property
    def filename(self) -> str:
        """Its name in the archive."""
        return f"{self.name}.csv"

    @property
    def header(self) -> tuple[str, ...]:
        """All columns as we write them."""
        return (*self.columns, *(OURS + name for name in self.ours))


ORGS = File(
    "orgs",
    (*_EVERY, "name", "type", "identifier", "parentSourcedId"),
    ("sourcedId", "name", "type"),
    ("type",),
)
SESSIONS = File(
    "academicSessions",
    (
        *_EVERY,
        "title",
        "type",
        "startDate",
        "endDate",
        "parentSourcedId",
        "schoolYear",
    ),
    ("sourcedId", "title", "type", "startDate", "endDate", "schoolYear"),
    ("code", "type", "state"),
)
COURSES = File(
    "courses",
    (
        *_EVERY,
        "schoolYearSourcedId",
        "title",
        "courseCode",
        "grades",
        "orgSourcedId",
        "subjects",
        "subjectCodes",
    ),
    ("sourcedId", "title", "orgSourcedId"),
)
CLASSES = File(
    "classes",
    (
        *_EVERY,
        "title",
        "grades",
        "courseSourcedId",
        "classCode",
        "classType",
        "location",
        "schoolSourcedId",
        "termSourcedIds",
        "subjects",
        "subjectCodes",
        "periods",
    ),
    (
        "sourcedId",
        "title",
        "courseSourcedId",
        "classType",
        "schoolSourcedId",
        "termSourcedIds",
    ),
    (
        "offering",
        "courses",
        "configuration",
        "subpart",
        "kind",
        "parentSubpart",
        "suffix",
        "parent",
    ),
)
USERS = File(
    "users",
    (
        *_EVERY,
        "enabledUser",
        "username",
        "userIds",
        "givenName",
        "familyName",
        "middleName",
        "identifier",
        "email",
        "sms",
        "phone",
        "agentSourcedIds",
        "grades",
        "password",
        "userMasterIdentifier",
        "resourceSourcedIds",
        "preferredGivenName",
        "preferredMiddleName",
        "preferredFamilyName",
        "primaryOrgSourcedId",
        "pronouns",
    ),
    ("sourcedId", "enabledUser", "username", "givenName", "familyName"),
    ("name", "derived"),
)
ROLES = File(
    "roles",
    (
        *_EVERY,
        "userSourcedId",
        "roleType",
        "role",
        "beginDate",
        "endDate",
        "orgSourcedId",
        "userProfileSourcedId",
    ),
    ("sourcedId", "userSourcedId", "roleType", "role", "orgSourcedId"),
    ("role",),
)
ENROLLMENTS = File(
    "enrollments",
    (
        *_EVERY,
        "classSourcedId",
        "schoolSourcedId",
        "userSourcedId",
        "role",
        "primary",
        "beginDate",
        "endDate",
    ),
    ("sourcedId", "classSourcedId", "schoolSourcedId", "userSourcedId", "role"),
    ("courseSourcedId",),
)

READ = (ORGS, SESSIONS, COURSES, USERS, ROLES, CLASSES, ENROLLMENTS)
"""Those that we read and write, each behind what it names."""

EVERY_NAME = (
    "academicSessions",
    "categories",
    "classes",
    "classResources",
    "courses",
    "courseResources",
    "demographics",
    "enrollments",
    "lineItemLearningObjectiveIds",
    "lineItems",
    "lineItemScoreScales",
    "orgs",
    "resources",
    "resultLearningObjectiveIds",
    "results",
    "resultScoreScales",
    "roles",
    "scoreScales",
    "userProfiles",
    "userResources",
    "users",
)
"""All files that a manifest speaks of."""

ORG_TYPES: Mapping[str, str] = {
    "department": "department",
    "faculty": "school",
    "school": "school",
    "academy": "school",
    "institute": "department",
    "branch": "local",
}
"""Ours to theirs; a column of our own says which it was."""
ORG_TYPES_BACK: Mapping[str, str] = {
    "department": "department",
    "school": "school",
    "district": "school",
    "local": "branch",
    "state": "school",
    "national": "school",
}
ROOT_TYPE = "district"

SESSION_TYPES: Mapping[str, str] = {
    "academic_year": "schoolYear",
    "semester": "semester",
    "trimester": "term",
    "quarter": "term",
    "testing_period": "gradingPeriod",
    "period": "gradingPeriod",
}
SESSION_TYPES_BACK: Mapping[str, str] = {
    "schoolYear": "academic_year",
    "semester": "semester",
    "term": "trimester",
    "gradingPeriod": "period",
}

ROLES_OUT: Mapping[str, str] = {
    "student": "student",
    "lecturer": "teacher",
    "teaching_assistant": "aide",
    "coordinator": "siteAdministrator",
    "invigilator": "proctor",
    "assessor": "proctor",
    "guest": "student",
}
ROLES_BACK: Mapping[str, str] = {
    "student": "student",
    "teacher": "lecturer",
    "aide": "teaching_assistant",
    "proctor": "invigilator",
    "siteAdministrator": "coordinator",
    "districtAdministrator": "coordinator",
    "systemAdministrator": "coordinator",
    "principal": "coordinator",
    "counselor": "coordinator",
}
NO_ROLE = "none"
"""Stands for a role that a user must have there and has not here."""
