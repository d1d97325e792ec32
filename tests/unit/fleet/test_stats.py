from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
