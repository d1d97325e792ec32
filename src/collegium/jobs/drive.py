"""One job from its plan to its end, on whatever slots there are at the moment.

Everything that changes the plan happens in one coroutine, so that there is no race to
reason about. The drive knows neither the database nor HTTP: the coordinator and
``collegium solve`` use the same one.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError

from collegium.errors import (
    Cancelled,
    CollegiumError,
    DeadlineExceeded,
    Invalid,
    NotFound,
    TaskFailed,
    Unavailable,
)
from collegium.fleet.tasks import Task, TaskAnswer
from collegium.jobs.checking import Checking
from collegium.jobs.journal import FinalState, Journal, Outcome
from collegium.jobs.means import Means
from collegium.workloads.base import JobWorkload, Piece

TICK_S = 2.0
"""How often the state is stored although nothing got better."""
START_GRACE_S = 300.0
"""What a task may take beyond its search: to wait, fetch, compile and prepare."""
FAILURES_IN_A_ROW = 3
"""So many failed tasks without a success between them fail the job."""
HAND_IN_S = 1.0
"""How long the tasks of a stopped job have to hand in what they have found."""
STOP_GRACE_S = 3.0
"""How long a stopped job waits for the checks of what was handed in."""
FIRST_PAUSE_S, LAST_PAUSE_S = 0.1, 5.0
"""Between attempts when tasks cannot be placed at all."""
UNBOUNDED_DEADLINE_S = 86_400.0
LOOK_AGAIN_S = 0.05
"""Least time between two looks at the slots: a busy fleet changes often."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Flight:
    piece: Piece
    task_id: str
    is_called_in: bool = False


