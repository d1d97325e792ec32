"""Which lease a timetable job hands out next: the whole policy, and nothing else.

A job is a handful of islands, one for each slot that it has had at once. An island is
one simulated annealing whose cooling spans the whole budget: every lease goes on from
the state in which the one before left it, at the temperature that the elapsed share of
the budget says. Islands meet at a few points of the budget, where the worse half goes
on from the incumbent. A slot that appears late gets an island that starts there too.

State without input or output: time is passed in, chance comes from the job's seed, so
that every decision can be replayed.
"""

from __future__ import annotations

from typing import Annotated, Literal
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Method = Literal["anneal"]

EXCHANGES = (0.5, 0.7, 0.85, 0.95)
"""Shares of the budget at which the worse half of the islands adopts the incumbent."""
FIRST_LEASE_S = 1.0
SHORTEST_LEASE_S, LONGEST_LEASE_S = 2.0, 10.0
LEASES_AT_LEAST = 12
"""A short budget is cut into about as many leases, so that islands can meet."""
LEASES_BY_ITERATIONS = 20
OVERHEAD_SHARE = 0.04
"""A lease is made longer until what surrounds the search costs at most this share."""
START_S = 600.0
"""How long a job may wait for its first lease to run before its budget begins."""
LAST_MOMENT_S = 0.2
"""Less than this is not worth a lease."""


class Score(BaseModel):
    """What a timetable costs: raw criteria, weighted total, hard violations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hard: int = Field(ge=0)
    total: int = Field(ge=0)
    time: int = Field(default=0, ge=0)
    room: int = Field(default=0, ge=0)
    distribution: int = Field(default=0, ge=0)
    student: int = Field(default=0, ge=0)

    @property
    def rank(self) -> tuple[int, int]:
        """Smaller is better: first feasibility, then the total."""
        return (self.hard, self.total)


class Lease(BaseModel):
    """The input of one task: improve this start for so long.

    Parameters
    ----------
    problem, start : hashes of blobs; no start means to build one.
    seconds, iterations : how long; exactly one of them is given.
    cool_from, cool_to : position within the cooling of the whole job, 0 is hot and
        1 is cold, 0 <= cool_from <= cool_to <= 1.
    to_beat : only a solution that ranks before this is worth sending back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    problem: Sha256
    start: Sha256 | None = None
    seed: int = Field(default=0, ge=0, lt=2**32)
    seconds: float | None = Field(default=None, gt=0, le=3600)
    iterations: int | None = Field(default=None, gt=0)
    method: Method = "anneal"
    cool_from: float = Field(default=0.0, ge=0, le=1)
    cool_to: float = Field(default=1.0, ge=0, le=1)
    to_beat: tuple[int, int] | None = None


class Island(BaseModel):
    """One annealing.

    Parameters
    ----------
    walk : blob of the state in which the last lease ended.
    reached : share of the budget up to which it has been cooled.
    claimed : rank of its best, as its workers say it.
    """

    id: int
    walk: Sha256 | None = None
    walk_rank: tuple[int, int] | None = None
    claimed: tuple[int, int] | None = None
    reached: float = 0.0
    leases: int = 0
    iterations: int = 0
    exchanges: int = 0


class Incumbent(BaseModel):
    """The best solution that the independent check has counted."""

    solution: Sha256
    score: Score
    lease: int


class InFlight(BaseModel):
    """A lease that has been handed out and not come back."""

    number: int
    island: int
    until: float


class LeasePlan(BaseModel):
    """The state of one timetable job; exactly one of the two budgets is given.

    Parameters
    ----------
    iterations : of each island, not of all together.
    target : a feasible total at or below it ends the job early.
    waited_s : seconds before the first lease ran; they do not count.
    overhead_s : what a lease costs beside its search, a moving average.
    """

    model_config = ConfigDict(extra="forbid")

    problem: Sha256
    seconds: float | None = Field(default=None, gt=0)
    iterations: int | None = Field(default=None, gt=0)
    seed: int = 0
    target: int = 0
    islands: list[Island] = []
    flights: list[InFlight] = []
    incumbent: Incumbent | None = None
    handed_out: int = 0
    returned: int = 0
    lost: int = 0
    refused: int = 0
    iterations_done: int = 0
    moves: int = 0
    search_s: float = 0.0
    overhead_s: float = 0.05
    waited_s: float = 0.0


