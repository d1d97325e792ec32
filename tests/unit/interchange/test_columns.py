"""Cells and headers of plain CSV."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collegium.errors import Malformed
from collegium.interchange.sheets.columns import cell_of, text_of
from collegium.interchange.sheets.headers import choose_columns
from collegium.interchange.sheets.kinds import ENROLMENT_COLUMNS, KINDS

COURSES = KINDS["courses"].columns


@given(text=st.text().map(str.strip))
@example(text="=HYPERLINK(1)")
@example(text="'=1")
@example(text="''")
@example(text="@SUM(A1)")
@example(text="'")
def test_no_cell_is_a_formula(text: str) -> None:
    """What is written never begins like a formula, and is read as it was."""
    assert not cell_of(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert text_of(cell_of(text)) == text


def test_usual_names_stay() -> None:
    """Only what is dangerous is marked."""
    assert cell_of("O'Brien") == "O'Brien"
    assert text_of("'s-Hertogenbosch") == "'s-Hertogenbosch"


@pytest.mark.parametrize(
    ("header", "member"),
    [
        ("Course Code", "code"),
        ("TITLE", "name"),
        ("ects", "credits"),
        ("Department", "organisation_id"),
        ("Credit-Points", "credits"),
        ("title.de", "titles"),
        ("description.en-GB", "descriptions"),
        ("other.hr", "other_codes"),
        ("Effective_From", "effective_from"),
    ],
)
def test_obvious_names_are_understood(header: str, member: str) -> None:
    """Usual headers mean what they say, in whatever spelling."""
    chosen, left = choose_columns(["code_", header], COURSES, {"code_": ""} if
                                  member == "code" else {"code_": "code"})  # fmt: skip
    assert [one.column.member for one in chosen if one.header == header] == [member]
    assert left == []


def test_a_mapping_decides() -> None:
    """What the caller says counts before what a header looks like."""
    header = ["Code", "Kürzel", "Notes", "Name"]
    mapping = {"Code": "", "Kürzel": "code", "Notes": "description.de"}
    chosen, left = choose_columns(header, COURSES, mapping)
    found = {one.header: (one.column.member, one.key) for one in chosen}
    assert found == {
        "Kürzel": ("code", ""),
        "Notes": ("descriptions", "de"),
        "Name": ("name", ""),
    }
    assert left == []


@pytest.mark.parametrize(
    ("header", "mapping", "says"),
    [
        (["code", "name", "name"], {}, "'name' stands twice"),
        (["code", "Course Code"], {}, "both mean code"),
        (["name"], {}, "No column is the code"),
        (["code"], {"Code": "code"}, "no column 'Code'"),
        (["code", "x"], {"x": "colour"}, "no column 'colour'"),
    ],
)
def test_what_a_header_cannot_be(
    header: list[str], mapping: dict[str, str], says: str
) -> None:
    """A header that is ambiguous or lacks the code is refused in one sentence."""
    with pytest.raises(Malformed, match=says):
        choose_columns(header, COURSES, mapping)


def test_enrolments_need_student_and_course() -> None:
    """Whom and what an enrolment is about must be there."""
    with pytest.raises(Malformed, match="No column is the course"):
        choose_columns(["student"], ENROLMENT_COLUMNS, {})
    chosen, left = choose_columns(["Student ID", "Course", "x"], ENROLMENT_COLUMNS, {})
    assert [one.column.name for one in chosen] == ["student", "course"]
    assert left == ["x"]
