"""``collegium bench failures``: what becomes of tasks when something dies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from collegium.bench.failures import document_of, fail_collegium, table_of
from collegium.bench.peers.drivers.harm import Case
from collegium.bench.peers.failures import fail_peers
from collegium.bench.peers.measure import PEERS, check_names


def failures(
    peers: Annotated[
        bool, typer.Option("--peers", help="Also other task queues, on their defaults.")
    ] = False,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="Only this one of them; give one for each."),
    ] = None,
    case: Annotated[
        list[Case] | None, typer.Option(help="Only this case; give one for each.")
    ] = None,
    limit: Annotated[
        float, typer.Option(min=5.0, help="Seconds after which no result counts.")
    ] = 30.0,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Where the peers' environments are kept.", show_default=False
        ),
    ] = None,
) -> int:
    """Kill, freeze and restart what does the work, and count the results.

    Gives 40 tasks of 0.25 s to a coordinator with two workers of one slot, as
    processes with default settings, and harms one of them after a second. Prints a
    table on stderr and one JSON object on stdout. Exit code 0 when Collegium has all
    results in every case, 1 when not.
    """
    console = Console(stderr=True)
    cases = tuple(case or Case)
    names = tuple(peer or PEERS) if peers or peer else ()
    check_names(names)

    def tell(name: str, case: Case) -> None:
        console.print(f"{name}: {case}", highlight=False)

    ours = fail_collegium(cases, limit_s=limit, on_start=tell)
    theirs = fail_peers(names, cases, limit_s=limit, cache=cache, on_start=tell)
    console.print(table_of([*ours, *theirs]))
    print(json.dumps(document_of([*ours, *theirs])))
    return 0 if all(outcome.seconds is not None for outcome in ours) else 1
