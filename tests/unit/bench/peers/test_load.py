"""Tests of the closed loops."""

from __future__ import annotations

import asyncio

import pytest

from collegium.bench.peers.drivers.load import Load, quantile, run_loops, run_window


def test_window_keeps_exactly_so_many_under_way() -> None:
    """The window fills up to its width, never beyond, and collects every task."""
    under_way: set[int] = set()
    widths: list[int] = []
    collected: list[int] = []

    def submit(number: int) -> int:
        under_way.add(number)
        widths.append(len(under_way))
        return number

    def collect(number: int) -> None:
        under_way.remove(number)
        collected.append(number)

    load = run_window(submit, collect, tasks=50, concurrency=8)
    assert max(widths) == 8
    assert widths[7:] == [8] * 43
    assert collected == list(range(50))
    assert len(load.latencies_s) == 50
    assert load.tasks_per_s > 0.0


async def test_loops_keep_exactly_so_many_under_way() -> None:
    """As many calls as wanted overlap, and each task is called once."""
    called: list[int] = []
    under_way = 0
    widest = 0

    async def call(number: int) -> None:
        nonlocal under_way, widest
        called.append(number)
        under_way += 1
        widest = max(widest, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    load = await run_loops(call, tasks=30, concurrency=4)
    assert widest == 4
    assert sorted(called) == list(range(30))
    assert len(load.latencies_s) == 30


async def test_a_failing_call_fails_the_load() -> None:
    """A task that raises is not counted as one that was fast."""

    async def call(number: int) -> None:
        if number == 3:
            raise ValueError(number)

    with pytest.raises(ValueError, match="3"):
        await run_loops(call, tasks=5, concurrency=2)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)]
)
def test_quantile_is_a_value_that_was_seen(share: float, expected: int) -> None:
    """A quantile is the smallest of the values that the share does not exceed."""
    values = list(range(100, 0, -1))
    assert quantile(values, share) == expected
    assert Load(1.0, [float(v) for v in values]).quantile_ms(share) == 1000 * expected
