"""``collegium bench catalogue``: the catalogue beside its framework."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from collegium.bench.catalogue import Plan, bench_catalogue


def catalogue(
    courses: Annotated[
        list[int] | None,
        typer.Option(min=1000, help="Size of the catalogue; again for more of them."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="An empty PostgreSQL database; SQLite when not given."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Medians are over these.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of each load.")] = 1.0,
) -> int:
    """Compare reads, pages, searches and writes with a bare route of the framework.

    Prints a table on stderr and one JSON object on stdout. Exit code 0 when every ratio
    is as promised, 1 when not.
    """
    sizes = tuple(courses or [100_000])
    if database is not None and len(sizes) > 1:
        raise typer.BadParameter("One database holds one size of catalogue.")
    plan = Plan(sizes, database, rounds, seconds)

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    report = bench_catalogue(plan, tell)
    _print_table(report)
    print(json.dumps(report))
    return 0 if report["is_met"] else 1


def _print_table(report: dict[str, Any]) -> None:
    for size, found in report["sizes"].items():
        lines = [f"{size} courses, filled in {found['fill_s']:.1f} s"]
        lines.append(f"{'':14}{'per s':>8}{'p50 ms':>9}{'p99 ms':>9}{'of bare':>9}")
        for name, case in found["cases"].items():
            lines.append(
                f"{name:14}{case['per_second']:8}{case['p50_ms']:9.2f}"
                f"{case['p99_ms']:9.2f}{case['ratio']:9.2f}"
            )
        print("\n".join(lines), file=sys.stderr)
    missed = [name for name, is_met in report["met"].items() if not is_met]
    print(f"missed: {', '.join(missed) or 'nothing'}", file=sys.stderr)
