"""``collegium bench solver``: timetables of many instances, beside published ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from collegium.bench.solver import Case, Plan, cases_of, run_missing
from collegium.bench.solver_plots import Plots
from collegium.bench.solver_records import Run, read_records
from collegium.bench.solver_table import document_of, table_of
from collegium.cli.display import news

_LOG_WIDTH = 120
"""Characters of a line where no terminal says how wide it is."""


def solver(
    instances: Annotated[
        Path,
        typer.Option(
            help="Folder of ITC-2019 problems, .xml or .xml.gz", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--json", help="File that keeps every run; made anew or continued."
        ),
    ],
    seconds: Annotated[float, typer.Option(min=0.5, help="Budget of a run.")] = 60.0,
    workers: Annotated[
        int, typer.Option(min=1, max=1024, help="Processes that search in a run.")
    ] = 1,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="Runs of each instance.")
    ] = 1,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this instance; give one for each.", show_default=False),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            help="Folder for cost over time as PNG and SVG.", show_default=False
        ),
    ] = None,
) -> int:
    """Solve every instance with every seed, and judge what comes out.

    A run that the file of --json has already, of the same instance, seed, seconds and
    workers, is not done again. Prints a table on stderr and one JSON object on stdout.
    Exit code 0 when every run has a feasible timetable, 1 when not, 2 when a file or
    an option is not acceptable.
    """
    pictures = Plots(plots) if plots is not None else None
    read_records(out)  # a damaged file is better known before all instances are read
    cases = cases_of(Plan(instances, seconds, workers, seeds, tuple(only or ())))
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    runs = _watched(cases, out, console)
    console.print(table_of(runs))
    if pictures is not None:
        for path in pictures.draw(runs):
            console.print(str(path), highlight=False, soft_wrap=True)
    print(json.dumps(document_of(runs)))
    return 0 if all(run.is_feasible for run in runs) else 1


def _watched(cases: Sequence[Case], out: Path, console: Console) -> list[Run]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[news]}"),
        console=console,
        refresh_per_second=5,
    ) as bar:
        total_s = sum(case.key.seconds for case in cases)
        task = bar.add_task("starting", total=total_s, news="")
        before_s = {
            case.key: sum(c.key.seconds for c in cases[:number])
            for number, case in enumerate(cases)
        }

        def watch(case: Case, progress: dict[str, Any]) -> None:
            spent_s = min(progress.get("elapsed_s", 0.0), case.key.seconds)
            bar.update(
                task,
                description=f"{case.key.instance}, seed {case.key.seed}",
                completed=before_s[case.key] + spent_s,
                news=news(progress) if progress else "starting workers",
            )

        def ended(run: Run) -> None:
            cost = f"{run.cost:,.0f}" if run.is_feasible else "infeasible"
            console.print(f"{run.instance}, seed {run.seed}: {cost}", highlight=False)

        runs = run_missing(cases, out, watch, ended)
        bar.update(task, description="done", completed=total_s, news="")
    return runs