def next_leases(
    plan: LeasePlan, *, free_slots: int, elapsed_s: float
) -> list[tuple[int, Lease]]:
    """Hand out up to ``free_slots`` numbered leases; the plan remembers them."""
    leases: list[tuple[int, Lease]] = []
    while len(leases) < free_slots and not is_over(plan, elapsed_s=elapsed_s):
        island = _idle_island(plan)
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
        return plan.seconds - _spent_s(plan, elapsed_s) < LAST_MOMENT_S
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
    island.reached = max(island.reached, flight.until)
    island.iterations += iterations
    if claimed is not None and (island.claimed is None or claimed < island.claimed):
        island.claimed = claimed
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
            _restart_from_incumbent(plan, plan.islands[flight.island])


def counted(plan: LeasePlan, number: int, solution: str, score: Score) -> bool:
    """Count a checked solution; tell whether it is the new incumbent."""
    if plan.incumbent is not None and score.rank >= plan.incumbent.score.rank:
        return False
    plan.incumbent = Incumbent(solution=solution, score=score, lease=number)
    return True


def refused(plan: LeasePlan, walk: str) -> None:
    """Forget what came with a claim that the check did not confirm."""
    plan.refused += 1
    for island in plan.islands:
        if island.walk == walk:
            _restart_from_incumbent(plan, island)


def resumed(plan: LeasePlan, blobs: frozenset[str]) -> None:
    """Prepare for another owner: nothing is in flight, only ``blobs`` are left."""
    plan.lost += len(plan.flights)
    plan.flights.clear()
    for island in plan.islands:
        if island.walk not in blobs:
            _restart_from_incumbent(plan, island)


def lease_s(plan: LeasePlan, *, spent_s: float, is_first: bool) -> float:
    """Return how many seconds the next lease takes.

    Long enough that the transport around it costs little, short enough that a lost
    one hurts little; the last one takes all that is left rather than leave a stump.
    """
    budget_s = plan.seconds or 0.0
    wanted_s = max(SHORTEST_LEASE_S, plan.overhead_s / OVERHEAD_SHARE)
    wanted_s = min(wanted_s, LONGEST_LEASE_S, budget_s / LEASES_AT_LEAST)
    if is_first:
        wanted_s = min(wanted_s, FIRST_LEASE_S)
    left_s = budget_s - spent_s
    return left_s if left_s <= 1.5 * wanted_s else wanted_s


def _spent_s(plan: LeasePlan, elapsed_s: float) -> float:
    """Return how much of the budget is spent: nothing before the first lease ran."""
    if plan.returned == 0:
        return max(0.0, elapsed_s - START_S)
    return max(0.0, elapsed_s - plan.waited_s)


def _idle_island(plan: LeasePlan) -> Island | None:
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
        island.exchanges = ahead.exchanges
    if island.reached > 0:
        _restart_from_incumbent(plan, island)
    plan.islands.append(island)
    return island


def _lease(plan: LeasePlan, island: Island, spent_s: float) -> tuple[int, Lease]:
    seconds: float | None = None
    iterations: int | None = None
    if plan.seconds is not None:
        seconds = lease_s(plan, spent_s=spent_s, is_first=island.leases == 0)
        begin = min(1.0, spent_s / plan.seconds)
        until = min(1.0, (spent_s + seconds) / plan.seconds)
    else:
        begin = island.reached
        iterations, until = _iterations(plan, island)
    _meet(plan, island, begin)
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
        cool_from=begin,
        cool_to=until,
        to_beat=island.claimed,
    )


def _iterations(plan: LeasePlan, island: Island) -> tuple[int, float]:
    """Return how many iterations come next, and the share reached after them."""
    total = plan.iterations or 0
    step = round(island.reached * LEASES_BY_ITERATIONS)
    begin = total * step // LEASES_BY_ITERATIONS
    end = total * (step + 1) // LEASES_BY_ITERATIONS
    return max(1, end - begin), (step + 1) / LEASES_BY_ITERATIONS


def _meet(plan: LeasePlan, island: Island, position: float) -> None:
    """Let one of the worse half adopt the incumbent where islands meet."""
    passed = sum(position >= point for point in EXCHANGES)
    if passed <= island.exchanges:
        return
    island.exchanges = passed
    ranks = sorted(i.walk_rank for i in plan.islands if i.walk_rank is not None)
    if island.walk_rank is None or plan.incumbent is None or len(ranks) < 2:
        return
    is_worse_half = island.walk_rank > ranks[(len(ranks) - 1) // 2]
    if is_worse_half and plan.incumbent.score.rank < island.walk_rank:
        _restart_from_incumbent(plan, island)


def _restart_from_incumbent(plan: LeasePlan, island: Island) -> None:
    best = plan.incumbent
    island.walk = best.solution if best else None
    island.walk_rank = best.score.rank if best else None
    island.claimed = best.score.rank if best else None


def _landed(plan: LeasePlan, number: int) -> InFlight | None:
    for index, flight in enumerate(plan.flights):
        if flight.number == number:
            return plan.flights.pop(index)
    return None