class Drive:
    """The life of one job under one owner.

    Parameters
    ----------
    elapsed_s : seconds that the job has run under earlier owners.
    """

    def __init__(
        self,
        job_id: str,
        workload: JobWorkload,
        plan: BaseModel,
        means: Means,
        journal: Journal,
        *,
        elapsed_s: float = 0.0,
    ) -> None:
        self._id = job_id
        self._workload = workload
        self._plan = plan
        self._means = means
        self._journal = journal
        self._began_s = means.now_s() - elapsed_s
        self._stored_s = means.now_s()
        self._flights: dict[asyncio.Task[TaskAnswer], _Flight] = {}
        self._live: dict[int, dict[str, Any]] = {}
        self._checking = Checking(job_id, workload.checker, means.checks)
        self._stop = asyncio.Event()
        self._stopped_s = 0.0
        self._error: str | None = None
        self._slots = 0
        self._is_hungry = self._has_seen_idle = False
        self._failures = 0
        self._pause_s = self._paused_until_s = 0.0
        self._over_since_s: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds that the job has been running, under all owners."""
        return self._means.now_s() - self._began_s

    def stop(self) -> None:
        """End the job now, with the best that its tasks have found by now."""
        if not self._stop.is_set():
            self._stopped_s = self._means.now_s()
            self._stop.set()

    async def run(self) -> Outcome:
        """Work until the plan is over; return how it ended.

        Raises
        ------
        StateForbids
            When the journal says that somebody else owns the job now.
        """
        try:
            await self._store()
            while not self._is_finished():
                self._hand_out()
                self._call_in()
                self._checking.start()
                await self._wait()
                await self._land()
            await self._drop_all()
            return await self._conclude()
        finally:
            await self._drop_all()
            self._means.shelf.keep_only(self._id, ())

    def _is_finished(self) -> bool:
        """Tell whether nothing is left to wait for."""
        if self._error is not None:
            return True
        if self._stop.is_set():
            return self._has_stopped()
        if not self._workload.is_over(self._plan, elapsed_s=self.elapsed_s):
            self._over_since_s = None
            return False
        now_s = self._means.now_s()
        if self._over_since_s is None:
            self._over_since_s = now_s
        if self._flights:
            is_patient = now_s - self._over_since_s < self._means.late_grace_s
            return not is_patient and self._workload.conclude(self._plan) is not None
        return self._checking.is_idle

    def _has_stopped(self) -> bool:
        """Tell whether all is handed in and checked, or too late."""
        is_late = self._means.now_s() - self._stopped_s >= STOP_GRACE_S
        return is_late or (not self._flights and self._checking.is_idle)

    def _hand_out(self) -> None:
        self._is_hungry = False
        if self._stop.is_set() or self._means.now_s() < self._paused_until_s:
            return
        hands, share = self._means.hands, self._means.share
        self._slots = hands.slots()
        allowed = max(1, share(self._slots))
        free = allowed - len(self._flights)
        if self._has_seen_idle:
            # Tasks still run at places that are no longer counted.
            free = max(free, share(hands.free_slots()))
        self._is_hungry = True
        if free <= 0:
            return
        pieces = self._workload.split(
            self._plan, free_slots=free, elapsed_s=self.elapsed_s
        )
        self._is_hungry = len(pieces) == free
        for piece in pieces:
            hear = partial(self._hear, piece.number)
            task = self._task(piece)
            running = asyncio.create_task(hands.run(task, on_progress=hear))
            self._flights[running] = _Flight(piece, task.id)

    def _call_in(self) -> None:
        """Have the tasks of a stopped job end; do without those that are late."""
        if not self._stop.is_set():
            return
        is_late = self._means.now_s() - self._stopped_s >= HAND_IN_S
        for running, flight in self._flights.items():
            is_known = flight.is_called_in or self._means.hands.ask_to_end(
                flight.task_id
            )
            flight.is_called_in = True
            if is_late or not is_known:
                running.cancel()

    def _task(self, piece: Piece) -> Task:
        deadline_s = UNBOUNDED_DEADLINE_S
        if piece.seconds is not None:
            deadline_s = piece.seconds + START_GRACE_S
        return Task(
            workload=self._workload.name,
            input=piece.input.model_dump_json().encode(),
            deadline_s=deadline_s,
            blobs=tuple(self._workload.blobs(piece.input)),
            job=self._id,
            share=self._id,
        )

    async def _wait(self) -> None:
        """Wait for whatever comes first; at most until the next tick."""
        changed = asyncio.create_task(self._until_slots_change())
        stopped = asyncio.create_task(self._stop.wait())
        awaited: set[asyncio.Task[Any]] = {*self._flights, changed}
        if not self._stop.is_set():
            awaited.add(stopped)
        if self._checking.running is not None:
            awaited.add(self._checking.running)
        try:
            done, _ = await asyncio.wait(
                awaited, timeout=self._nap_s(), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changed.cancel()
            stopped.cancel()
        self._has_seen_idle = done == {changed}

    async def _until_slots_change(self) -> None:
        """Wait until there are other slots, or one has been idle for a moment.

        Only for a moment is one idle whose result is on its way to us.
        """
        hands, share = self._means.hands, self._means.share
        is_idle = False
        while hands.slots() == self._slots:
            version = hands.version
            was_idle = is_idle
            is_idle = self._is_hungry and share(hands.free_slots()) > 0
            if is_idle and was_idle:
                return
            await asyncio.sleep(LOOK_AGAIN_S)
            if not is_idle:
                await hands.wait_changed(version)

    def _nap_s(self) -> float:
        now_s = self._means.now_s()
        wake_s = self._stored_s + TICK_S
        if self._paused_until_s > now_s:
            wake_s = min(wake_s, self._paused_until_s)
        if self._stop.is_set():
            grace_s = HAND_IN_S if self._flights else STOP_GRACE_S
            wake_s = min(wake_s, self._stopped_s + grace_s)
        if self._over_since_s is not None:
            wake_s = min(wake_s, self._over_since_s + self._means.late_grace_s)
        return max(0.01, wake_s - now_s)

    async def _land(self) -> None:
        """Take in all that has come back, and store when it matters."""
        for running in [flight for flight in self._flights if flight.done()]:
            piece = self._flights.pop(running).piece
            self._live.pop(piece.number, None)
            self._take_in(piece, running)
        is_better = self._take_verdict()
        self._let_go()
        if is_better or self._means.now_s() - self._stored_s >= TICK_S:
            await self._store()
        else:
            self._journal.tell(self._progress())

    def _take_in(self, piece: Piece, running: asyncio.Task[TaskAnswer]) -> None:
        if running.cancelled():
            self._workload.lost(self._plan, piece.number, failed=False)
            return
        try:
            answer = running.result()
        except TaskFailed as error:
            self._lose(piece, error, failed=True)
        except NotFound as error:
            self._error = error.detail
        except (Unavailable, DeadlineExceeded, Cancelled) as error:
            self._lose(piece, error, failed=False)
        else:
            self._merge(piece, answer)

    def _merge(self, piece: Piece, answer: TaskAnswer) -> None:
        """Take in one answer, a worker's word until the checker has confirmed it."""
        put = partial(self._means.shelf.put, self._id)
        try:
            output = self._workload.Output.model_validate_json(answer.output)
            claim = self._workload.merge(
                self._plan, piece.number, output, put, elapsed_s=self.elapsed_s
            )
        except (ValidationError, Invalid) as error:
            self._means.hands.doubt(answer.executed_by, _first_line(error))
            self._workload.lost(self._plan, piece.number, failed=False)
            return
        self._failures, self._pause_s = 0, 0.0
        if claim is not None:
            self._checking.add(claim, answer.executed_by)

    def _lose(self, piece: Piece, error: CollegiumError, *, failed: bool) -> None:
        _log.warning("job %s: task %d: %s", self._id, piece.number, error.detail)
        self._workload.lost(self._plan, piece.number, failed=failed)
        if self._stop.is_set():
            return  # nothing is handed out any more
        self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LAST_PAUSE_S)
        self._paused_until_s = self._means.now_s() + self._pause_s
        if failed:
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                self._error = error.detail

    def _take_verdict(self) -> bool:
        """Settle the claim whose check has ended; tell whether the job got better."""
        checked = self._checking.take()
        if checked is None:
            return False
        settled = self._workload.settle(self._plan, checked.claim, checked.verdict)
        if settled == "refused":
            self._means.hands.doubt(checked.worker, checked.reason)
        if settled == "better":
            self._checking.drop_from(checked.claim.rank)
        return settled == "better"

    def _let_go(self) -> None:
        """Forget the blobs that no coming task or check will name."""
        wanted = self._checking.blobs().union(self._workload.uses(self._plan))
        for flight in self._flights.values():
            wanted.update(self._workload.blobs(flight.piece.input))
        self._means.shelf.keep_only(self._id, wanted)

    def _hear(self, number: int, progress: dict[str, Any]) -> None:
        self._live[number] = progress
        self._journal.tell(self._progress())

    async def _store(self) -> None:
        self._stored_s = self._means.now_s()
        await self._journal.store(
            self._plan.model_dump_json(),
            self._progress(),
            self.elapsed_s,
            self._workload.keeps(self._plan),
        )

    def _progress(self) -> dict[str, Any]:
        return {
            **self._workload.progress(self._plan),
            "elapsed_s": round(self.elapsed_s, 2),
            "running": len(self._flights),
            "live": [self._live[number] for number in sorted(self._live)],
        }

    async def _drop_all(self) -> None:
        """Cancel what still runs and wait until it has stopped."""
        for running in self._flights:
            running.cancel()
        await asyncio.gather(*self._flights, return_exceptions=True)
        self._flights.clear()
        self._live.clear()
        await self._checking.cancel()

    async def _conclude(self) -> Outcome:
        """Make the result out of the plan."""
        order = self._workload.conclude(self._plan)
        verdict = None
        if order is not None:
            verdict = self._checking.read(await self._checking.run(order))
        made = self._workload.result(self._plan, verdict)
        error = self._error
        state: FinalState = "succeeded"
        if self._stop.is_set():
            state = "cancelled"
        elif error is not None or made is None:
            state, error = "failed", error or "The job ended without a result."
        data, media_type = made or (None, "application/octet-stream")
        return Outcome(state, error, self._progress(), data, media_type)


def _first_line(error: ValidationError | Invalid) -> str:
    if isinstance(error, Invalid):
        return error.detail
    return str(error).splitlines()[0]
