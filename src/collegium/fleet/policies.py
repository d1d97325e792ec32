"""Which of the workers that could take a task gets it."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Protocol

from collegium.fleet.members import Demand, Member
from collegium.settings import PolicyName

_serial = attrgetter("serial")


class Policy(Protocol):
    """A strategy; it may keep a little state, and knows no clock of its own."""

    def pick(
        self, members: Sequence[Member], demand: Demand, now_s: float
    ) -> Member | None:
        """Return a member that can take the task, None when there is none.

        Parameters
        ----------
        members : in the order of their serial numbers.
        """


class RoundRobin:
    """Each in turn, in the order of joining, passing over those that cannot.

    As the turn is remembered as a serial number and not as a place in a list, joining
    and leaving never gives anybody a second turn or takes one away.
    """

    def __init__(self) -> None:
        self._last = -1

    def pick(
        self, members: Sequence[Member], demand: Demand, now_s: float
    ) -> Member | None:
        """Return the first that can, behind the one picked last."""
        count = len(members)
        first = bisect_right(members, self._last, key=_serial)
        for index in range(first, first + count):
            member = members[index if index < count else index - count]
            if member.can_take(demand, now_s):
                self._last = member.serial
                return member
        return None


class Weighted:
    """Smooth weighted round robin: shares by weight, spread evenly over time.

    Notes
    -----
    O(n). The method of nginx: everybody earns their weight, who has most is picked
    and pays what all have earned.
    """

    def pick(
        self, members: Sequence[Member], demand: Demand, now_s: float
    ) -> Member | None:
        """Return the one with the most credit."""
        able = [member for member in members if member.can_take(demand, now_s)]
        if not able:
            return None
        earned = 0.0
        for member in able:
            share = member.weight * member.ramp(now_s)
            member.credit += share
            earned += share
        picked = max(able, key=lambda member: (member.credit, -member.serial))
        picked.credit -= earned
        return picked


class LeastOutstanding:
    """The least loaded, by tasks for each slot; equals take turns."""

    def __init__(self) -> None:
        self._turns = RoundRobin()

    def pick(
        self, members: Sequence[Member], demand: Demand, now_s: float
    ) -> Member | None:
        """Return the least loaded."""
        able = [member for member in members if member.can_take(demand, now_s)]
        if not able:
            return None

        def load(member: Member) -> float:
            return (member.outstanding + 1) / (
                max(1, member.slots) * member.weight * member.ramp(now_s)
            )

        least = min(map(load, able))
        equals = [member for member in able if load(member) <= least * (1 + 1e-9)]
        return self._turns.pick(equals, demand, now_s)


class TwoChoices:
    """The better of two taken by chance, by latency and tasks under way.

    The cost is the moving peak average of the latency times the tasks there would be
    (P2C with peak EWMA, as in Finagle).

    Parameters
    ----------
    rng : chance.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def pick(
        self, members: Sequence[Member], demand: Demand, now_s: float
    ) -> Member | None:
        """Return the cheaper of two."""
        able = [member for member in members if member.can_take(demand, now_s)]
        if len(able) <= 2:
            return min(able, key=lambda m: self._cost(m, now_s), default=None)
        return min(self._rng.sample(able, 2), key=lambda m: self._cost(m, now_s))

    def _cost(self, member: Member, now_s: float) -> float:
        load = member.latency_s * (member.outstanding + 1)
        return load / (member.weight * member.ramp(now_s))


def make_policy(name: PolicyName, rng: random.Random) -> Policy:
    """Return a new policy by its name in the settings."""
    makers: Mapping[str, Callable[[], Policy]] = {
        "round_robin": RoundRobin,
        "weighted": Weighted,
        "least_outstanding": LeastOutstanding,
        "p2c_ewma": lambda: TwoChoices(rng),
    }
    return makers[name]()
