"""How the budget of a timetable job is divided into coolings."""

from __future__ import annotations

import pytest

from collegium.workloads.lease_plan import Lease, LeasePlan, Score
from collegium.workloads.leases import counted, is_over, next_leases, resumed
from collegium.workloads.rounds import LAST_ROUND, ROUNDS
from fixtures.lease_plans import PROBLEM, after_pilots, come_back, sha


@pytest.mark.parametrize("solved_in", [None, 2, 3], ids=str)
def test_a_hard_problem_begins_anew_until_it_is_feasible(solved_in: int | None) -> None:
    """The last round goes on from what was feasible before it, else from nothing."""
    plan = LeasePlan(problem=PROBLEM, seconds=102)
    [(number, _)] = next_leases(plan, free_slots=1, elapsed_s=0)
    come_back(plan, number, (3, 100), run_s=2, elapsed_s=2)
    begins: dict[int, Lease] = {}
    elapsed_s = 2.0
    while not is_over(plan, elapsed_s=elapsed_s):
        [(number, lease)] = next_leases(plan, free_slots=1, elapsed_s=elapsed_s)
        begins.setdefault(plan.islands[0].round, lease)
        elapsed_s += lease.seconds or 0
        rank = (1, 90)
        if solved_in is not None and plan.islands[0].round >= solved_in:
            rank = (0, 100)
        come_back(plan, number, rank, elapsed_s=elapsed_s)
    last = begins[LAST_ROUND]
    if solved_in is not None and solved_in < LAST_ROUND:
        assert last.cool_from == pytest.approx(ROUNDS[LAST_ROUND][1])
        assert last.start is not None
    else:
        assert last.cool_from == pytest.approx(0, abs=1e-6)
        assert last.start is None


def test_islands_agree_on_how_the_last_round_begins() -> None:
    """What the first one has decided holds for the others, whatever was found since."""
    plan = LeasePlan(problem=PROBLEM, seconds=102)
    for number, _ in next_leases(plan, free_slots=2, elapsed_s=0):
        come_back(plan, number, (3, 100), run_s=2, elapsed_s=2)
    [(first, lease)] = next_leases(plan, free_slots=1, elapsed_s=50)
    assert lease.cool_from < 0.1
    come_back(plan, first, (0, 100), elapsed_s=51)
    late = next_leases(plan, free_slots=2, elapsed_s=52)
    for _, each in late:
        assert each.cool_from == pytest.approx((52 - 47) / 55, abs=0.01)


def test_the_incumbent_stands_in_for_what_islands_have_lost() -> None:
    """Another owner, who finds no blob of theirs, goes on from what was stored."""
    plan = after_pilots(102)
    counted(plan, 0, sha(99), Score(hard=0, total=100))
    resumed(plan, frozenset())
    plan.islands[0].best = plan.islands[0].claimed = None
    [(_, lease)] = next_leases(plan, free_slots=1, elapsed_s=50)
    assert lease.start == sha(99)
    assert lease.cool_from >= ROUNDS[LAST_ROUND][1]


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
