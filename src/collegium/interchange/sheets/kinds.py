"""The kinds of rows that plain CSV can bring, and their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collegium.catalogue.nouns import Noun
from collegium.catalogue.schemas import Body
from collegium.courses.service import COURSES
from collegium.interchange.sheets.columns import Column, Form
from collegium.people.service import PEOPLE, email_hash
from collegium.rooms.service import ROOMS

_CODE = Column(
    "code",
    "code",
    aliases=("id", "key", "no", "nr", "kuerzel", "abbreviation"),
    is_required=True,
)
_OTHER = Column("other", "other_codes", Form.OTHER_CODE, aliases=("othercode",))

ENROLMENT_COLUMNS = (
    Column(
        "student",
        "student_id",
        aliases=("studentcode", "studentid", "person", "personcode", "matriculation"),
        is_required=True,
    ),
    Column(
        "course",
        "course_offering_id",
        aliases=("coursecode", "courseid", "courseoffering"),
        is_required=True,
    ),
    Column(
        "classes",
        "class_ids",
        Form.LIST,
        aliases=("class", "classcode", "classcodes", "section", "sections"),
    ),
    Column("waitlist", "is_waitlist_ok", aliases=("waitlistok", "wait")),
    Column("overlap", "is_overlap_allowed", aliases=("overlapallowed",)),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rows that are found by their codes.

    Parameters
    ----------
    name : plural, as in addresses.
    noun : what may be done with them one by one; here its table, body and rules count.
    columns : of a file.
    unique : pairs of members that no two rows share, besides the code.
    """

    name: str
    noun: Noun[Any]
    columns: tuple[Column, ...]
    unique: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> type[Body]:
        """What a client would send for one of them."""
        body: type[Body] = self.noun.body
        return body

    def derived(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the hidden columns of a row."""
        if self.name == "people":
            return {"email_hash": email_hash(values["email"])}
        return {}


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "courses",
            COURSES,
            (
                Column(
                    "code",
                    "code",
                    aliases=(*_CODE.aliases, "coursecode", "courseid", "courseno"),
                    is_required=True,
                ),
                Column(
                    "name",
                    "name",
                    aliases=("title", "coursename", "coursetitle"),
                    is_required=True,
                ),
                Column("name", "titles", Form.TEXTS, aliases=("title", "titles")),
                Column(
                    "organisation",
                    "organisation_id",
                    Form.REFERENCE,
                    aliases=("organization", "department", "faculty", "dept", "school"),
                    table="organisations",
                    noun="organisation",
                ),
                Column("subject", "subject_code", aliases=("subjectcode",)),
                Column("number", "number", aliases=("coursenumber", "catalognumber")),
                Column(
                    "credits",
                    "credits",
                    Form.NUMBER,
                    aliases=("ects", "credit", "credithours", "creditpoints", "cp"),
                ),
                Column("level", "level"),
                Column(
                    "from", "effective_from", aliases=("effectivefrom", "validfrom")
                ),
                Column("to", "effective_to", aliases=("effectiveto", "validto")),
                Column(
                    "description",
                    "descriptions",
                    Form.TEXTS,
                    aliases=("descriptions",),
                ),
                _OTHER,
            ),
        ),
        Kind(
            "rooms",
            ROOMS,
            (
                Column(
                    "code",
                    "code",
                    aliases=(*_CODE.aliases, "room", "roomcode", "roomid"),
                    is_required=True,
                ),
                Column("name", "name", aliases=("roomname", "title")),
                Column(
                    "building",
                    "building_id",
                    Form.REFERENCE,
                    aliases=("buildingcode",),
                    table="buildings",
                    noun="building",
                ),
                Column("number", "number", aliases=("roomnumber",)),
                Column("type", "room_type", aliases=("roomtype",)),
                Column(
                    "capacity",
                    "capacity",
                    Form.NUMBER,
                    aliases=("seats", "size", "places"),
                    is_required=True,
                ),
                Column(
                    "exam_capacity",
                    "exam_capacity",
                    Form.NUMBER,
                    aliases=("examseats",),
                ),
                Column(
                    "features", "features", Form.LIST, aliases=("equipment", "feature")
                ),
                _OTHER,
            ),
            unique=(("building_id", "number"),),
        ),
        Kind(
            "people",
            PEOPLE,
            (
                Column(
                    "code",
                    "code",
                    aliases=(
                        *_CODE.aliases,
                        "student",
                        "studentid",
                        "personid",
                        "staffid",
                        "matriculation",
                        "username",
                    ),
                    is_required=True,
                ),
                Column("name", "name", aliases=("fullname",), is_required=True),
                Column("name", "names", Form.TEXTS, aliases=("names",)),
                Column(
                    "given_name",
                    "given_name",
                    aliases=("firstname", "forename", "givennames"),
                ),
                Column("family_name", "family_name", aliases=("lastname", "surname")),
                Column("email", "email", aliases=("mail", "emailaddress")),
                _OTHER,
            ),
        ),
    )
}
"""By name; enrolments are no such kind, as they are found by student and course."""

ENROLMENTS_KIND = "enrolments"
EVERY_KIND = (*KINDS, ENROLMENTS_KIND)
