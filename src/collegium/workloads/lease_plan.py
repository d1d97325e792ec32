"""What a timetable job knows of itself: its islands, its incumbent, what is out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from collegium.timetabling.cooling import LEVELS

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Method = Literal["pilot", "anneal", "lns"]
Shares = Annotated[
    list[Annotated[float, Field(ge=0, allow_inf_nan=False)]], Field(max_length=LEVELS)
]
Weights = Annotated[dict[int, int], Field(max_length=100_000)]


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
    shares, weights : how long the cooling stays at which temperature, and what
        constraints weigh at the start, as earlier leases returned them.
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
    shares: Shares = []
    weights: Weights = {}
    cool_from: float = Field(default=0.0, ge=0, le=1)
    cool_to: float = Field(default=1.0, ge=0, le=1)
    to_beat: tuple[int, int] | None = None


class LeaseResult(BaseModel):
    """The output of one lease.

    Parameters
    ----------
    walk : the state in which the search ended, packed.
    best, score : the best solution met, when it ranks before ``to_beat``; None for
        ``best`` when it is the walk itself.
    iterations, moves : trials of the search, and placements it evaluated for them.
    shares, weights : of a pilot, how long a cooling should stay where; what broken
        constraints weigh in the end.
    search_s, seconds : of the search alone, and of everything.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    walk: str
    walk_rank: tuple[int, int]
    best: str | None = None
    score: Score | None = None
    iterations: int = Field(ge=0)
    moves: int = Field(ge=0)
    shares: Shares = []
    weights: Weights = {}
    search_s: float = Field(ge=0)
    seconds: float = Field(ge=0)


class Island(BaseModel):
    """One annealing.

    Parameters
    ----------
    walk : blob of the state in which the last lease ended; weights : of its
        constraints.
    method : how it is being improved; round : which of ROUNDS it is in.
    reached : share of what follows the pilot that it has done.
    claimed, best : rank of its best, as its workers say it, and the blob of it.
    """

    id: int
    walk: Sha256 | None = None
    walk_rank: tuple[int, int] | None = None
    weights: Weights = {}
    method: Method = "anneal"
    round: int = 0
    claimed: tuple[int, int] | None = None
    best: Sha256 | None = None
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
    shares : how long the cooling stays where; None until a pilot is back.
    piloted_s : seconds until then.
    is_hard : whether the last round began without a feasible timetable.
    waited_s : seconds before the first lease ran; they do not count.
    overhead_s : what a lease costs beside its search, a moving average.
    """

    model_config = ConfigDict(extra="forbid")

    problem: Sha256
    seconds: float | None = Field(default=None, gt=0)
    iterations: int | None = Field(default=None, gt=0)
    seed: int = 0
    target: int = 0
    shares: Shares | None = None
    piloted_s: float = 0.0
    is_hard: bool = False
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
