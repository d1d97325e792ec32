"""``collegium validate``: what a timetable costs and whether it may be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from collegium.timetabling import validate as judge
from collegium.timetabling.itc2019 import read_problem, read_timetable


def validate(
    instance: Annotated[
        Path,
        typer.Argument(help="ITC-2019 problem, .xml or .xml.gz", show_default=False),
    ],
    solution: Annotated[
        Path,
        typer.Argument(help="ITC-2019 solution, .xml or .xml.gz", show_default=False),
    ],
    exempt_same_start: Annotated[
        bool,
        typer.Option(
            "--exempt-same-start",
            help="Do not count a MaxBlock block whose classes all start together.",
        ),
    ] = False,
) -> int:
    """Judge a timetable by the official rules.

    Prints one JSON object: feasible, violations (kind, message, classes,
    students), the raw penalties time, room, distribution and student, and their
    weighted total. Exit code 0 when feasible, 1 when not, 2 when a file cannot be
    read.
    """
    report = judge.validate(
        read_problem(instance),
        read_timetable(solution),
        exempt_same_start=exempt_same_start,
    )
    print(json.dumps(report.to_dict()))
    return 0 if report.feasible else 1
