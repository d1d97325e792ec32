"""One worker as this coordinator knows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from collegium.protocol import MemberState, RunningTask

LIGHT_WINDOW = 256
"""Light tasks that may be on their way to one worker; they take no slot there."""
SLOW_START_S = 10.0
LEAST_SHARE = 0.1

View = Literal["starting", "up", "draining", "suspect", "ejected", "set_aside"]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a task needs of the worker that it goes to.

    Parameters
    ----------
    workload : name that the worker must offer.
    is_light : it takes no slot.
    may_wait : it is so short that it may wait behind the tasks in the slots.
    excluded : ids of workers that shall not get it.
    only_here : only this coordinator itself shall get it.
    """

    workload: str
    is_light: bool = False
    may_wait: bool = False
    excluded: frozenset[str] = frozenset()
    only_here: bool = False

    def without_waiting(self) -> Demand:
        """Return the same demand of a worker with a free slot."""
        return replace(self, may_wait=False)

    def anywhere(self) -> Demand:
        """Return the same demand of anybody."""
        return replace(self, excluded=frozenset()) if self.excluded else self


@dataclass(slots=True, eq=False, weakref_slot=True)
class Member:
    """What a worker has said of itself, and what this coordinator thinks of it.

    Times are readings of one monotonic clock, in seconds.

    Parameters
    ----------
    serial : place in the order of joining.
    coordinators : incarnations of the coordinators that it stands for; none for a
        worker.
    foreign : tasks of other coordinators that hold slots, as last announced.
    is_verified : it has answered at its address as the one it says it is.
    answered_s : when it last answered a task or a probe.
    is_suspect : it failed lately and has not answered a probe since.
    batch : short tasks that it takes in one request; 0 for each by itself.
    contested_s : when another start announced itself under its name, None if none has.
    failures : failures in a row.
    ejections : how often it was ejected without a success in between.
    heavy, light : tasks of this coordinator that are with it now.
    latency_s : moving peak average of answers' time; 0 without any.
    """

    id: str
    incarnation: str
    url: str
    serial: int = 0
    slots: int = 1
    waiting: int = 0
    workloads: frozenset[str] = frozenset()
    batch: int = 0
    weight: float = 1.0
    version: str = ""
    state: MemberState = "up"
    heartbeat_s: float = 5.0
    sequence: int = -1
    joined_s: float = 0.0
    seen_s: float = 0.0
    lease_end_s: float = 0.0
    answered_s: float = 0.0
    running: Sequence[RunningTask] = ()
    gauges: dict[str, float] = field(default_factory=dict)
    coordinators: Sequence[str] = ()
    foreign: int = 0
    is_verified: bool = False
    is_suspect: bool = False
    contested_s: float | None = None
    probe_due_s: float = 0.0
    is_probing: bool = False
    failures: int = 0
    ejections: int = 0
    ejected_until_s: float = 0.0
    set_aside_until_s: float = 0.0
    full_until_s: float = 0.0
    heavy: int = 0
    light: int = 0
    latency_s: float = 0.0
    latency_at_s: float = 0.0
    credit: float = 0.0

    def is_routable(self, now_s: float) -> bool:
        """Tell whether tasks may be sent there at all."""
        return (
            self.state == "up"
            and self.is_verified
            and not self.is_suspect
            and now_s >= self.ejected_until_s
            and now_s >= self.set_aside_until_s
        )

    def can_take(self, demand: Demand, now_s: float) -> bool:
        """Tell whether it may get such a task now."""
        if self.id in demand.excluded or demand.workload not in self.workloads:
            return False
        if not self.is_routable(now_s):
            return False
        if demand.is_light:
            return self.light < LIGHT_WINDOW
        limit = self.slots + (self.waiting if demand.may_wait else 0)
        return self.heavy + self.foreign < limit and now_s >= self.full_until_s

    def free_slots(self, now_s: float) -> int:
        """Return how many slots have nothing to do."""
        if not self.is_routable(now_s) or now_s < self.full_until_s:
            return 0
        return max(0, self.slots - self.heavy - self.foreign)

    @property
    def outstanding(self) -> int:
        """Tasks of this coordinator that are with it now."""
        return self.heavy + self.light

    def ramp(self, now_s: float) -> float:
        """Return the share, up to 1, that a newcomer gets while it warms up."""
        age_s = now_s - self.joined_s
        return min(1.0, max(LEAST_SHARE, age_s / SLOW_START_S))

    def view(self, now_s: float) -> View:
        """Return its state in one word."""
        if self.state != "up":
            return self.state
        if now_s < self.set_aside_until_s:
            return "set_aside"
        if not self.is_verified:
            return "starting"
        if now_s < self.ejected_until_s:
            return "ejected"
        return "suspect" if self.is_suspect else "up"
