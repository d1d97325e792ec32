"""Many small requests to one place, sent as few.

What is asked for in one turn of the event loop travels together, and while enough
requests are under way, what comes meanwhile waits for the next. So a single request
waits for nothing, and the busier it gets, the more share the cost of one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from functools import partial
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

AT_ONCE = 4
"""Requests to one place under way: one on the road there, one being answered, one on
the road back, and one to spare."""

Send = Callable[[list[Item]], Coroutine[Any, Any, Sequence[Answer | BaseException]]]
"""Sends items in one request; returns for each, in order, its answer or its error. What
it raises itself is every item's error."""


class Gatherer(Generic[Item, Answer]):
    """Puts what is asked for at the same time into one request.

    Parameters
    ----------
    send : makes a request.
    most : items of one request.
    at_once : requests under way.
    """

    def __init__(
        self, send: Send[Item, Answer], *, most: int, at_once: int = AT_ONCE
    ) -> None:
        self._send = send
        self._most = most
        self._at_once = at_once
        self._waiting: deque[_Asked[Item, Answer]] = deque()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._is_due = False

    async def ask(self, item: Item) -> Answer:
        """Return the answer to an item; raise what its error is.

        Cancelling the call takes the item back when it was not sent yet. A request
        that nobody waits for any more is cancelled.
        """
        loop = asyncio.get_running_loop()
        asked: _Asked[Item, Answer] = _Asked(item, loop.create_future())
        self._waiting.append(asked)
        if not self._is_due and len(self._under_way) < self._at_once:
            self._is_due = True
            loop.call_soon(self._flush)
        try:
            return await asked.answer
        finally:
            if asked.request is not None:
                asked.request.leave()

    def _flush(self) -> None:
        self._is_due = False
        while self._waiting and len(self._under_way) < self._at_once:
            asked = self._next()
            if asked:
                self._begin(asked)

    def _next(self) -> list[_Asked[Item, Answer]]:
        """Return what goes into the next request: whoever still waits, in order."""
        found: list[_Asked[Item, Answer]] = []
        while self._waiting and len(found) < self._most:
            asked = self._waiting.popleft()
            if not asked.answer.done():
                found.append(asked)
        return found

    def _begin(self, asked: list[_Asked[Item, Answer]]) -> None:
        # It belongs to no one of those who ask: the first one's context is not its.
        task: asyncio.Task[Sequence[Answer | BaseException]]
        task = asyncio.get_running_loop().create_task(
            self._send([one.item for one in asked]), context=Context()
        )
        request = _Request(task, len(asked))
        for one in asked:
            one.request = request
        self._under_way.add(task)
        task.add_done_callback(partial(self._ended, asked))

    def _ended(
        self,
        asked: list[_Asked[Item, Answer]],
        task: asyncio.Task[Sequence[Answer | BaseException]],
    ) -> None:
        self._under_way.discard(task)
        if task.cancelled():
            for one in asked:
                one.answer.cancel()
        else:
            for one, answer in zip(asked, _answers(task, len(asked)), strict=True):
                one.take(answer)
        if self._waiting:
            self._flush()


def _answers(
    task: asyncio.Task[Sequence[Answer | BaseException]], count: int
) -> Sequence[Answer | BaseException]:
    error = task.exception()
    if error is None and len(task.result()) != count:
        error = RuntimeError(f"{len(task.result())} answers came for {count} items.")
    return [error] * count if error is not None else task.result()


class _Asked(Generic[Item, Answer]):
    """An item and who waits for its answer."""

    __slots__ = ("answer", "item", "request")

    def __init__(self, item: Item, answer: asyncio.Future[Answer]) -> None:
        self.item = item
        self.answer = answer
        self.request: _Request | None = None

    def take(self, answer: Answer | BaseException) -> None:
        """Hand an answer to who still waits for it."""
        if self.answer.done():
            return
        if isinstance(answer, BaseException):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class _Request:
    """A request and how many wait for it."""

    __slots__ = ("_task", "_waiting")

    def __init__(self, task: asyncio.Task[Any], waiting: int) -> None:
        self._task = task
        self._waiting = waiting

    def leave(self) -> None:
        """Take in that one does not wait any more."""
        self._waiting -= 1
        if self._waiting == 0:
            # Does nothing when it has ended.
            self._task.cancel()
