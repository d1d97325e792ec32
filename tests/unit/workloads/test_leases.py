from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.workloads.islands import EXCHANGES, FINISHING
from collegium.workloads.lease_plan import LeasePlan, Score
from collegium.workloads.leases import (
    OVERTIME_LEASE_S,
    OVERTIME_S,
    START_S,
    counted,
    is_over,
    lost,
    next_leases,
    refused,
    resumed,
)
from collegium.workloads.rounds import (
    LEASES_BY_ITERATIONS,
    PILOT_SHARE,
    lease_s,
)
from fixtures.lease_plans import PROBLEM, after_pilots, come_back, last_s, sha


def test_one_island_continues_its_own_walk_without_a_gap_in_the_cooling() -> None:
    """Leases of a round start where the last one ended, as hot as the clock says."""
    plan = LeasePlan(problem=PROBLEM, seconds=60)
    elapsed_s, leases = 0.0, []
    while not is_over(plan, elapsed_s=elapsed_s):
        [(number, lease)] = next_leases(plan, free_slots=1, elapsed_s=elapsed_s)
        leases.append(lease)
        assert lease.seconds is not None
        elapsed_s += lease.seconds
        assert come_back(
            plan, number, (0, 5000 - number), run_s=lease.seconds, elapsed_s=elapsed_s
        )
        counted(plan, number, sha(number + 1), Score(hard=0, total=5000 - number))
    assert leases[0].start is None
    assert leases[0].method == "pilot"
    assert leases[1].cool_from == 0
    assert leases[-1].cool_to == 1
    for number, (one, next_) in enumerate(pairwise(leases)):
        is_new_round = number > 0 and next_.cool_from < 1e-9
        assert next_.start == (None if is_new_round else sha(number + 1))
        assert next_.method == "anneal"
        if number > 0 and one.cool_to < 1 - 1e-9:
            assert abs(next_.cool_from - one.cool_to) < 1e-9
    assert sum(lease.seconds or 0 for lease in leases) > 59.5
    assert min(lease.seconds or 0 for lease in leases[1:]) >= 1


def test_every_free_slot_gets_an_island_of_its_own() -> None:
    """Three slots work on three annealings with different seeds, none twice."""
    plan = LeasePlan(problem=PROBLEM, seconds=60)
    leases = next_leases(plan, free_slots=3, elapsed_s=0)
    assert len({lease.seed for _, lease in leases}) == 3
    assert [f.island for f in plan.flights] == [0, 1, 2]
    assert [number for number, _ in leases] == [0, 1, 2]


def test_a_late_slot_starts_from_the_incumbent_at_the_present_temperature() -> None:
    """A worker that joins in the middle does not heat the solution up again."""
    plan = after_pilots(102)
    counted(plan, 0, sha(77), Score(hard=0, total=90))
    leases = next_leases(plan, free_slots=2, elapsed_s=42)
    late = leases[1][1]
    assert late.start == sha(77)
    assert late.cool_from == pytest.approx((0.4 - 0.3) / 0.15)
    assert late.to_beat == (0, 90)


def test_a_lost_lease_costs_its_seconds_only() -> None:
    """The island goes on from where the last returned lease left it."""
    plan = LeasePlan(problem=PROBLEM, seconds=60)
    [(first, _)] = next_leases(plan, free_slots=1, elapsed_s=0)
    come_back(plan, first, (1, 50))
    [(second, _)] = next_leases(plan, free_slots=1, elapsed_s=2)
    lost(plan, second)
    assert plan.lost == 1
    [(third, lease)] = next_leases(plan, free_slots=1, elapsed_s=6)
    assert third == second + 1
    assert lease.start == sha(first + 1)
    assert not come_back(plan, second, (0, 0)), "a late answer changes nothing"
    assert plan.islands[0].walk_rank == (1, 50)


def test_a_failed_lease_does_not_try_its_start_again() -> None:
    """A walk that no worker can read must not stop its island for good."""
    plan = LeasePlan(problem=PROBLEM, seconds=60)
    [(first, _)] = next_leases(plan, free_slots=1, elapsed_s=0)
    come_back(plan, first, (1, 50))
    [(second, _)] = next_leases(plan, free_slots=1, elapsed_s=2)
    lost(plan, second, failed=True)
    [(_, lease)] = next_leases(plan, free_slots=1, elapsed_s=3)
    assert lease.start is None


