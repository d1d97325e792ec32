"""``collegium solve``: from an instance to a timetable, here or on a fleet."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from collegium.cli.display import Display
from collegium.cli.solving import solve_here
from collegium.cli.solving_remote import solve_there
from collegium.errors import Invalid, TaskFailed
from collegium.jobs.journal import Outcome
from collegium.settings import core_count
from collegium.timetabling.itc2019 import read_problem, require_place, save

DEFAULT_SECONDS = 60.0
EXIT_INFEASIBLE = 1


def solve(
    instance: Annotated[
        Path,
        typer.Argument(help="ITC-2019 problem, .xml or .xml.gz", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="Solution to write, .xml or .xml.gz", show_default=False
        ),
    ],
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0.5, help="Time to search  [default: 60]"),
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option(
            "--iterations",
            min=1,
            help="Search steps of each worker instead of time; with one worker the "
            "same steps and seed give the same timetable.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**32 - 1, help="Where chance begins.")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=1024,
            help="Processes that search  [default: one for each core]",
        ),
    ] = None,
    coordinator: Annotated[
        str | None,
        typer.Option(
            "--coordinator",
            help="Base URL of a coordinator whose workers shall search instead.",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Show no progress on stderr.")
    ] = False,
) -> int:
    """Make a timetable for an instance.

    Progress goes to stderr. The last line on stdout is one JSON object: feasible,
    the raw penalties time, room, distribution and student, their weighted total,
    violations, seconds, iterations, workers and out. Ctrl-C ends the search early
    and writes the best so far. Exit code 0 when the timetable is feasible, 1 when
    none was found (the best infeasible one is written), 2 when the instance or an
    option is not acceptable, 3 when the search was not possible.
    """
    _refuse_contradictions(seconds, iterations, workers, coordinator)
    if seconds is None and iterations is None:
        seconds = DEFAULT_SECONDS
    begun_s = time.monotonic()
    data = _checked(instance, out)
    with Display(seconds, is_quiet=quiet) as display:
        common: dict[str, Any] = {
            "seconds": seconds,
            "iterations": iterations,
            "seed": seed,
            "show": display.show,
        }
        if coordinator is not None:
            outcome = asyncio.run(solve_there(data, base_url=coordinator, **common))
        else:
            count = workers or core_count()
            outcome = asyncio.run(solve_here(data, workers=count, **common))
    return _report(outcome, out, time.monotonic() - begun_s)


def _refuse_contradictions(
    seconds: float | None,
    iterations: int | None,
    workers: int | None,
    coordinator: str | None,
) -> None:
    if seconds is not None and iterations is not None:
        raise Invalid("Give --seconds or --iterations, not both.")
    if workers is not None and coordinator is not None:
        raise Invalid("Give --workers or --coordinator, not both.")


def _checked(instance: Path, out: Path) -> bytes:
    """Return the instance's bytes, having made sure that the work is not in vain."""
    read_problem(instance)
    require_place(out)
    return instance.read_bytes()


def _report(outcome: Outcome, out: Path, seconds: float) -> int:
    if outcome.result is None:
        if outcome.state == "failed" and outcome.error:
            raise TaskFailed(outcome.error)
        print(json.dumps({"feasible": False, "out": None}))
        return EXIT_INFEASIBLE
    save(out, outcome.result)
    progress = outcome.progress
    score = dict(progress["score"])
    violations = score.pop("hard")
    report = {
        "feasible": violations == 0,
        "violations": violations,
        **score,
        "seconds": round(seconds, 2),
        "iterations": progress["iterations"],
        "moves_per_s": progress["moves_per_s"],
        "workers": progress["islands"],
        "out": str(out),
    }
    print(json.dumps(report))
    return 0 if violations == 0 else EXIT_INFEASIBLE
