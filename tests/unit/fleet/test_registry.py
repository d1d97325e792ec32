from __future__ import annotations

from typing import Any

import pytest

from collegium.errors import Malformed, NotFound, Overloaded, StateForbids, Unavailable
from collegium.fleet.members import Demand
from collegium.fleet.policies import RoundRobin
from collegium.fleet.registry import (
    FAILURES_TO_EJECT,
    FIRST_EJECTION_S,
    SET_ASIDE_S,
    Registry,
)
from collegium.protocol import Announcement, RunningTask

WORK = Demand("work")


def _said(incarnation: str = "1", **changed: Any) -> Announcement:
    fields: dict[str, Any] = {
        "url": "http://127.0.0.1:1",
        "slots": 1,
        "workloads": ["work"],
        "heartbeat_s": 5.0,
    }
    return Announcement(incarnation=incarnation, **(fields | changed))


def _registry(*names: str, **options: Any) -> Registry:
    registry = Registry(RoundRobin(), identity="me", **options)
    for name in names:
        member, _ = registry.announce(name, _said(), 0.0)
        registry.probed(member, 0.0, is_alive=True)
    return registry


def test_announcing_again_changes_nothing() -> None:
    """The same announcement any number of times is one member."""
    registry = _registry("a")
    for _ in range(3):
        _, is_new = registry.announce("a", _said(), 1.0)
        assert not is_new
    assert [member.id for member in registry.members] == ["a"]


def test_nobody_gets_work_before_answering_a_probe() -> None:
    """An announcement alone is not health."""
    registry = Registry(RoundRobin())
    member, _ = registry.announce("a", _said(), 0.0)
    assert registry.pick(WORK, 0.0) is None
    assert member.view(0.0) == "starting"
    registry.probed(member, 0.0, is_alive=True)
    assert registry.pick(WORK, 0.0) is member


def test_earlier_start_is_fenced_off() -> None:
    """After a later start has announced itself, an earlier one is refused for good."""
    registry = _registry("a")
    member, is_new = registry.announce("a", _said("2"), 1.0)
    assert is_new
    with pytest.raises(StateForbids):
        registry.announce("a", _said("1"), 2.0)
    with pytest.raises(StateForbids):
        registry.leave("a", "1")
    assert registry.leave("a", "2") is member
    with pytest.raises(StateForbids):
        registry.announce("a", _said("1"), 3.0)
    assert registry.leave("a", "2") is None


def test_a_start_under_a_clock_set_back_waits_for_the_dead() -> None:
    """A name that is earlier proves nothing: the start before it has to be gone."""
    registry = _registry()
    dead, _ = registry.announce("a", _said("2"), 0.0)
    registry.probed(dead, 0.0, is_alive=True)
    for now_s in (1.0, 1.1):
        with pytest.raises(Unavailable, match="alive"):
            registry.announce("a", _said("1"), now_s)
    assert registry.probe_due(1.1) == [dead]
    registry.probed(dead, 1.2, is_alive=False)
    assert registry.expired(1.2) == [dead]
    registry.remove(dead)
    _, is_new = registry.announce("a", _said("1"), 1.3)
    assert is_new
    # Who has been given up does not come back, whatever its name.
    with pytest.raises(StateForbids):
        registry.announce("a", _said("2"), 2.0)


def test_a_start_under_a_clock_set_back_follows_one_that_left() -> None:
    """After an orderly end nobody has to wait."""
    registry = _registry()
    registry.announce("a", _said("2"), 0.0)
    registry.leave("a", "2")
    _, is_new = registry.announce("a", _said("1"), 1.0)
    assert is_new


def test_a_leftover_is_told_once_the_later_start_has_answered() -> None:
    """Of two processes under one name the one that was known first stays."""
    registry = _registry()
    member, _ = registry.announce("a", _said("2"), 0.0)
    registry.probed(member, 0.0, is_alive=True)
    with pytest.raises(Unavailable):
        registry.announce("a", _said("1"), 1.0)
    registry.probed(member, 1.1, is_alive=True)
    assert registry.expired(1.1) == []
    with pytest.raises(StateForbids):
        registry.announce("a", _said("1"), 1.2)
    assert registry.find("a") is member


def test_overtaken_report_changes_no_gauge() -> None:
    """A report that arrives after a later one is a sign of life and no more."""
    registry = _registry()
    registry.announce("a", _said(slots=4, sequence=2), 0.0)
    member, _ = registry.announce("a", _said(slots=1, sequence=1), 9.0)
    assert (member.slots, member.seen_s) == (4, 9.0)


def test_draining_is_one_way() -> None:
    """A worker that has said it leaves is not up again in the same life."""
    registry = _registry("a")
    registry.announce("a", _said(state="draining", sequence=1), 1.0)
    member, _ = registry.announce("a", _said(state="up", sequence=2), 2.0)
    assert member.view(2.0) == "draining"
    assert registry.pick(WORK, 2.0) is None