def test_the_worse_half_meets_the_incumbent_and_the_better_half_goes_on() -> None:
    """At a meeting point only islands behind the median adopt the best solution."""
    plan = after_pilots(102, slots=4)
    for number, _ in next_leases(plan, free_slots=4, elapsed_s=last_s(0.45)):
        come_back(plan, number, (0, 100 + number), weights={number: 500})
    before = [island.walk for island in plan.islands]
    next_leases(plan, free_slots=4, elapsed_s=last_s(EXCHANGES[0]) - 1)
    assert [island.walk for island in plan.islands] == before
    for flight in list(plan.flights):
        lost(plan, flight.number)
    leases = next_leases(plan, free_slots=4, elapsed_s=last_s(EXCHANGES[0]) + 1)
    after = [island.walk for island in plan.islands]
    assert after == [*before[:2], before[0], before[0]]
    assert sorted(str(lease.weights) for _, lease in leases) == [
        "{4: 500}",
        "{4: 500}",
        "{4: 500}",
        "{5: 500}",
    ]


def test_at_last_the_worse_half_improves_the_incumbent_exactly() -> None:
    """An annealing that is behind when it is cold will not win any more."""
    plan = after_pilots(102, slots=2)
    counted(plan, 0, sha(99), Score(hard=0, total=50))
    late_s = last_s(FINISHING) + 1
    leases = dict(next_leases(plan, free_slots=2, elapsed_s=late_s))
    assert {lease.method for lease in leases.values()} == {"anneal", "lns"}
    [exact] = [lease for lease in leases.values() if lease.method == "lns"]
    assert exact.start == sha(99)
    for number in leases:
        come_back(plan, number, (0, 50))
    counted(plan, 1, sha(98), Score(hard=0, total=49))
    again = next_leases(plan, free_slots=2, elapsed_s=late_s + 2)
    assert sha(98) in {le.start for _, le in again if le.method == "lns"}


def test_what_stays_broken_is_repaired_exactly_even_by_a_single_island() -> None:
    """When it is cold an annealing mends nothing any more."""
    plan = after_pilots(102)
    counted(plan, 0, sha(99), Score(hard=2, total=50))
    [(_, lease)] = next_leases(plan, free_slots=1, elapsed_s=last_s(FINISHING) + 1)
    assert (lease.method, lease.start) == ("lns", sha(99))
    plan = after_pilots(102)
    counted(plan, 0, sha(99), Score(hard=0, total=50))
    [(_, lease)] = next_leases(plan, free_slots=1, elapsed_s=last_s(FINISHING) + 1)
    assert lease.method == "anneal"


def test_islands_do_not_meet_twice_at_one_point() -> None:
    """An island that adopted the best walk goes on by itself until the next point."""
    plan = after_pilots(102, slots=2)
    for number, _ in next_leases(plan, free_slots=2, elapsed_s=last_s(0.45)):
        come_back(plan, number, (0, 100 + number))
    met_s = last_s(EXCHANGES[0]) + 1
    for number, _ in next_leases(plan, free_slots=2, elapsed_s=met_s):
        come_back(plan, number, (0, 200 + number))
    leases = next_leases(plan, free_slots=2, elapsed_s=met_s + 4)
    assert len({lease.start for _, lease in leases}) == 2


def test_who_restarts_from_the_incumbent_has_it_as_its_best() -> None:
    """Rank and timetable of a best belong together, or the last round starts wrong."""
    plan = after_pilots(102)
    counted(plan, 0, sha(77), Score(hard=0, total=1))
    [(number, _)] = next_leases(plan, free_slots=1, elapsed_s=3)
    lost(plan, number, failed=True)
    [(_, lease)] = next_leases(plan, free_slots=1, elapsed_s=last_s(0.45))
    assert (lease.start, lease.to_beat) == (sha(77), (0, 1))


def test_an_adopted_island_does_not_claim_what_is_gone() -> None:
    """A best whose blob died with the last coordinator is to be found again."""
    plan = after_pilots(102)
    counted(plan, 0, sha(77), Score(hard=0, total=500))
    [(number, _)] = next_leases(plan, free_slots=1, elapsed_s=3)
    come_back(plan, number, (0, 50))
    plan.islands[0].walk = sha(5)
    resumed(plan, frozenset({sha(5), sha(77)}))
    [(_, lease)] = next_leases(plan, free_slots=1, elapsed_s=6)
    assert (lease.start, lease.to_beat) == (sha(5), None)


