"""Short tasks on their way to a worker share requests.

Each costs some microseconds to run, and a hundred to send by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from collegium.fleet.engine import Ran
from collegium.fleet.members import Member
from collegium.fleet.tasks import Task
from collegium.fleet.told import all_ran
from collegium.protocol import BatchedTask
from collegium.rest.gathering import Gatherer

SMALL_INPUT = 1024
"""Bytes of input up to which a task is small enough to share a request."""
_SAMPLED = "01"
_encoder = msgspec.json.Encoder()


class Sending(NamedTuple):
    """A task that is to be sent.

    Parameters
    ----------
    attempt : its number, from 1.
    deadline_s : seconds left.
    request_id : of whoever has asked for it.
    traceparent : W3C trace context.
    """

    member: Member
    task: Task
    attempt: int
    deadline_s: float
    request_id: str | None
    traceparent: str | None

    @property
    def may_share(self) -> bool:
        """Whether it may go together with others.

        What has failed once goes alone, so that it takes nobody else along; what is
        traced as well, so that its trace shows its own way.
        """
        return (
            self.attempt == 1
            and self.member.batch > 1
            and len(self.task.input) <= SMALL_INPUT
            and not self.task.via
            and not (self.traceparent or "").endswith(_SAMPLED)
        )


Alone = Callable[[Sending], Awaitable[Ran]]
Post = Callable[[Member, bytes], Awaitable[tuple[int, bytes]]]


class Batches:
    """What is on its way to each worker.

    Parameters
    ----------
    alone : sends a single task.
    post : posts a batch; raises as ``Engine.run`` does.
    """

    def __init__(self, alone: Alone, post: Post) -> None:
        self._alone = alone
        self._post = post
        self._gatherers: WeakKeyDictionary[Member, Gatherer[Sending, Ran]] = (
            WeakKeyDictionary()
        )

    async def run(self, sending: Sending) -> Ran:
        """Run a task at its member, together with others if there are some."""
        gatherer = self._gatherers.get(sending.member)
        if gatherer is None:
            gatherer = Gatherer(self._send, most=sending.member.batch)
            self._gatherers[sending.member] = gatherer
        return await gatherer.ask(sending)

    async def _send(self, sendings: list[Sending]) -> Sequence[Ran | BaseException]:
        if len(sendings) == 1:
            return [await self._alone(sendings[0])]
        status, raw = await self._post(sendings[0].member, _body(sendings))
        return all_ran(status, raw, [sending.task for sending in sendings])


def _body(sendings: list[Sending]) -> bytes:
    return _encoder.encode(
        [
            BatchedTask(
                sending.task.id,
                sending.task.workload,
                msgspec.Raw(sending.task.input),
                max(0, int(1000.0 * sending.deadline_s)),
                sending.attempt,
            )
            for sending in sendings
        ]
    )
