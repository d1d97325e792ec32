"""Many small requests sent as few: everybody gets the answer to what they asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.rest.gathering import Gatherer
from fixtures.virtual import run_virtually

TAKES_S = 1.0


class Place:
    """Doubles numbers after a second, several at once, and writes down what it got."""

    def __init__(self, *, most: int, at_once: int) -> None:
        self.requests: list[list[int]] = []
        self.under_way = self.most_under_way = self.cancelled = 0
        self.gatherer = Gatherer(self._send, most=most, at_once=at_once)

    async def _send(self, items: list[int]) -> list[int | Exception]:
        self.requests.append(items)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(TAKES_S)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1
        if any(item >= 1000 for item in items):
            raise ConnectionError("nobody there")
        return [2 * i if i >= 0 else ValueError(str(i)) for i in items]


def _virtually(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    run_virtually(run())


@given(
    st.lists(
        st.tuples(st.integers(-3, 50), st.integers(0, 4), st.booleans()), max_size=40
    ),
    st.integers(1, 7),
    st.integers(1, 3),
)
def test_everybody_gets_the_answer_to_what_they_asked(
    asked: list[tuple[int, int, bool]], most: int, at_once: int
) -> None:
    """However calls come and go, answers fit, and no bound is passed."""

    async def main() -> None:
        place = Place(most=most, at_once=at_once)

        async def call(item: int, delay_s: float, leaves: bool) -> None:
            await asyncio.sleep(delay_s)
            if leaves:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(TAKES_S / 2):
                        await place.gatherer.ask(item)
            elif item < 0:
                with pytest.raises(ValueError, match=f"^{item}$"):
                    await place.gatherer.ask(item)
            else:
                assert await place.gatherer.ask(item) == 2 * item

        await asyncio.gather(*(call(i, d / 2, leaves) for i, d, leaves in asked))
        assert all(len(items) <= most for items in place.requests)
        assert place.most_under_way <= at_once
        staying = sum(not leaves for _, _, leaves in asked)
        assert sum(map(len, place.requests)) >= staying

    _virtually(main)


def test_what_is_asked_in_one_turn_travels_together() -> None:
    """A single call waits for nothing; many at once are one request."""

    async def main() -> None:
        place = Place(most=100, at_once=2)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        assert await place.gatherer.ask(1) == 2
        assert loop.time() - began_s == TAKES_S
        await asyncio.gather(*map(place.gatherer.ask, range(60)))
        assert place.requests == [[1], list(range(60))]

    _virtually(main)


def test_what_comes_while_all_are_busy_waits_for_the_next() -> None:
    """The busier it gets, the more share a request."""

    async def main() -> None:
        place = Place(most=100, at_once=1)
        first = asyncio.create_task(place.gatherer.ask(0))
        await asyncio.sleep(TAKES_S / 4)
        others = []
        for item in range(1, 6):
            others.append(asyncio.create_task(place.gatherer.ask(item)))
            await asyncio.sleep(TAKES_S / 10)
        await asyncio.gather(first, *others)
        assert place.requests == [[0], [1, 2, 3, 4, 5]]

    _virtually(main)


def test_a_request_that_nobody_waits_for_is_cancelled() -> None:
    """It goes on as long as one does; who left in time is not sent at all."""

    async def main() -> None:
        place = Place(most=100, at_once=1)
        calls = [asyncio.create_task(place.gatherer.ask(item)) for item in range(3)]
        await asyncio.sleep(TAKES_S / 4)
        late = [asyncio.create_task(place.gatherer.ask(item)) for item in (7, 8)]
        await asyncio.sleep(0)
        late[0].cancel()
        for call in calls[:2]:
            call.cancel()
        await asyncio.sleep(TAKES_S / 4)
        assert place.cancelled == 0
        calls[2].cancel()
        assert await late[1] == 16
        assert place.cancelled == 1
        assert place.requests == [[0, 1, 2], [8]]

    _virtually(main)


def test_a_request_that_fails_fails_for_all_in_it() -> None:
    """Everybody gets its error, and whoever asks later is served."""

    async def main() -> None:
        place = Place(most=3, at_once=1)
        found = await asyncio.gather(
            *map(place.gatherer.ask, [1, 1000, 3, 4]), return_exceptions=True
        )
        assert [type(one) for one in found[:3]] == [ConnectionError] * 3
        assert found[3] == 8

    _virtually(main)


def test_too_few_answers_are_an_error_of_all() -> None:
    """Nobody waits for ever because somebody has miscounted."""

    async def short(items: list[int]) -> list[int]:
        return items[1:]

    async def main() -> None:
        gatherer: Gatherer[int, int] = Gatherer(short, most=10)
        found = await asyncio.gather(
            *map(gatherer.ask, range(3)), return_exceptions=True
        )
        assert [type(one) for one in found] == [RuntimeError] * 3

    _virtually(main)