def test_weights_go_from_lease_to_lease_but_not_from_the_pilot() -> None:
    """What stays broken keeps its weight; a new cooling begins without."""
    plan = LeasePlan(problem=PROBLEM, seconds=60)
    [(pilot, _)] = next_leases(plan, free_slots=1, elapsed_s=0)
    come_back(plan, pilot, (0, 9), weights={1: 5000})
    [(number, lease)] = next_leases(plan, free_slots=1, elapsed_s=2)
    assert lease.weights == {}
    assert lease.shares == [0.25, 0.75]
    come_back(plan, number, (1, 9), weights={3: 700})
    [(_, lease)] = next_leases(plan, free_slots=1, elapsed_s=4)
    assert lease.weights == {3: 700}


def test_only_a_better_solution_becomes_the_incumbent() -> None:
    """Feasibility counts before cost; an equal one changes nothing."""
    plan = LeasePlan(problem=PROBLEM, seconds=60)
    assert counted(plan, 0, sha(1), Score(hard=3, total=10))
    assert counted(plan, 1, sha(2), Score(hard=0, total=900))
    assert not counted(plan, 2, sha(3), Score(hard=1, total=0))
    assert not counted(plan, 3, sha(4), Score(hard=0, total=900))
    assert plan.incumbent is not None
    assert plan.incumbent.solution == sha(2)


def test_a_refused_claim_takes_its_walk_with_it() -> None:
    """What a worker lied about is not continued."""
    plan = LeasePlan(problem=PROBLEM, seconds=60)
    [(number, _)] = next_leases(plan, free_slots=1, elapsed_s=0)
    come_back(plan, number, (0, 0))
    refused(plan, sha(number + 1), sha(number + 1))
    [(_, lease)] = next_leases(plan, free_slots=1, elapsed_s=2)
    assert lease.start is None
    assert lease.to_beat is None
    assert plan.refused == 1


def test_an_adopted_plan_has_nothing_in_flight_and_names_only_known_blobs() -> None:
    """Walks that died with the last coordinator are replaced by the incumbent."""
    plan = LeasePlan(problem=PROBLEM, seconds=60)
    for number, _ in next_leases(plan, free_slots=2, elapsed_s=0):
        come_back(plan, number, (0, 10 + number))
    counted(plan, 0, sha(5), Score(hard=0, total=10))
    next_leases(plan, free_slots=2, elapsed_s=2)
    plan = LeasePlan.model_validate_json(plan.model_dump_json())
    resumed(plan, frozenset({sha(5), sha(2)}))
    assert not plan.flights
    assert [island.walk for island in plan.islands] == [sha(5), sha(2)]
    assert len(next_leases(plan, free_slots=2, elapsed_s=10)) == 2


def test_a_target_ends_the_job_early_but_only_when_feasible() -> None:
    """A total of 0 is the default target: nothing can be better."""
    plan = LeasePlan(problem=PROBLEM, seconds=60)
    counted(plan, 0, sha(1), Score(hard=1, total=0))
    assert not is_over(plan, elapsed_s=1)
    counted(plan, 0, sha(2), Score(hard=0, total=0))
    assert is_over(plan, elapsed_s=1)
    assert next_leases(plan, free_slots=1, elapsed_s=1) == []


def test_waiting_for_the_first_lease_to_run_does_not_use_up_the_budget() -> None:
    """A fleet that still compiles costs time, but not the job its result."""
    plan = LeasePlan(problem=PROBLEM, seconds=15)
    [(number, _)] = next_leases(plan, free_slots=1, elapsed_s=0)
    assert not is_over(plan, elapsed_s=100)
    come_back(plan, number, (0, 9), run_s=3, elapsed_s=100)
    counted(plan, number, sha(number + 1), Score(hard=0, total=9))
    [(_, lease)] = next_leases(plan, free_slots=1, elapsed_s=100)
    assert lease.cool_from == 0
    assert plan.piloted_s == 3
    assert not is_over(plan, elapsed_s=111)
    assert is_over(plan, elapsed_s=112)


