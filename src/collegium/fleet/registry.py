"""Who belongs to the fleet and in what condition: pure state, the time is passed in."""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from collections.abc import Sequence
from operator import attrgetter

from collegium.errors import (
    LoopDetected,
    Malformed,
    NotFound,
    Overloaded,
    StateForbids,
    Unavailable,
)
from collegium.fleet.members import Demand, Member
from collegium.fleet.policies import Policy
from collegium.protocol import (
    LEASE_HEARTBEATS,
    OLDEST_PROTOCOL_VERSION,
    PROTOCOL_VERSION,
    Announcement,
)

FAILURES_TO_EJECT = 3
FIRST_EJECTION_S, LAST_EJECTION_S = 5.0, 60.0
SET_ASIDE_S = 60.0
"""For a worker whose answer was wrong: longer than for one that only failed."""
FULL_PAUSE_S = 0.05
LATENCY_DECAY_S = 10.0
INCARNATIONS_REMEMBERED = 100_000


class Registry:
    """The members of the fleet.

    Parameters
    ----------
    policy : picks one of those that can take a task.
    identity : incarnation of this coordinator, to tell its own tasks from others'.
    max_members : bound against a flood of announcements.
    """

    def __init__(
        self, policy: Policy, *, identity: str = "", max_members: int = 10_000
    ) -> None:
        self.members: list[Member] = []
        self._by_id: dict[str, Member] = {}
        self._policy = policy
        self._identity = identity
        self._max_members = max_members
        self._next_serial = 0
        self._latest: OrderedDict[str, str] = OrderedDict()
        self._followed: OrderedDict[tuple[str, str], None] = OrderedDict()

    def find(self, member_id: str) -> Member | None:
        """Return a member, None when it is not there."""
        return self._by_id.get(member_id)

    def announce(
        self, member_id: str, said: Announcement, now_s: float
    ) -> tuple[Member, bool]:
        """Take in an announcement; return the member, and whether it is new here.

        Raises
        ------
        StateForbids
            When a later incarnation of the worker is known and lives.
        Unavailable
            While it is not known whether that one lives.
        Malformed
            When it speaks no version of the protocol that is spoken here.
        LoopDetected
            When it stands for this coordinator itself.
        Overloaded
            When there are too many members.
        """
        if not (
            said.protocol_min <= PROTOCOL_VERSION
            and said.protocol_max >= OLDEST_PROTOCOL_VERSION
        ):
            raise Malformed(
                f"The worker speaks protocol {said.protocol_min} to "
                f"{said.protocol_max}, this coordinator {OLDEST_PROTOCOL_VERSION} to "
                f"{PROTOCOL_VERSION}: use versions of Collegium nearer to each other."
            )
        self._fence_off(member_id, said.incarnation, now_s)
        if self._identity in said.coordinators:
            raise LoopDetected("This coordinator is below the one that announces.")
        member = self._by_id.get(member_id)
        is_new = member is None or member.incarnation != said.incarnation
        if is_new:
            member = self._join(member_id, said, now_s)
        assert member is not None
        self._refresh(member, said, now_s)
        return member, is_new

    def remove(self, member: Member) -> None:
        """Forget a member, not which incarnation it was."""
        if self._by_id.get(member.id) is member:
            del self._by_id[member.id]
            self.members.remove(member)

    def leave(self, member_id: str, incarnation: str | None) -> Member | None:
        """Take in that a worker leaves; return it when it was there.

        Raises
        ------
        StateForbids
            When a later incarnation is there, which does not leave.
        """
        member = self._by_id.get(member_id)
        if member is None:
            return None
        if incarnation is not None and incarnation < member.incarnation:
            raise StateForbids("A later start of this worker is known.")
        self.remove(member)
        return member

    def get(self, member_id: str) -> Member:
        """Return a member.

        Raises
        ------
        NotFound
            When it is not there.
        """
        member = self._by_id.get(member_id)
        if member is None:
            raise NotFound("No such worker is announced here.")
        return member

    def pick(self, demand: Demand, now_s: float) -> Member | None:
        """Return who gets a task, None when nobody can take it now."""
        return self._policy.pick(self.members, demand, now_s)

    def has_routable(self, workload: str, now_s: float) -> bool:
        """Tell whether anybody healthy offers a workload, free or not."""
        return any(
            workload in member.workloads and member.is_routable(now_s)
            for member in self.members
        )

    def begun(self, member: Member, *, is_light: bool) -> None:
        """Take in that a task is on its way to a member."""
        if is_light:
            member.light += 1
        else:
            member.heavy += 1

    def ended(self, member: Member, *, is_light: bool) -> None:
        """Take in that a task is no longer with a member."""
        if is_light:
            member.light -= 1
        else:
            member.heavy -= 1

    def succeeded(self, member: Member, latency_s: float, now_s: float) -> None:
        """Take in a good answer: any success refutes suspicion."""
        member.failures = 0
        member.ejections = 0
        member.is_suspect = False
        member.answered_s = now_s
        if latency_s >= member.latency_s:
            member.latency_s = latency_s  # peaks count at once, and fade slowly
        else:
            age_s = max(0.0, now_s - member.latency_at_s)
            keep = 0.5 ** (age_s / LATENCY_DECAY_S + 0.05)
            member.latency_s = keep * member.latency_s + (1.0 - keep) * latency_s
        member.latency_at_s = now_s

    def refused(self, member: Member, now_s: float) -> None:
        """Take in that a member had no free slot after all."""
        member.full_until_s = now_s + FULL_PAUSE_S

    def failed(self, member: Member, now_s: float) -> None:
        """Take in that a member did not answer, or not as it should.

        It gets nothing more until a probe has shown that it lives; after several in a
        row it is ejected, twice as long each time. The only healthy one is not
        ejected, as a doubtful worker beats none.
        """
        if member.is_suspect:
            return  # one event fails every task under way, and counts once
        member.failures += 1
        member.is_suspect = True
        member.probe_due_s = now_s
        others = any(m is not member and m.is_routable(now_s) for m in self.members)
        if member.failures >= FAILURES_TO_EJECT and others:
            pause_s = min(FIRST_EJECTION_S * 2.0**member.ejections, LAST_EJECTION_S)
            member.ejected_until_s = now_s + pause_s
            member.ejections += 1
            member.failures = 0

    def set_aside(self, member: Member, now_s: float) -> None:
        """Take in that a member has answered something that is not true."""
        member.set_aside_until_s = now_s + SET_ASIDE_S

    def probe_due(self, now_s: float) -> Sequence[Member]:
        """Return whom to probe now."""
        return [m for m in self.members if m.probe_due_s <= now_s and not m.is_probing]

    def probed(self, member: Member, now_s: float, *, is_alive: bool) -> None:
        """Take in the outcome of a probe."""
        member.is_probing = False
        member.probe_due_s = now_s + member.heartbeat_s
        if is_alive:
            member.is_verified = True
            member.is_suspect = False
            member.answered_s = now_s
            # One that is heard by us but not the other way round stays.
            member.lease_end_s = max(
                member.lease_end_s, now_s + LEASE_HEARTBEATS * member.heartbeat_s
            )
        else:
            member.is_suspect = True
            member.probe_due_s = now_s + min(1.0, member.heartbeat_s)

    def expired(self, now_s: float) -> Sequence[Member]:
        """Return who has been silent for a lease and does not answer either.

        Nor does anybody wait for a lease's end where another start waits to follow.
        """
        return [
            member
            for member in self.members
            if (
                member.lease_end_s <= now_s
                and (member.is_suspect or not member.is_verified)
            )
            or (
                member.contested_s is not None
                and member.is_suspect
                and not member.is_probing
            )
        ]

    def unreached(self, now_s: float) -> Sequence[Member]:
        """Return who holds tasks and has answered nothing for a lease.

        Such a one may be heard all the time, when the way is cut in one direction only:
        what it finds out will not come back.
        """
        return [
            member
            for member in self.members
            if member.is_suspect
            and member.outstanding
            and now_s - member.answered_s > LEASE_HEARTBEATS * member.heartbeat_s
        ]

    def _fence_off(self, member_id: str, incarnation: str, now_s: float) -> None:
        """Refuse what is left of a start that another one has followed.

        Starts are named by the wall clock of their machines, which may have been set
        back between two of them. So one that was never heard of here is believed to be
        the later one, although its name is earlier, once the other is gone.
        """
        if (member_id, incarnation) in self._followed:
            raise StateForbids("A later start of this worker is known.")
        member = self._by_id.get(member_id)
        if member is None or incarnation >= member.incarnation:
            return
        if member.contested_s is not None and member.answered_s > member.contested_s:
            member.contested_s = None
            raise StateForbids("A later start of this worker is known.")
        if member.contested_s is None:
            member.contested_s = member.probe_due_s = now_s
        raise Unavailable("Another start of this worker may be alive still.")

    def _join(self, member_id: str, said: Announcement, now_s: float) -> Member:
        former = self._by_id.get(member_id)
        if former is None and len(self.members) >= self._max_members:
            raise Overloaded("There are too many workers.", retry_after_s=60)
        if former is not None:
            self.remove(former)
        member = Member(
            id=member_id,
            incarnation=said.incarnation,
            url=said.url,
            serial=self._next_serial,
            joined_s=now_s,
            answered_s=now_s,
            probe_due_s=now_s,
        )
        self._next_serial += 1
        self._by_id[member_id] = member
        insort(self.members, member, key=attrgetter("serial"))
        self._note_start(member_id, said.incarnation)
        return member

    def _note_start(self, member_id: str, incarnation: str) -> None:
        before = self._latest.get(member_id)
        if before is not None and before != incarnation:
            self._followed[member_id, before] = None
        self._latest[member_id] = incarnation
        self._latest.move_to_end(member_id)
        for remembered in (self._latest, self._followed):
            if len(remembered) > INCARNATIONS_REMEMBERED:
                remembered.popitem(last=False)

    def _refresh(self, member: Member, said: Announcement, now_s: float) -> None:
        member.seen_s = now_s
        member.lease_end_s = now_s + LEASE_HEARTBEATS * said.heartbeat_s
        if said.sequence < member.sequence:
            return  # overtaken by a later report: a sign of life, no more
        member.sequence = said.sequence
        if member.state == "draining" and said.state != "draining":
            return  # life goes one way
        member.url = said.url
        member.slots = said.slots
        member.waiting = said.waiting
        member.workloads = frozenset(said.workloads)
        member.batch = said.batch
        member.weight = said.weight
        member.version = said.version
        member.heartbeat_s = said.heartbeat_s
        member.state = said.state
        member.running = said.running
        member.gauges = said.gauges
        member.coordinators = said.coordinators
        member.foreign = sum(t.dispatcher != self._identity for t in said.running)
