"""``collegium bench scale``: what a thousand workers cost a coordinator."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated

import typer

from collegium.bench.scale import Scale, bench_scale


def scale(
    workers: Annotated[int, typer.Option(min=1, help="Simulated workers.")] = 1000,
    heartbeat: Annotated[
        float, typer.Option(min=0.1, help="Seconds between their reports.")
    ] = 5.0,
    seconds: Annotated[
        float, typer.Option(min=1.0, help="How long the coordinator is watched.")
    ] = 20.0,
    tasks: Annotated[
        int, typer.Option(min=1, max=10_000, help="Tasks that sleep, queued at once.")
    ] = 10_000,
    sleepers: Annotated[
        int, typer.Option(min=1, help="Workers that are left for them.")
    ] = 64,
) -> int:
    """Announce many workers over HTTP and see what that costs the coordinator.

    Prints one JSON object on stdout. Exit code 0 when it takes less than a fifth of one
    core and 200 MB, gives every worker the same number of tasks, and keeps the sleeping
    workers busy 95 % of the time; 1 when not.
    """

    def tell(step: str) -> None:
        print(step, file=sys.stderr, flush=True)

    amount = Scale(
        workers=workers,
        heartbeat_s=heartbeat,
        quiet_s=seconds,
        sleepers=min(sleepers, workers),
        naps=tasks,
    )
    report = asyncio.run(bench_scale(amount, tell))
    print(json.dumps(report))
    return 0 if report["is_met"] else 1
