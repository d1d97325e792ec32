"""The same failures for Collegium and for its peers, in one table."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.table import Table

from collegium import __version__
from collegium.bench.peers.drivers.harm import (
    HARM_AFTER_S,
    SILENT_S,
    TASK_S,
    TASKS,
    Case,
    wait_until,
)
from collegium.bench.peers.outcomes import Harmed
from collegium.bench.site import Site
from collegium.bench.workload import offer_workloads

SYSTEM = "collegium"
COLUMNS = {
    Case.LOST: "one of two workers killed",
    Case.FROZEN: "one of two workers frozen",
    Case.RESTARTED: "coordinator, scheduler or broker killed and restarted",
    Case.ROLLED: "all workers restarted in turn",
    Case.CANCELLED: "a running task cancelled",
}


def fail_collegium(
    cases: Sequence[Case] = tuple(Case),
    *,
    limit_s: float = 30.0,
    on_start: Callable[[str, Case], None] = lambda name, case: None,
) -> list[Harmed]:
    """Put a coordinator and two workers of this version through every case.

    All are processes of their own with their default settings, one slot a worker. The
    client is a plain one: it repeats a call whose connection breaks, with the same
    Idempotency-Key.

    Parameters
    ----------
    cases : what to do to them.
    limit_s : seconds from the first task to the last result that still counts.
    on_start : told what is about to begin.
    """
    outcomes: list[Harmed] = []
    for case in cases:
        on_start(SYSTEM, case)
        outcomes.append(asyncio.run(_harm_a_site(case, limit_s)))
    return outcomes


async def _harm_a_site(case: Case, limit_s: float) -> Harmed:
    with TemporaryDirectory(prefix="collegium-failures-") as name:
        offer_workloads(Path(name))
        async with Site(Path(name)) as site:
            if case is Case.CANCELLED:
                return await _cancel(site, limit_s)
            return await _work_through(site, case, limit_s)


async def _work_through(site: Site, case: Case, limit_s: float) -> Harmed:
    harms: dict[Case, Callable[[], Awaitable[None]]] = {
        Case.LOST: lambda: site.harm_worker(signal.SIGKILL),
        Case.FROZEN: lambda: site.harm_worker(signal.SIGSTOP),
        Case.RESTARTED: site.restart_coordinator,
        Case.ROLLED: site.roll_workers,
    }
    log = site.folder / "executions"
    started_s = time.monotonic()
    done_s: list[float] = []
    complaints: list[str] = []

    async def call(number: int) -> None:
        task = {"number": number, "seconds": TASK_S, "file": str(log)}
        try:
            async with asyncio.timeout(limit_s):
                await site.run("bench-note", task)
        except TimeoutError:
            complaints.append(f"no answer within {limit_s:g} s")
        except RuntimeError as error:
            complaints.append(str(error))
        else:
            done_s.append(time.monotonic() - started_s)

    async def harm() -> None:
        await asyncio.sleep(HARM_AFTER_S)
        await harms[case]()

    await asyncio.gather(harm(), *(call(number) for number in range(TASKS)))
    executions = log.read_text().split()
    return Harmed(
        SYSTEM,
        case,
        version=__version__,
        done=len(done_s),
        seconds=max(done_s) if len(done_s) == TASKS else None,
        duplicates=len(executions) - len(set(executions)),
        remark=complaints[0] if complaints else None,
    )


async def _cancel(site: Site, limit_s: float) -> Harmed:
    """Cancel a task that never asks whether it should stop."""
    sign = site.folder / "sign"
    location = await site.submit(
        "bench-beat", {"seconds": 3.0 * limit_s, "file": str(sign)}
    )
    await asyncio.to_thread(wait_until, sign.exists, limit_s)
    await asyncio.sleep(HARM_AFTER_S)
    asked_s = time.time()
    await site.cancel(location)

    def is_silent() -> bool:
        return time.time() - sign.stat().st_mtime > SILENT_S

    if await asyncio.to_thread(wait_until, is_silent, limit_s):
        seconds = max(0.0, sign.stat().st_mtime - asked_s)
        return Harmed(SYSTEM, Case.CANCELLED, __version__, seconds=seconds)
    remark = f"ran on for {limit_s:g} s"
    return Harmed(SYSTEM, Case.CANCELLED, __version__, remark=remark)


def table_of(outcomes: Sequence[Harmed]) -> Table:
    """Return the outcomes as a table for people: a row a system, a column a case."""
    table = Table(title=f"{TASKS} tasks of {TASK_S:g} s over two workers")
    table.add_column("system")
    cases = [case for case in COLUMNS if any(o.case is case for o in outcomes)]
    for case in cases:
        table.add_column(COLUMNS[case])
    for system in dict.fromkeys(outcome.system for outcome in outcomes):
        rows = {o.case: o for o in outcomes if o.system == system}
        version = next((o.version for o in rows.values() if o.version), "")
        cells = [_cell(rows[case]) if case in rows else "" for case in cases]
        table.add_row(f"{system} {version}".strip(), *cells)
    return table


def document_of(outcomes: Sequence[Harmed]) -> dict[str, Any]:
    """Return the outcomes as one JSON object."""
    return {
        "tasks": TASKS,
        "task_s": TASK_S,
        "outcomes": [outcome.to_dict() for outcome in outcomes],
    }


def _cell(outcome: Harmed) -> str:
    if outcome.version is None:
        return f"not run: {outcome.remark}"
    if outcome.case is Case.CANCELLED:
        return outcome.remark or f"ended after {outcome.seconds:.2f} s"
    parts = [f"{outcome.done} of {TASKS}"]
    if outcome.seconds is not None:
        parts.append(f"{outcome.seconds:.1f} s")
    if outcome.duplicates:
        parts.append(f"{outcome.duplicates} ran twice")
    if outcome.remark:
        parts.append(outcome.remark)
    return ", ".join(parts)
