"""The 4 constraint types over all classes, with amounts worked out by hand."""

from __future__ import annotations

import pytest

from collegium.timetabling.problem import DistributionType
from fixtures.meetings import LONG_MON_9, MON_9, MON_10, TUE_9, Meets, judged


@pytest.mark.parametrize("type_", list(DistributionType))
def test_one_class_alone(type_: DistributionType):
    """A distribution of a single class keeps all pair types and has no block."""
    parameters = {
        "WorkDay": (1,),
        "MinGap": (9,),
        "MaxDays": (1,),
        "MaxDayLoad": (12,),
        "MaxBreaks": (0, 0),
        "MaxBlock": (1, 9),
    }.get(type_, ())
    assert judged(type_, parameters, [MON_9], required=True).feasible
    assert judged(type_, parameters, [], required=True).feasible


class TestMaxDays:
    """MaxDays counts weekdays that are used in any week."""

    meetings = (
        Meets("1010000", 8, 2, "1000"),
        Meets("0101000", 8, 2, "0001"),
        Meets("1000000", 90, 2),
    )

    def test_kept(self):
        """Four different weekdays are no more than four."""
        assert judged("MaxDays", (4,), list(self.meetings), required=True).feasible

    def test_broken(self):
        """Weekdays count whatever the weeks, and each over the bound costs."""
        report = judged("MaxDays", (2,), list(self.meetings), required=True)
        assert [v.kind for v in report.violations] == ["MaxDays"]
        soft = judged("MaxDays", (2,), list(self.meetings), required=False, penalty=3)
        assert soft.distribution == 6  # two days over, not divided by weeks


class TestMaxDayLoad:
    """MaxDayLoad sums lengths on each day of each week."""

    def test_kept(self):
        """Twelve and twelve slots on one day are no more than twenty-four."""
        report = judged("MaxDayLoad", (24,), [MON_9, MON_10], required=True)
        assert report.feasible

    def test_days_and_weeks_apart(self):
        """Loads of different days or weeks do not add up."""
        apart = [MON_9._replace(weeks="1100"), MON_9._replace(weeks="0011"), TUE_9]
        assert judged("MaxDayLoad", (12,), apart, required=True).feasible

    def test_divided_once_at_the_end(self):
        """Penalty times all excess is averaged over the weeks, rounded down once."""
        # Mondays: 2 over in weeks 0 to 2, nothing in week 3: 6 slots in all.
        meetings = [MON_9, MON_10._replace(weeks="1110")]
        assert not judged("MaxDayLoad", (22,), meetings, required=True).feasible
        for penalty, cost in ((1, 1), (2, 3), (3, 4), (4, 6)):  # 6 x penalty // 4
            report = judged(
                "MaxDayLoad", (22,), meetings, required=False, penalty=penalty
            )
            assert report.distribution == cost

    def test_overlapping_classes_both_count(self):
        """Two classes at once are twice the load."""
        report = judged("MaxDayLoad", (12,), [MON_9, MON_9], required=False)
        assert report.distribution == 12  # 12 over in each of 4 weeks, by 4


class TestMaxBreaks:
    """MaxBreaks counts the breaks of each day of each week."""

    def test_a_gap_of_just_the_bound_is_no_break(self):
        """Up to S free slots join two classes; one more makes a break."""
        near = [MON_9, Meets("1000000", 123, 12)]
        far = [MON_9, Meets("1000000", 124, 12)]
        assert judged("MaxBreaks", (0, 3), near, required=True).feasible
        report = judged("MaxBreaks", (0, 3), far, required=True)
        assert [v.classes for v in report.violations] == [("a", "b")]

    def test_allowed_breaks(self):
        """Three blocks are two breaks: one over the allowed one."""
        three = [MON_9, Meets("1000000", 150, 2), Meets("1000000", 180, 2)]
        assert judged("MaxBreaks", (2, 6), three, required=True).feasible
        report = judged("MaxBreaks", (1, 6), three, required=False, penalty=3)
        assert report.distribution == 3  # once in each of 4 weeks, by 4

    def test_one_more_class_can_mend(self):
        """A class that bridges the break makes the timetable better."""
        apart = [MON_9, Meets("1000000", 132, 12)]
        assert not judged("MaxBreaks", (0, 6), apart, required=True).feasible
        assert judged("MaxBreaks", (0, 6), [*apart, MON_10], required=True).feasible

    def test_weeks_are_looked_at_apart(self):
        """Classes of different weeks leave no break between them."""
        meetings = [
            MON_9._replace(weeks="1100"),
            Meets("1000000", 180, 12, "0011"),
        ]
        assert judged("MaxBreaks", (0, 6), meetings, required=True).feasible
        both = [MON_9, Meets("1000000", 180, 12, "0001")]
        report = judged("MaxBreaks", (0, 6), both, required=False, penalty=7)
        assert report.distribution == 1  # one week's break: 7 // 4

    def test_a_long_class_hides_a_gap(self):
        """The end of a block is its latest end, not that of the last to start."""
        meetings = [Meets("1000000", 100, 60), Meets("1000000", 104, 4), MON_10]
        late = Meets("1000000", 160, 12)
        report = judged("MaxBreaks", (0, 0), [*meetings, late], required=True)
        assert report.feasible


class TestMaxBlock:
    """MaxBlock looks for runs of two or more classes without a real break."""

    def test_just_as_long_as_allowed(self):
        """Two classes back to back of together M slots are fine, of more not."""
        two = [MON_9, MON_10]
        assert judged("MaxBlock", (24, 0), two, required=True).feasible
        assert not judged("MaxBlock", (23, 0), two, required=True).feasible

    def test_a_single_class_is_no_block(self):
        """One class, however long, is never too long a block."""
        assert judged("MaxBlock", (12, 0), [LONG_MON_9], required=True).feasible

    def test_a_break_ends_the_block(self):
        """More than S free slots cut a block; S are part of it."""
        gap_3 = [MON_9, Meets("1000000", 123, 12)]
        assert judged("MaxBlock", (26, 2), gap_3, required=True).feasible
        assert not judged("MaxBlock", (26, 3), gap_3, required=True).feasible

    def test_blocks_are_counted_and_averaged(self):
        """Each long block of each day and week counts; the division comes last."""
        meetings = [
            MON_9,
            MON_10,
            Meets("1000000", 200, 12, "1000"),
            Meets("1000000", 212, 12, "1100"),
        ]
        # Mornings in 4 weeks, the evening in week 0 only: 5 blocks.
        for penalty, cost in ((1, 1), (2, 2), (3, 3), (4, 5)):  # 5 x penalty // 4
            report = judged(
                "MaxBlock", (20, 0), meetings, required=False, penalty=penalty
            )
            assert report.distribution == cost

    def test_classes_that_start_together(self):
        """They are a block by the text of the rules, and exempt on request."""
        together = [LONG_MON_9, MON_9]
        assert not judged("MaxBlock", (20, 0), together, required=True).feasible
        exempt = judged(
            "MaxBlock", (20, 0), together, required=True, exempt_same_start=True
        )
        assert exempt.feasible
        with_a_third = [*together, Meets("1000000", 132, 2)]
        report = judged(
            "MaxBlock", (20, 0), with_a_third, required=True, exempt_same_start=True
        )
        assert not report.feasible
