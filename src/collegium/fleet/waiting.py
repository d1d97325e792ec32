"""Tasks that wait for a slot: bounded, and taken in turn from each share."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

from collegium.fleet.members import Demand, Member


class Waiter:
    """A task in the queue.

    Parameters
    ----------
    demand : what it needs.
    share : whose turn it takes.
    placed : gets the member that the task goes to.
    since_s : when it began to wait, by a monotonic clock.
    """

    __slots__ = ("demand", "placed", "share", "since_s")

    def __init__(
        self,
        demand: Demand,
        share: str,
        placed: asyncio.Future[Member],
        since_s: float = 0.0,
    ) -> None:
        self.demand = demand
        self.share = share
        self.placed = placed
        self.since_s = since_s


class FairQueue:
    """First come, first served within a share; the shares take turns.

    Parameters
    ----------
    limit : number of waiting tasks from which on no more are accepted.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._shares: OrderedDict[str, deque[Waiter]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def has_room(self) -> bool:
        """Whether another task may wait."""
        return self._count < self._limit

    def age_s(self, now_s: float) -> float:
        """Return how long the oldest has waited; 0 when nothing waits."""
        oldest = min((line[0].since_s for line in self._shares.values()), default=now_s)
        return now_s - oldest

    def push(self, waiter: Waiter) -> None:
        """Append a task to its share; one that was accepted is never refused here."""
        self._shares.setdefault(waiter.share, deque()).append(waiter)
        self._count += 1

    def discard(self, waiter: Waiter) -> None:
        """Take a task out that nobody waits for any more."""
        line = self._shares.get(waiter.share)
        if line is None:
            return
        try:
            line.remove(waiter)
        except ValueError:
            return  # it has been placed meanwhile
        self._count -= 1
        if not line:
            del self._shares[waiter.share]

    def place(self, pick: Callable[[Demand], Member | None]) -> None:
        """Hand out as many tasks as somebody can take now.

        Parameters
        ----------
        pick : returns who takes a task and counts it there, or None.
        """
        stuck = 0
        while self._shares and stuck < len(self._shares):
            share, line = next(iter(self._shares.items()))
            self._shares.move_to_end(share)
            waiter = line[0]
            member = None if waiter.placed.done() else pick(waiter.demand)
            if member is None and not waiter.placed.done():
                stuck += 1
                continue
            stuck = 0
            line.popleft()
            self._count -= 1
            if not line:
                del self._shares[share]
            if member is not None:
                waiter.placed.set_result(member)
