"""The 15 constraint types over pairs, each kept and broken."""

from __future__ import annotations

import pytest

from fixtures.meetings import LONG_MON_9, MON_9, MON_10, TUE_9, Meets, judged

PAIRS: list[tuple[str, str, tuple[int, ...], Meets, Meets, bool]] = [
    ("equal starts", "SameStart", (), MON_9, TUE_9, True),
    ("different starts", "SameStart", (), MON_9, MON_10, False),
    ("equal ends only", "SameStart", (), LONG_MON_9, MON_10, False),
    ("one within the other", "SameTime", (), LONG_MON_9, MON_10, True),
    ("the other within the one", "SameTime", (), MON_10, LONG_MON_9, True),
    ("same on other days", "SameTime", (), MON_9, TUE_9, True),
    ("partly", "SameTime", (), MON_9, Meets("1000000", 114, 12), False),
    ("after each other", "SameTime", (), MON_9, MON_10, False),
    ("touching", "DifferentTime", (), MON_9, MON_10, True),
    ("touching the other way", "DifferentTime", (), MON_10, MON_9, True),
    ("same clock, other days", "DifferentTime", (), MON_9, TUE_9, False),
    ("one shared slot", "DifferentTime", (), MON_9, Meets("0100000", 119, 9), False),
    ("equal days", "SameDays", (), MON_9, MON_10, True),
    ("days among more", "SameDays", (), MON_9, Meets("1010000", 108, 12), True),
    ("more days among fewer", "SameDays", (), Meets("1010000", 8, 2), MON_9, True),
    (
        "days that only overlap",
        "SameDays",
        (),
        Meets("1100000", 108, 12),
        Meets("0110000", 108, 12),
        False,
    ),
    ("no common day", "SameDays", (), MON_9, TUE_9, False),
    ("no common day", "DifferentDays", (), MON_9, TUE_9, True),
    ("a common day", "DifferentDays", (), MON_9, Meets("1010000", 8, 2), False),
    (
        "a common day in other weeks",
        "DifferentDays",
        (),
        Meets("1000000", 8, 2, "1100"),
        Meets("1000000", 8, 2, "0011"),
        False,
    ),
    (
        "weeks among more",
        "SameWeeks",
        (),
        Meets("1000000", 8, 2, "1010"),
        Meets("0100000", 90, 2, "1110"),
        True,
    ),
    (
        "weeks that only overlap",
        "SameWeeks",
        (),
        Meets("1000000", 8, 2, "1100"),
        Meets("1000000", 8, 2, "0110"),
        False,
    ),
    (
        "no common week",
        "DifferentWeeks",
        (),
        Meets("1000000", 8, 2, "1010"),
        Meets("1000000", 8, 2, "0101"),
        True,
    ),
    (
        "a common week",
        "DifferentWeeks",
        (),
        Meets("1000000", 8, 2, "1010"),
        Meets("0100000", 90, 2, "0010"),
        False,
    ),
    ("one shared slot", "Overlap", (), MON_9, Meets("1100000", 119, 5), True),
    ("touching", "Overlap", (), MON_9, MON_10, False),
    ("another day", "Overlap", (), MON_9, TUE_9, False),
    (
        "another week",
        "Overlap",
        (),
        Meets("1000000", 8, 2, "1010"),
        Meets("1000000", 8, 2, "0101"),
        False,
    ),
    ("touching", "NotOverlap", (), MON_9, MON_10, True),
    ("another day", "NotOverlap", (), MON_9, TUE_9, True),
    (
        "another week",
        "NotOverlap",
        (),
        Meets("1000000", 8, 2, "1010"),
        Meets("1000000", 8, 2, "0101"),
        True,
    ),
    ("one shared slot", "NotOverlap", (), MON_9, Meets("1100000", 119, 5), False),
    (
        "same room",
        "SameRoom",
        (),
        MON_9._replace(room=0),
        MON_10._replace(room=0),
        True,
    ),
    (
        "two rooms",
        "SameRoom",
        (),
        MON_9._replace(room=0),
        MON_10._replace(room=2),
        False,
    ),
    ("one without room", "SameRoom", (), MON_9._replace(room=0), MON_10, True),
    (
        "two rooms",
        "DifferentRoom",
        (),
        MON_9._replace(room=0),
        MON_10._replace(room=2),
        True,
    ),
    (
        "same room",
        "DifferentRoom",
        (),
        MON_9._replace(room=0),
        MON_10._replace(room=0),
        False,
    ),
    ("neither has a room", "DifferentRoom", (), MON_9, MON_10, True),
    (
        "no way to go",
        "SameAttendees",
        (),
        MON_9._replace(room=0),
        MON_10._replace(room=2),
        True,
    ),
    (
        "too far",
        "SameAttendees",
        (),
        MON_9._replace(room=0),
        MON_10._replace(room=1),
        False,
    ),
    (
        "too far the other way",
        "SameAttendees",
        (),
        MON_10._replace(room=0),
        MON_9._replace(room=1),
        False,
    ),
    (
        "just time to walk",
        "SameAttendees",
        (),
        MON_9._replace(room=0),
        Meets("1000000", 123, 12, room=1),
        True,
    ),
    (
        "a slot short",
        "SameAttendees",
        (),
        MON_9._replace(room=0),
        Meets("1000000", 122, 12, room=1),
        False,
    ),
    (
        "far but another day",
        "SameAttendees",
        (),
        MON_9._replace(room=0),
        TUE_9._replace(room=1),
        True,
    ),
    (
        "far but another week",
        "SameAttendees",
        (),
        Meets("1000000", 108, 12, "1010", 0),
        Meets("1000000", 108, 12, "0101", 1),
        True,
    ),
    ("at once", "SameAttendees", (), MON_9, LONG_MON_9, False),
    ("Monday before Tuesday", "Precedence", (), MON_10, TUE_9, True),
    ("Tuesday before Monday", "Precedence", (), TUE_9, MON_10, False),
    ("same day, touching", "Precedence", (), MON_9, MON_10, True),
    ("same day, one slot late", "Precedence", (), LONG_MON_9, MON_10, False),
    (
        "a later week before an earlier day",
        "Precedence",
        (),
        Meets("0000001", 200, 12, "0111"),
        Meets("1000000", 8, 12, "0011"),
        True,
    ),
    (
        "only first meetings count",
        "Precedence",
        (),
        Meets("1010000", 108, 12),
        Meets("0100000", 8, 12),
        True,
    ),
    ("just within", "WorkDay", (24,), MON_9, MON_10, True),
    ("a slot too long", "WorkDay", (23,), MON_9, MON_10, False),
    ("one alone longer", "WorkDay", (23,), LONG_MON_9, MON_9, False),
    ("another day", "WorkDay", (1,), MON_9, TUE_9, True),
    (
        "another week",
        "WorkDay",
        (1,),
        Meets("1000000", 8, 2, "1010"),
        Meets("1000000", 208, 2, "0101"),
        True,
    ),
    ("just the gap", "MinGap", (4,), MON_9, Meets("1000000", 124, 12), True),
    ("a slot less", "MinGap", (5,), MON_9, Meets("1000000", 124, 12), False),
    ("a slot less, reversed", "MinGap", (5,), Meets("1000000", 124, 12), MON_9, False),
    ("another day", "MinGap", (50,), MON_9, TUE_9, True),
    (
        "another week",
        "MinGap",
        (50,),
        Meets("1000000", 8, 2, "1010"),
        Meets("1000000", 12, 2, "0101"),
        True,
    ),
]