@pytest.mark.parametrize(("oldest", "newest"), [(2, 3), (99, 99)])
def test_foreign_protocol_is_refused(oldest: int, newest: int) -> None:
    """A worker with which no version of the protocol is shared is told so."""
    with pytest.raises(Malformed, match="protocol"):
        _registry().announce("a", _said(protocol_min=oldest, protocol_max=newest), 0.0)


def test_newer_protocol_that_includes_ours_is_taken() -> None:
    """A worker one version ahead that still speaks ours belongs to the fleet."""
    _, is_new = _registry().announce("a", _said(protocol_min=1, protocol_max=2), 0.0)
    assert is_new


def test_members_are_bounded() -> None:
    """A flood of announcements is refused, known workers are not."""
    registry = _registry("a", max_members=1)
    with pytest.raises(Overloaded):
        registry.announce("b", _said(), 0.0)
    registry.announce("a", _said("2"), 0.0)


def test_turns_are_exact_over_free_slots() -> None:
    """Each free member in turn; the busy one is passed over without losing a turn."""
    registry = _registry("a", "b", "c")
    order = []
    for _ in range(3):
        member = registry.pick(WORK, 0.0)
        assert member is not None
        registry.begun(member, is_light=False)
        order.append(member.id)
    assert order == ["a", "b", "c"]
    assert registry.pick(WORK, 0.0) is None
    registry.ended(registry.get("b"), is_light=False)
    picked = registry.pick(WORK, 0.0)
    assert picked is registry.get("b")


def test_slots_of_other_coordinators_count() -> None:
    """A slot that another coordinator's task holds is not free; one of ours is ours."""
    registry = _registry("a")
    theirs = [RunningTask("t1", 1, "other")]
    registry.announce("a", _said(running=theirs, sequence=1), 1.0)
    assert registry.pick(WORK, 1.0) is None
    ours = [RunningTask("t1", 1, "me")]
    registry.announce("a", _said(running=ours, sequence=2), 2.0)
    assert registry.pick(WORK, 2.0) is not None


def test_short_tasks_may_wait_at_a_worker() -> None:
    """Beyond the slots only short tasks are sent, and only as many as it takes in."""
    registry = _registry()
    member, _ = registry.announce("a", _said(waiting=1), 0.0)
    registry.probed(member, 0.0, is_alive=True)
    registry.begun(member, is_light=False)
    assert registry.pick(WORK, 0.0) is None
    short = Demand("work", may_wait=True)
    assert registry.pick(short, 0.0) is member
    registry.begun(member, is_light=False)
    assert registry.pick(short, 0.0) is None


def test_failure_takes_out_until_a_probe() -> None:
    """One failure makes suspect; any success refutes it."""
    registry = _registry("a", "b")
    member = registry.get("a")
    registry.failed(member, 1.0)
    assert member.view(1.0) == "suspect"
    assert list(registry.probe_due(1.0)) == [registry.get("a")]
    registry.probed(member, 1.1, is_alive=True)
    assert member.is_routable(1.1)


def test_failing_again_and_again_ejects() -> None:
    """Failures in a row eject for a time, twice as long the next time."""
    registry = _registry("a", "b")
    member = registry.get("a")
    lengths = []
    now_s = 0.0
    for _ in range(2):
        for _ in range(FAILURES_TO_EJECT):
            registry.failed(member, now_s)
            registry.failed(member, now_s)  # the same event, seen by another task
            registry.probed(member, now_s, is_alive=True)
        assert member.view(now_s) == "ejected"
        lengths.append(member.ejected_until_s - now_s)
        now_s = member.ejected_until_s
        assert member.is_routable(now_s)
    assert lengths == [FIRST_EJECTION_S, 2 * FIRST_EJECTION_S]


def test_the_only_worker_is_not_ejected() -> None:
    """A doubtful worker beats none."""
    registry = _registry("a")
    member = registry.get("a")
    for _ in range(2 * FAILURES_TO_EJECT):
        registry.failed(member, 0.0)
        registry.probed(member, 0.0, is_alive=True)
    assert member.is_routable(0.0)


def test_liar_is_set_aside() -> None:
    """A wrong answer takes a worker out for longer than a failure."""
    registry = _registry("a")
    member = registry.get("a")
    registry.set_aside(member, 0.0)
    registry.probed(member, 0.0, is_alive=True)
    assert member.view(SET_ASIDE_S - 1.0) == "set_aside"
    assert member.is_routable(SET_ASIDE_S)


def test_silence_alone_is_not_death() -> None:
    """A lease that ends takes only those who do not answer a probe either."""
    registry = _registry("quiet", "dead")
    registry.probed(registry.get("dead"), 14.0, is_alive=False)
    assert [m.id for m in registry.expired(16.0)] == ["dead"]
    registry.probed(registry.get("quiet"), 14.0, is_alive=True)
    assert [m.id for m in registry.expired(16.0)] == ["dead"]


def test_unknown_worker() -> None:
    """Asking for nobody says so."""
    with pytest.raises(NotFound):
        _registry().get("a")