def test_a_job_with_nothing_to_show_goes_on_for_a_while() -> None:
    """All that came back was false: new beginnings, until one counts or time is up."""
    plan = LeasePlan(problem=PROBLEM, seconds=4)
    [(number, _)] = next_leases(plan, free_slots=1, elapsed_s=0)
    come_back(plan, number, (0, 0), run_s=0.3, elapsed_s=0.3)
    refused(plan, sha(number + 1), sha(number + 1))
    assert not is_over(plan, elapsed_s=5)
    [(number, lease)] = next_leases(plan, free_slots=1, elapsed_s=5)
    assert (lease.method, lease.start) == ("pilot", None)
    assert lease.seconds == OVERTIME_LEASE_S
    assert (lease.cool_from, lease.cool_to) == (0, 1)
    assert is_over(plan, elapsed_s=5 + OVERTIME_S)
    come_back(plan, number, (0, 7), run_s=3, elapsed_s=8)
    counted(plan, number, sha(number + 1), Score(hard=0, total=7))
    assert is_over(plan, elapsed_s=8)


def test_waiting_for_the_first_lease_has_an_end() -> None:
    """A job whose leases never run ends all the same."""
    plan = LeasePlan(problem=PROBLEM, seconds=15)
    assert is_over(plan, elapsed_s=START_S + 15)


def test_a_budget_of_iterations_is_used_up_to_the_last_one() -> None:
    """The leases of an island add up to the budget, independent of any clock."""
    plan = LeasePlan(problem=PROBLEM, iterations=100_003)
    done, numbers, first = 0, 0, 0
    while leases := next_leases(plan, free_slots=1, elapsed_s=1e9):
        [(number, lease)] = leases
        assert lease.seconds is None
        done += lease.iterations or 0
        first = first or done
        numbers += 1
        come_back(plan, number, (0, 1))
    assert done == 100_003
    assert numbers == LEASES_BY_ITERATIONS + 1
    assert first == round(100_003 * PILOT_SHARE)
    assert is_over(plan, elapsed_s=0)


def test_costly_surroundings_make_leases_longer() -> None:
    """A slow link or a slow check is not paid every two seconds."""
    plan = after_pilots(600)
    quick_s = lease_s(plan, spent_s=100)
    for elapsed_s in range(100, 140, 4):
        [(number, _)] = next_leases(plan, free_slots=1, elapsed_s=elapsed_s)
        come_back(plan, number, (0, 1000), run_s=2.3)
    assert lease_s(plan, spent_s=150) > quick_s


@given(
    seconds=st.floats(1, 4000),
    slots=st.integers(1, 9),
    fates=st.lists(
        st.tuples(st.booleans(), st.integers(0, 3), st.floats(0, 9)), max_size=60
    ),
)
def test_whatever_happens_leases_stay_within_the_budget(
    seconds: float, slots: int, fates: list[tuple[bool, int, float]]
) -> None:
    """No slot is used twice, no lease passes the budget, positions only grow."""
    plan = LeasePlan(problem=PROBLEM, seconds=seconds)
    elapsed_s, reached = 0.0, dict.fromkeys(range(99), (0, 0.0))
    for returns, which, waited_s in fates:
        free = slots - len(plan.flights)
        for number, lease in next_leases(plan, free_slots=free, elapsed_s=elapsed_s):
            island = _island(plan, number)
            assert lease.seconds is not None
            spent_s = elapsed_s - plan.waited_s if plan.returned else 0.0
            assert spent_s + lease.seconds <= seconds * 1.000001
            assert lease.cool_from <= lease.cool_to
            reached_now = (plan.islands[island].round, lease.cool_from)
            if lease.method != "pilot":
                assert reached_now >= reached[island]
                reached[island] = reached_now
        busy = [f.island for f in plan.flights]
        assert len(busy) == len(set(busy)) <= slots
        if plan.flights:
            number = plan.flights[which % len(plan.flights)].number
            if returns:
                come_back(plan, number, (which, 10))
                counted(plan, number, sha(number + 1), Score(hard=which, total=10))
            else:
                lost(plan, number)
        elapsed_s += waited_s


def _island(plan: LeasePlan, number: int) -> int:
    return next(f.island for f in plan.flights if f.number == number)
