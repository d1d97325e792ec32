"""Changes of a problem, and a published timetable in its new indices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collegium.errors import NotFound
from collegium.timetabling.changes import (
    ClassAdded,
    RoomClosed,
    TimeForbidden,
    apply_changes,
    carry_over,
)
from collegium.timetabling.problem import Time
from collegium.timetabling.smallest import smallest_problem
from collegium.timetabling.solution import UNASSIGNED, Solution

_NOON = Time(1, 100, 10, 1)


def test_a_closed_room_is_closed_and_the_others_are_not():
    """Only the named room gets the time added to what it had."""
    changed = apply_changes(smallest_problem(), [RoomClosed("2", _NOON)])
    assert [room.unavailable for room in changed.rooms] == [(), (_NOON,)]


def test_a_forbidden_time_takes_all_that_overlap_it():
    """Times that only touch it stay; other classes keep all of theirs."""
    changed = apply_changes(smallest_problem(), [TimeForbidden("1", Time(1, 95, 5, 1))])
    assert [o.time.start for o in changed.classes[0].times] == [100]
    assert len(changed.classes[1].times) == 2


def test_an_added_class_is_one_more_choice_of_its_subpart():
    """It comes last, so that the other classes keep their indices."""
    before = smallest_problem()
    twin = replace(before.classes[0], id="3")
    changed = apply_changes(before, [ClassAdded("1", twin)])
    assert changed.classes == (*before.classes, twin)
    assert changed.courses[0].configurations[0].subparts[0].classes == (0, 1, 2)


@pytest.mark.parametrize(
    "change",
    [
        RoomClosed("9", _NOON),
        TimeForbidden("9", _NOON),
        ClassAdded("9", smallest_problem().classes[0]),
    ],
    ids=["room", "class", "subpart"],
)
def test_what_does_not_exist_cannot_change(change):
    """Each kind of change names what it did not find."""
    with pytest.raises(NotFound, match="9"):
        apply_changes(smallest_problem(), [change])


def test_a_timetable_is_carried_over_by_ids():
    """Reordered rooms and lost times are seen through; what is gone is unassigned."""
    old = smallest_problem()
    published = Solution(
        np.array([1, 0], np.int32), np.array([0, 1], np.int32), ((1,),)
    )
    shuffled = replace(
        old,
        classes=(
            replace(old.classes[1], rooms=old.classes[1].rooms[::-1]),
            replace(old.classes[0], times=old.classes[0].times[:1]),
        ),
    )
    carried = carry_over(old, published, shuffled)
    assert carried.solution.times.tolist() == [0, UNASSIGNED]
    assert carried.solution.rooms.tolist() == [0, UNASSIGNED]
    assert carried.solution.students == ((0,),)
    assert carried.lost == (1,)
