"""Which lease a timetable job hands out next: the whole policy, and nothing else.

A job is a handful of islands, one for each slot that it has had at once. An island is
one simulated annealing: every lease goes on from the state in which the one before
left it, with the weights that its constraints had there, at the temperature that the
elapsed share of the budget says. The first leases are pilots, short coolings that
already give a timetable and tell at which temperatures the next ones should stay.
Then come some rounds of cooling from hot to cold, each from a new beginning, because
what is settled while it is hot differs from run to run by more than a longer run would
gain. The last and longest one begins with the best of all islands, half hot; while
nothing is feasible, it begins anew as well. In the last round islands meet at a few
points, where the worse half goes on from where the best one stands, and at
last improves the incumbent part by part, exactly. A slot that appears late gets an
island that starts from the incumbent. A job that has nothing to show at its end goes on
with pilots.

State without input or output: time is passed in, chance comes from the job's seed, so
that every decision can be replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

from collegium.workloads.islands import (
    enter,
    idle_island,
    meet,
    restart_from_incumbent,
)
from collegium.workloads.lease_plan import (
    Incumbent,
    InFlight,
    Island,
    Lease,
    LeasePlan,
    Score,
)
from collegium.workloads.rounds import (
    lease_iterations,
    lease_s,
    position,
    round_of,
    share_done,
)

START_S = 600.0
"""How long a job may wait for its first lease to run before its budget begins."""
LAST_MOMENT_S = 0.2
"""Less than this is not worth a lease."""
OVERTIME_S = 60.0
"""How much longer a job goes on that has nothing to show, since all that came back was
lost, late or false."""
OVERTIME_LEASE_S = 3.0


def next_leases(
    plan: LeasePlan, *, free_slots: int, elapsed_s: float
) -> list[tuple[int, Lease]]:
    """Hand out up to ``free_slots`` numbered leases; the plan remembers them."""
    leases: list[tuple[int, Lease]] = []
    while len(leases) < free_slots and not is_over(plan, elapsed_s=elapsed_s):
        island = idle_island(plan)
        if island is None:
            break
        leases.append(_lease(plan, island, _spent_s(plan, elapsed_s)))
    return leases


def is_over(plan: LeasePlan, *, elapsed_s: float) -> bool:
    """Tell whether no further lease will be handed out."""
    best = plan.incumbent
    if best is not None and best.score.hard == 0 and best.score.total <= plan.target:
        return True
    if plan.seconds is not None:
        left_s = plan.seconds - _spent_s(plan, elapsed_s)
        if best is None and plan.returned:
            left_s += OVERTIME_S
        return left_s < LAST_MOMENT_S
    return bool(plan.islands) and all(i.reached >= 1 for i in plan.islands)


def walked(
    plan: LeasePlan,
    number: int,
    *,
    walk: str,
    walk_rank: tuple[int, int],
    claimed: tuple[int, int] | None,
    iterations: int,
    moves: int,
    search_s: float,
    run_s: float,
    elapsed_s: float,
    best: str | None = None,
    shares: Sequence[float] = (),
    weights: Mapping[int, int] | None = None,
) -> bool:
    """Note where a lease ended; False when the plan does not know that lease.

    Parameters
    ----------
    run_s : seconds of the run with all that it read, prepared and wrote.
    """
    flight = _landed(plan, number)
    if flight is None:
        return False
    if plan.returned == 0:
        plan.waited_s = max(0.0, elapsed_s - run_s)
    island = plan.islands[flight.island]
    island.walk, island.walk_rank = walk, walk_rank
    if plan.shares is None:
        plan.shares = list(shares)
        plan.piloted_s = min(run_s, (plan.seconds or 0.0) / 2)
    else:
        island.weights = dict(weights or {})
    island.reached = max(island.reached, flight.until)
    island.iterations += iterations
    if claimed is not None and (island.claimed is None or claimed < island.claimed):
        island.claimed, island.best = claimed, best
    plan.returned += 1
    plan.iterations_done += iterations
    plan.moves += moves
    plan.search_s += search_s
    if island.leases > 1:  # the first one reads and prepares the problem
        plan.overhead_s += 0.25 * (max(run_s - search_s, 0.0) - plan.overhead_s)
    return True


def lost(plan: LeasePlan, number: int, *, failed: bool = False) -> None:
    """Take a lease back that will not return: its island goes on from before it.

    When the lease failed and would fail anywhere, its start is to blame.
    """
    flight = _landed(plan, number)
    if flight is not None:
        plan.lost += 1
        if failed:
            restart_from_incumbent(plan, plan.islands[flight.island])


def counted(plan: LeasePlan, number: int, solution: str, score: Score) -> bool:
    """Count a checked solution; tell whether it is the new incumbent."""
    if plan.incumbent is not None and score.rank >= plan.incumbent.score.rank:
        return False
    plan.incumbent = Incumbent(solution=solution, score=score, lease=number)
    return True


def refused(plan: LeasePlan, walk: str, solution: str) -> None:
    """Forget what came with a claim that the check did not confirm."""
    plan.refused += 1
    for island in plan.islands:
        if island.best == solution:
            island.best = island.claimed = None
        if island.walk == walk:
            restart_from_incumbent(plan, island)


def resumed(plan: LeasePlan, blobs: frozenset[str]) -> None:
    """Prepare for another owner: nothing is in flight, only ``blobs`` are left."""
    plan.lost += len(plan.flights)
    plan.flights.clear()
    for island in plan.islands:
        if island.best not in blobs:
            island.best = island.claimed = None
        if island.walk not in blobs:
            restart_from_incumbent(plan, island)


def _spent_s(plan: LeasePlan, elapsed_s: float) -> float:
    """Return how much of the budget is spent: nothing before the first lease ran."""
    if plan.returned == 0:
        return max(0.0, elapsed_s - START_S)
    return max(0.0, elapsed_s - plan.waited_s)


def _lease(plan: LeasePlan, island: Island, spent_s: float) -> tuple[int, Lease]:
    seconds: float | None = None
    iterations: int | None = None
    is_late = plan.seconds is not None and plan.seconds - spent_s < LAST_MOMENT_S
    if is_late:
        seconds, begin, until = OVERTIME_LEASE_S, 1.0, 1.0
    elif plan.seconds is not None:
        seconds = lease_s(plan, spent_s=spent_s)
        begin = share_done(plan, spent_s)
        until = share_done(plan, spent_s + seconds)
    else:
        begin = island.reached
        iterations, until = lease_iterations(plan, island)
    is_pilot = is_late or plan.shares is None
    round_ = round_of(begin)
    if not is_pilot:
        enter(plan, island, round_)
        meet(plan, island, position(plan, round_, begin))
    number = plan.handed_out
    plan.handed_out += 1
    island.leases += 1
    plan.flights.append(InFlight(number=number, island=island.id, until=until))
    return number, Lease(
        problem=plan.problem,
        start=island.walk,
        seed=crc32(f"{plan.seed}/{island.id}/{island.leases}".encode()),
        seconds=seconds,
        iterations=iterations,
        method="pilot" if is_pilot else island.method,
        shares=plan.shares or [],
        weights=island.weights,
        cool_from=0.0 if is_pilot else position(plan, round_, begin),
        cool_to=1.0 if is_pilot else position(plan, round_, until),
        to_beat=island.claimed,
    )


def _landed(plan: LeasePlan, number: int) -> InFlight | None:
    for index, flight in enumerate(plan.flights):
        if flight.number == number:
            return plan.flights.pop(index)
    return None
