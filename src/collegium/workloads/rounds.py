"""How the budget of a timetable job is divided: a pilot, then rounds of cooling."""

from __future__ import annotations

from collegium.workloads.lease_plan import Island, LeasePlan

PILOT_SHARE, LONGEST_PILOT_S = 0.08, 10.0
"""What the pilot takes of the budget, and at most."""
ROUNDS = ((0.15, 0.0), (0.3, 0.0), (0.45, 0.0), (1.0, 0.4))
"""Of each round the end, as a share after the pilot, and where it cools from; the last
one from 0 as well when none before it has found anything feasible."""
LAST_ROUND = len(ROUNDS) - 1
SHORTEST_LEASE_S, LONGEST_LEASE_S = 2.0, 10.0
LEASES_AT_LEAST = 12
"""A short budget is cut into about as many leases, so that islands can meet."""
LEASES_BY_ITERATIONS = 20
OVERHEAD_SHARE = 0.04
"""A lease is made longer until what surrounds the search costs at most this share."""


def lease_s(plan: LeasePlan, *, spent_s: float) -> float:
    """Return how many seconds the next lease takes.

    Long enough that the transport around it costs little, short enough that a lost
    one hurts little; the last one takes all that is left rather than leave a stump.
    """
    budget_s = plan.seconds or 0.0
    if plan.shares is None:
        return min(PILOT_SHARE * budget_s, LONGEST_PILOT_S, budget_s - spent_s)
    wanted_s = max(SHORTEST_LEASE_S, plan.overhead_s / OVERHEAD_SHARE)
    wanted_s = min(wanted_s, LONGEST_LEASE_S, budget_s / LEASES_AT_LEAST)
    share = share_done(plan, spent_s)
    end = ROUNDS[round_of(share)][0]
    left_s = (end - share) * (budget_s - plan.piloted_s)
    return left_s if left_s <= 1.5 * wanted_s else wanted_s


def lease_iterations(plan: LeasePlan, island: Island) -> tuple[int, float]:
    """Return how many iterations come next, and the share reached after them."""
    total = plan.iterations or 0
    pilot = max(1, round(PILOT_SHARE * total))
    if plan.shares is None:
        return pilot, 0.0
    total = max(0, total - pilot)
    step = round(island.reached * LEASES_BY_ITERATIONS)
    begin = total * step // LEASES_BY_ITERATIONS
    end = total * (step + 1) // LEASES_BY_ITERATIONS
    return max(1, end - begin), (step + 1) / LEASES_BY_ITERATIONS


def share_done(plan: LeasePlan, spent_s: float) -> float:
    """Return how much of what follows the pilot is over after so many seconds."""
    if plan.shares is None or plan.seconds is None:
        return 0.0
    left_s = plan.seconds - plan.piloted_s
    return (
        min(1.0, max(0.0, (spent_s - plan.piloted_s) / left_s)) if left_s > 0 else 1.0
    )


def round_of(share: float) -> int:
    """Return the number of the round that is under way after this share."""
    return sum(share > end - 1e-9 for end, _ in ROUNDS[:-1])


def position(plan: LeasePlan, round_: int, share: float) -> float:
    """Return how far the cooling of a round is, in [0, 1]."""
    begin = ROUNDS[round_ - 1][0] if round_ > 0 else 0.0
    end, hottest = ROUNDS[round_]
    if plan.is_hard:
        hottest = 0.0
    done = min(1.0, max(0.0, (share - begin) / (end - begin)))
    return hottest + (1 - hottest) * done
