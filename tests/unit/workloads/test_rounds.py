"""How the budget of a timetable job is divided into coolings."""

from __future__ import annotations

import pytest

from collegium.workloads.lease_plan import Lease, LeasePlan, Score
from collegium.workloads.leases import counted, is_over, next_leases
from collegium.workloads.rounds import FIRST_ROUND_S, ROUNDS
from fixtures.lease_plans import PROBLEM, after_pilots, come_back, sha


def test_a_problem_that_no_pilot_solves_cools_once() -> None:
    """Rounds too short to become feasible would teach nothing."""
    plan = LeasePlan(problem=PROBLEM, seconds=102)
    [(number, _)] = next_leases(plan, free_slots=1, elapsed_s=0)
    come_back(plan, number, (3, 100), run_s=2, elapsed_s=2)
    [(number, lease)] = next_leases(plan, free_slots=1, elapsed_s=52)
    assert lease.cool_from == pytest.approx(0.5)
    assert plan.islands[0].round == 0


def test_a_hard_problem_with_much_time_has_something_to_show_early() -> None:
    """It cools for a minute first, and then from the best, hot, in all that is left."""
    plan = LeasePlan(problem=PROBLEM, seconds=602)
    [(number, _)] = next_leases(plan, free_slots=1, elapsed_s=0)
    come_back(plan, number, (3, 100), run_s=2, elapsed_s=2)
    counted(plan, 0, sha(99), Score(hard=3, total=100))
    elapsed_s, positions = 2.0, {0: [0.0], 1: [0.0]}
    while not is_over(plan, elapsed_s=elapsed_s):
        [(number, lease)] = next_leases(plan, free_slots=1, elapsed_s=elapsed_s)
        cooled = positions[plan.islands[0].round]
        assert lease.cool_from == pytest.approx(cooled[-1], abs=1e-6)
        cooled.append(lease.cool_to)
        elapsed_s += lease.seconds or 0
        if cooled[-1] == 1 and plan.islands[0].round == 0:
            assert elapsed_s == pytest.approx(2 + FIRST_ROUND_S)
        come_back(plan, number, (0, 100), elapsed_s=elapsed_s)
    assert positions[0][-1] == positions[1][-1] == pytest.approx(1.0)


def test_rounds_cool_anew_and_the_last_one_starts_from_the_best() -> None:
    """Every round begins hot without raised weights; the last one half hot."""
    plan = after_pilots(102)
    begins: dict[int, Lease] = {}
    elapsed_s = 2.0
    while not is_over(plan, elapsed_s=elapsed_s):
        [(number, lease)] = next_leases(plan, free_slots=1, elapsed_s=elapsed_s)
        begins.setdefault(plan.islands[0].round, lease)
        assert lease.cool_from < lease.cool_to
        elapsed_s += lease.seconds or 0
        rank = (0, 1) if number == 1 else (0, 100 + number)
        come_back(plan, number, rank, elapsed_s=elapsed_s, weights={1: 900})
    assert [lease.cool_from for lease in begins.values()] == pytest.approx(
        [hottest for _, hottest in ROUNDS], abs=1e-6
    )
    assert [lease.weights for lease in begins.values()] == [{}] * len(ROUNDS)
    # The pilot's walk, then new beginnings, then the best.
    assert [lease.start for lease in begins.values()] == (
        [sha(1)] + [None] * (len(ROUNDS) - 2) + [sha(2)]
    )
