"""The islands of a timetable job: where each begins a cooling, and what it adopts."""

from __future__ import annotations

from collegium.workloads.lease_plan import Island, LeasePlan
from collegium.workloads.rounds import LAST_ROUND

EXCHANGES = (0.6, 0.75, 0.9)
"""Positions of the last cooling at which the worse half adopts the best walk."""
FINISHING = 0.9
"""Position from which on islands that are behind improve the incumbent exactly."""


def idle_island(plan: LeasePlan) -> Island | None:
    """Return the best island that nobody works on, or a new one."""
    busy = {flight.island for flight in plan.flights}
    idle = [i for i in plan.islands if i.id not in busy and i.reached < 1]
    if idle:
        return min(idle, key=lambda i: (i.walk_rank or (2**62, 0), i.id))
    if plan.iterations and any(i.reached >= 1 for i in plan.islands):
        return None
    return _new_island(plan)


def _new_island(plan: LeasePlan) -> Island:
    """Add an island; a late one joins the others where they are by now."""
    island = Island(id=len(plan.islands))
    if plan.islands:
        ahead = max(plan.islands, key=lambda i: i.reached)
        island.reached, island.iterations = ahead.reached, ahead.iterations
        island.exchanges, island.round = ahead.exchanges, ahead.round
    if plan.shares is not None:
        restart_from_incumbent(plan, island)
    plan.islands.append(island)
    return island


def enter(plan: LeasePlan, island: Island, round_: int) -> None:
    """Begin a new cooling when a round has ended; the last one with the best.

    The others begin with nothing: what the round before has settled, heating alone does
    not undo. So does the last one as long as nothing is feasible.
    """
    if round_ <= island.round:
        return
    best = _best_claimed(plan)
    if round_ == LAST_ROUND and all(i.round < LAST_ROUND for i in plan.islands):
        plan.is_hard = best is None or best[0][0] > 0
    island.round = round_
    island.weights = {}
    island.walk = island.walk_rank = None
    if round_ == LAST_ROUND and not plan.is_hard and best is not None:
        island.walk_rank, island.walk = best


def _best_claimed(plan: LeasePlan) -> tuple[tuple[int, int], str] | None:
    """Return rank and blob of the best that the islands have found.

    Not the incumbent unless theirs are lost: when that has been checked is a matter of
    time, and a budget in iterations shall give the same whenever it is spent.
    """
    found = [
        (i.claimed, i.id, i.best)
        for i in plan.islands
        if i.claimed is not None and i.best is not None
    ]
    if found:
        rank, _, blob = min(found)
        return rank, blob
    if plan.incumbent is not None:
        return plan.incumbent.score.rank, plan.incumbent.solution
    return None


def meet(plan: LeasePlan, island: Island, cooled: float) -> None:
    """Let one of the worse half adopt what is best where islands meet."""
    if island.method == "lns":
        _follow_incumbent(plan, island)
        return
    is_last_round = island.round == LAST_ROUND
    passed = sum(cooled >= point for point in EXCHANGES) if is_last_round else 0
    if passed <= island.exchanges:
        return
    island.exchanges = passed
    others = [i for i in plan.islands if i.walk_rank is not None]
    if island.walk_rank is None:
        return
    others.sort(key=lambda i: (i.walk_rank or (0, 0), i.id))
    is_behind = others.index(island) > (len(others) - 1) // 2
    best = plan.incumbent
    is_last = cooled >= FINISHING and plan.seconds is not None
    is_stuck = len(others) == 1 and best is not None and best.score.hard > 0
    if is_last and best is not None and (is_behind or is_stuck):
        restart_from_incumbent(plan, island)
        island.method = "lns"
    elif is_behind and others[0].walk_rank != island.walk_rank:
        island.walk, island.walk_rank = others[0].walk, others[0].walk_rank
        island.weights = others[0].weights


def _follow_incumbent(plan: LeasePlan, island: Island) -> None:
    best = plan.incumbent
    if best is not None and best.score.rank < (island.walk_rank or (2**62, 0)):
        restart_from_incumbent(plan, island)


def restart_from_incumbent(plan: LeasePlan, island: Island) -> None:
    """Put an island where the incumbent is, or at the beginning when there is none."""
    best = plan.incumbent
    island.walk = best.solution if best else None
    island.walk_rank = best.score.rank if best else None
    island.best, island.claimed = island.walk, island.walk_rank
