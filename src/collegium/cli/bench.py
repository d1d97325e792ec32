"""``collegium bench``: what things cost, measured here and now."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from collegium.bench.dispatch import Loads, bench_dispatch
from collegium.bench.peers import measure as peers_of
from collegium.bench.peers.comparison import compare, lines_of
from collegium.bench.peers.measure import PEERS, check_names
from collegium.cli.bench_catalogue import catalogue
from collegium.cli.bench_failures import failures
from collegium.cli.bench_scale import scale
from collegium.cli.bench_solver import solver

bench = typer.Typer(help="Measure what things cost on this machine.")


@bench.callback()
def _choose() -> None:
    """Measure what things cost on this machine."""


bench.command()(failures)
bench.command()(scale)
bench.command()(catalogue)
bench.command()(solver)


@bench.command()
def dispatch(
    rounds: Annotated[int, typer.Option(min=1, help="Medians are over these.")] = 5,
    tasks: Annotated[int, typer.Option(min=64, help="Tasks with 64 at once.")] = 3000,
    single: Annotated[int, typer.Option(min=1, help="Tasks one by one.")] = 500,
    naps: Annotated[int, typer.Option(min=64, help="Tasks of 10 ms.")] = 600,
    peers: Annotated[
        bool, typer.Option("--peers", help="Also other task queues, in this run.")
    ] = False,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="Only this one of them; give one for each."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Where the peers' environments are kept.", show_default=False
        ),
    ] = None,
) -> int:
    """Compare delegating a task with the two bare HTTP hops that it is made of.

    Prints a table on stderr and one JSON object on stdout. Exit code 0 when there are
    at least 0.6 of the bare hops' tasks a second and at most twice their latency, 1
    when not. With peers, these are installed in environments of their own first, each
    is used by its own client as we are by ours, and we have to have twice the
    throughput of the best and less than the lowest latency.
    """
    loads = Loads(tasks, single, naps, rounds)
    names = tuple(peer or PEERS) if peers or peer else ()
    check_names(names)

    def tell(number: int) -> None:
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)

    report = asyncio.run(bench_dispatch(loads, tell))
    _print_table(report)
    if names:
        _add_peers(report, names, loads, cache)
    print(json.dumps(report))
    return 0 if report["is_met"] else 1


def _add_peers(
    report: dict[str, Any], names: Sequence[str], loads: Loads, cache: Path | None
) -> None:
    def tell(name: str) -> None:
        print(name, file=sys.stderr, flush=True)

    theirs = peers_of.Loads(loads.tasks, loads.single, loads.naps, loads.rounds)
    found = peers_of.measure_peers(names, loads=theirs, cache=cache, on_start=tell)
    standing = compare(report["contenders"]["client"], found)
    print(lines_of(found, standing), file=sys.stderr)
    report["peers"] = found
    report["standing"] = standing
    report["is_met"] = report["is_met"] and standing["is_met"]


def _print_table(report: dict[str, Any]) -> None:
    lines = [f"{'':12}{'tasks/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'p50 at 1':>10}"]
    for name, found in report["contenders"].items():
        lines.append(
            f"{name:12}{found['tasks_per_s']:9.0f}{found['loaded_p50_ms']:9.2f}"
            f"{found['loaded_p99_ms']:9.2f}{found['p50_ms']:10.2f}"
        )
    lines.append(
        f"throughput {report['throughput_ratio']:.2f} and latency "
        f"{report['latency_ratio']:.2f} of two hops; naps of 10 ms at "
        f"{report['naps_share_of_ideal']:.0%} of the ideal"
    )
    print("\n".join(lines), file=sys.stderr)
