"""Claims jobs and drives them; an interrupted one goes on wherever a runner is left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from collegium.blobs.repository import stored
from collegium.blobs.shelf import Shelf
from collegium.db.database import Database
from collegium.db.work import Clock, timestamp, utc_clock
from collegium.errors import StateForbids, Unavailable
from collegium.jobs import repository
from collegium.jobs.drive import Drive
from collegium.jobs.durable import DurableJournal
from collegium.jobs.feed import Feed
from collegium.jobs.journal import Outcome
from collegium.jobs.means import Means
from collegium.jobs.repository import Claimed
from collegium.jobs.residents import Residence, Resident
from collegium.jobs.single import as_job
from collegium.workloads.base import JobWorkload, Workload

LOOK_S = 2.0
"""Between two looks for jobs that another coordinator has left behind."""
MOST_JOBS = 32
"""Jobs that one coordinator drives at once; the others wait in the queue."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Running:
    claimed: Claimed
    task: asyncio.Task[None] | None = None
    drive: Drive | None = None
    is_cancelled: bool = False

    def stop(self) -> None:
        self.is_cancelled = True
        if self.drive is not None:
            self.drive.stop()


class Runner:
    """Everything that happens to jobs in one coordinator.

    Parameters
    ----------
    means : what every drive works with; its ``share`` is set here.
    owner : this start of this coordinator, to tell who holds a job.
    residents : kinds of jobs that run in this process, with the database, by name.
    lease_s : how long this coordinator may be silent before another takes its jobs.
    """

    def __init__(
        self,
        database: Database,
        catalogue: Mapping[str, Workload],
        means: Means,
        feed: Feed,
        *,
        owner: str,
        residents: Mapping[str, Resident] | None = None,
        clock: Clock = utc_clock,
        lease_s: float = repository.LEASE_S,
    ) -> None:
        self.workloads = {name: as_job(work) for name, work in catalogue.items()}
        self._database = database
        self._means = means
        self._feed = feed
        self._owner = owner
        self._residents = residents or {}
        self._clock = clock
        self._lease_s = lease_s
        self._running: dict[str, _Running] = {}
        self._wake = asyncio.Event()

    @property
    def shelf(self) -> Shelf:
        """Blobs that running jobs need only now."""
        return self._means.shelf

    def wake(self) -> None:
        """Look for jobs now."""
        self._wake.set()

    def cancel_resident(self, job_id: str) -> None:
        """End a job of this process before that is asked of the database.

        It may be what the database is waiting for.
        """
        running = self._running.get(job_id)
        if running is not None and running.claimed.workload in self._residents:
            running.stop()

    def cancel(self, job_id: str) -> None:
        """End a job now when it runs here; elsewhere its owner reads of it."""
        running = self._running.get(job_id)
        if running is not None:
            running.stop()

    async def run(self) -> None:
        """Claim and drive jobs until cancelled; then leave them to whoever is left."""
        try:
            while True:
                self._wake.clear()
                await self._claim_all()
                await self._wait()
        finally:
            await self._leave()

    async def _claim_all(self) -> None:
        try:
            while len(self._running) < MOST_JOBS:
                now = timestamp(self._clock())
                claimed = await repository.claim(
                    self._database, self._owner, now, lease_s=self._lease_s
                )
                if claimed is None:
                    return
                self._start(claimed)
        except Unavailable as error:
            _log.error("no jobs can be claimed: %s", error.detail)

    def _start(self, claimed: Claimed) -> None:
        former = self._running.get(claimed.id)
        running = _Running(claimed)
        self._running[claimed.id] = running
        running.task = asyncio.create_task(
            self._run_after(former, running), name=f"job-{claimed.id}"
        )
        self._feed.wake(claimed.id)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()
        except TimeoutError:
            return  # a lease may have run out meanwhile

    async def _leave(self) -> None:
        """Stop driving; give the jobs up so that nobody waits for our leases."""
        left = list(self._running.values())
        for running in left:
            if running.task is not None:
                running.task.cancel()
        await asyncio.gather(
            *(running.task for running in left if running.task is not None),
            return_exceptions=True,
        )
        try:
            async with self._database.transaction() as transaction:
                for running in left:
                    await repository.let_go(transaction, running.claimed)
        except Unavailable as error:
            _log.error("jobs stay claimed until their leases end: %s", error.detail)

    async def _run_after(self, former: _Running | None, running: _Running) -> None:
        if former is not None and former.task is not None:
            # Our own lease ran out, and we are the first to notice. What is left of it
            # would take the blobs along that the job has from now on.
            former.task.cancel()
            await asyncio.wait([former.task])
        await self._run_job(running)

    async def _run_job(self, running: _Running) -> None:
        claimed = running.claimed
        journal = DurableJournal(
            self._database,
            claimed,
            self.shelf,
            self._feed,
            self._clock,
            running.stop,
            self._lease_s,
        )
        try:
            resident = self._residents.get(claimed.workload)
            if resident is not None:
                await resident.run(self._residence(running, journal))
            else:
                await journal.finish(await self._outcome(running, journal))
        except StateForbids as error:
            _log.warning("%s", error.detail)
        except Exception:  # noqa: BLE001 - the job must reach an end that clients see
            _log.exception("job %s broke", claimed.id)
            await self._give_up(journal)
        finally:
            if self._running.get(claimed.id) is running:
                del self._running[claimed.id]
                self.wake()

    def _residence(self, running: _Running, journal: DurableJournal) -> Residence:
        running.is_cancelled |= running.claimed.is_cancel_requested
        return Residence(running.claimed, journal, lambda: running.is_cancelled)

    async def _outcome(self, running: _Running, journal: DurableJournal) -> Outcome:
        claimed = running.claimed
        workload = self.workloads.get(claimed.workload)
        if workload is None:
            return Outcome("failed", f"No workload is called {claimed.workload!r}.")
        running.drive = drive = Drive(
            claimed.id,
            workload,
            await self._plan(claimed, workload),
            replace(self._means, share=lambda slots: self._share(running, slots)),
            journal,
            elapsed_s=claimed.elapsed_s,
        )
        if running.is_cancelled or claimed.is_cancel_requested:
            drive.stop()
        return await drive.run()

    async def _plan(self, claimed: Claimed, workload: JobWorkload) -> Any:
        """Return where a job stands: at its begin, or where its last owner was."""
        if claimed.plan is None:
            return workload.begin(workload.JobInput.model_validate_json(claimed.input))
        plan = workload.Plan.model_validate_json(claimed.plan)
        wanted = {*workload.keeps(plan), *workload.uses(plan)}
        workload.resume(plan, await stored(self._database, wanted))
        _log.info("job %s goes on after %.1f s", claimed.id, claimed.elapsed_s)
        return plan

    def _share(self, running: _Running, slots: int) -> int:
        """Return this job's part of the slots; the oldest jobs get the rest."""
        others = [
            other
            for other in self._running.values()
            if other.claimed.workload not in self._residents
        ]
        each, rest = divmod(slots, len(others))
        return each + (others.index(running) < rest)

    async def _give_up(self, journal: DurableJournal) -> None:
        try:
            await journal.finish(
                Outcome("failed", "Something went wrong here; the log says what.")
            )
        except StateForbids as error:
            _log.warning("%s", error.detail)