@pytest.mark.parametrize(
    ("type_", "parameters", "a", "b", "kept"),
    [pytest.param(*case[1:], id=f"{case[1]}: {case[0]}") for case in PAIRS],
)
def test_pair(type_: str, parameters: tuple[int, ...], a: Meets, b: Meets, kept: bool):
    """A pair is judged alike when required and when soft, where it costs once."""
    hard = judged(type_, parameters, [a, b], required=True)
    soft = judged(type_, parameters, [a, b], required=False, penalty=4)
    named = [(v.kind, v.classes) for v in hard.violations]
    assert named == ([] if kept else [(type_, ("a", "b"))])
    assert hard.distribution == 0
    assert soft.violations == ()
    assert soft.distribution == (0 if kept else 4)


@pytest.mark.parametrize("type_", ["SameStart", "SameTime", "NotOverlap", "MinGap"])
@pytest.mark.parametrize("swapped", [False, True])
def test_order_is_nothing_to_symmetric_types(type_: str, swapped: bool):
    """All types but Precedence judge a pair whichever is listed first."""
    meetings = [MON_9, Meets("1100000", 114, 12)]
    parameters = (2,) if type_ == "MinGap" else ()
    meetings = meetings[::-1] if swapped else meetings
    assert not judged(type_, parameters, meetings, required=True).feasible


def test_every_pair_counts():
    """Three classes at once are three broken pairs, not two."""
    report = judged("NotOverlap", (), [MON_9] * 3, required=False, penalty=4)
    assert report.distribution == 12
    (violation,) = judged("NotOverlap", (), [MON_9] * 3, required=True).violations
    assert violation.classes == ("a", "b", "c")


def test_only_the_broken_pairs_are_named():
    """Classes that keep a constraint are not named with those that break it."""
    report = judged("NotOverlap", (), [MON_9, TUE_9, MON_9], required=True)
    assert [v.classes for v in report.violations] == [("a", "c")]


def test_precedence_holds_for_all_pairs_as_listed():
    """The first is before the third also when the second is out of order."""
    wednesday = Meets("0010000", 108, 12)
    in_order = [MON_9, TUE_9, wednesday]
    assert judged("Precedence", (), in_order, required=True).feasible
    swapped = [MON_9, wednesday, TUE_9]
    assert judged("Precedence", (), swapped, required=False).distribution == 1
    reverse = in_order[::-1]
    assert judged("Precedence", (), reverse, required=False).distribution == 3
