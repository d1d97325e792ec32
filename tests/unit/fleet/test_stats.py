from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collegium.fleet.counters import Growth
from collegium.fleet.stats import Statistics

SOURCES = st.sampled_from(["w1", "w2", "local"])
INCARNATIONS = st.sampled_from(["a", "b"])
NAMES = st.sampled_from(["tasks_completed", "tasks_failed"])
REPORT = st.tuples(
    SOURCES, INCARNATIONS, st.dictionaries(NAMES, st.integers(0, 2**53 - 1))
)


def _observer(reports: list[tuple[str, str, dict[str, int]]]) -> Statistics:
    statistics = Statistics()
    for report in reports:
        statistics.report(*report)
    return statistics


def _merged(*parts: Statistics) -> dict[tuple[str, str], dict[str, int]]:
    statistics = Statistics()
    for part in parts:
        statistics.merge(part)
    return statistics.state()


@given(st.lists(REPORT), st.lists(REPORT), st.lists(REPORT))
def test_merging_is_a_join(
    first: list[tuple[str, str, dict[str, int]]],
    second: list[tuple[str, str, dict[str, int]]],
    third: list[tuple[str, str, dict[str, int]]],
) -> None:
    """Merging is commutative, associative and idempotent."""
    a, b, c = _observer(first), _observer(second), _observer(third)
    ab, bc = Statistics(), Statistics()
    ab.merge(a)
    ab.merge(b)
    bc.merge(b)
    bc.merge(c)
    assert _merged(a, b) == _merged(b, a)
    assert _merged(ab, c) == _merged(a, bc)
    assert _merged(a, a, b, a) == _merged(a, b)


@given(st.data(), st.lists(st.integers(0, 100), min_size=1, max_size=20))
def test_any_delivery_gives_the_same_sum(data: st.DataObject, steps: list[int]) -> None:
    """Lost, repeated and reordered reports end in the source's own totals."""
    total, reports = 0, []
    for step in steps:
        total += step
        reports.append(("w1", "a", {"tasks_completed": total}))
    kept = data.draw(st.lists(st.sampled_from(reports), max_size=40))
    delivered = data.draw(st.permutations([*kept, reports[-1]]))
    observer = Statistics()
    seen = 0
    for report in delivered:
        observer.report(*report)
        now = observer.total().get("tasks_completed", 0)
        assert seen <= now <= total
        seen = now
    assert seen == total


def test_a_restarted_source_adds_up() -> None:
    """Totals of two starts of one worker are summed, not mixed."""
    statistics = Statistics()
    statistics.report("w1", "a", {"tasks_completed": 7})
    statistics.report("w1", "b", {"tasks_completed": 2})
    statistics.report("w1", "a", {"tasks_completed": 7})
    assert statistics.of("w1") == {"tasks_completed": 9}
    assert statistics.by_source() == {"w1": {"tasks_completed": 9}}
    assert statistics.of("nobody") == {}


@given(
    st.dictionaries(
        st.sampled_from(["w1", "w2", "w3"]), st.integers(0, 100), min_size=1
    ),
    st.lists(st.sampled_from(["direct", "below", "other"]), min_size=1, max_size=12),
)
def test_a_source_is_counted_once_by_any_ways(
    done: dict[str, int], ways: list[str]
) -> None:
    """Reported directly and through coordinators, each worker's tasks count once."""
    observer = Statistics()
    for way in [*ways, "direct"]:
        for worker, count in done.items():
            observer.report(worker, "a", {"tasks_completed": count})
        if way != "direct":
            counters = {"tasks_completed": sum(done.values()), "tasks_refused": 1}
            observer.report(way, "a", counters, is_summary=True)
    total = observer.total()
    assert total.get("tasks_completed", 0) == sum(done.values())
    assert total.get("tasks_refused", 0) == len({*ways} - {"direct"})
    again = Statistics()
    again.merge(observer)
    assert again.total() == total


def test_sources_are_bounded() -> None:
    """A flood of names takes no more memory; what is known goes on counting."""
    statistics = Statistics(most=2)
    for number in range(10):
        statistics.report(f"w{number}", "a", {"tasks_completed": 1})
    statistics.report("w0", "a", {"tasks_completed": 5})
    assert statistics.by_source() == {
        "w0": {"tasks_completed": 5},
        "w1": {"tasks_completed": 1},
    }


@given(st.lists(st.tuples(st.floats(0.0, 40.0), st.integers(0, 50)), max_size=60))
def test_growth_is_that_of_the_last_minute(steps: list[tuple[float, int]]) -> None:
    """Never negative, never more than all there was, and none after a quiet minute."""
    growth, now_s, total = Growth(), 0.0, 0
    growth.note(0, 0.0)
    for pause_s, more in steps:
        now_s += pause_s
        total += more
        growth.note(total, now_s)
        assert 0 <= growth.per_minute(now_s) <= total
        assert len(growth._seen) < 100
    assert growth.per_minute(now_s + 61.0) == 0.0


def test_growth_by_hand() -> None:
    """Ten tasks each ten seconds are sixty a minute, once a minute has passed."""
    growth = Growth()
    for number in range(13):
        growth.note(10 * number, 10.0 * number)
    assert growth.per_minute(120.0) == 60.0
    assert growth.per_minute(150.0) == 60.0 - 30.0
